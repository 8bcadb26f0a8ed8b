"""Page and plots of a result of this bench: `python -m copilot.bench.retrieval.plots RESULT.json FOLDER`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from copilot.bench.retrieval.asked import ARMS, OURS, RRF, SHUFFLED, UNLINKED
from copilot.bench.retrieval.peers import all as peers
from copilot.bench.retrieval.tables import page
from copilot.bench.svg import Point, bars, points

_OWN = {
    **dict(zip(ARMS, ("#9ecae1", "#6baed6", "#3182bd"), strict=True)),
    RRF: "#bdbdbd",
    UNLINKED: "#969696",
    SHUFFLED: "#636363",
}
_PEERS = {
    peers.BM25: "#fdd0a2",
    peers.DENSE: "#fdae6b",
    peers.FUSED: "#fd8d3c",
    peers.HAYSTACK: "#e6550d",
    peers.HYBRID_CYPHER: "#a63603",
    peers.FILTERED: "#756bb1",
}
COLOURS = {OURS: "#006d2c", **_OWN, **_PEERS}
_LATENCY_OF = "2wiki"

Json = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Writes page and plots into the folder; exit code 2 for other than two arguments."""
    if len(arguments) != 2:
        print("give the JSON that the bench printed, and a folder", file=sys.stderr)
        return 2
    result = json.loads(Path(arguments[0]).read_text("utf-8"))
    folder = Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in plots(result).items():
        (folder / name).write_text(text, "utf-8")
    return 0


def plots(result: Json) -> dict[str, str]:
    """File name → what stands in it. What was not measured does not."""
    sets = [key for key, value in result["environment"].items() if _is_set(value)]
    by_set = {one: _recalls(result, one) for one in sets}
    found = {
        "retrieval.md": page(result, (OURS, *_OWN), sets),
        "retrieval-recall.svg": bars("recall@5 by set and method", by_set, COLOURS),
    }
    if _LATENCY_OF in by_set:
        title = f"recall@5 against latency on {_LATENCY_OF}, embedding excluded"
        found["retrieval-latency.svg"] = points(
            title, _latencies(result), COLOURS, worth="recall@5"
        )
    return found


def _is_set(value: object) -> bool:
    return isinstance(value, dict) and "passages" in value


def _recalls(result: Json, one: str) -> dict[str, float]:
    figures = result["figures"]
    own = {OURS: f"{one}/recall@5", **{name: f"{one}/{name}/recall@5" for name in _OWN}}
    values = {name: figures[key]["value"] for name, key in own.items()}
    return values | {name: found["recall@5"] for name, found in _peers_on(result, one).items()}


def _latencies(result: Json) -> list[Point]:
    figures = result["figures"]
    named = f"{_LATENCY_OF}/search_besides_embedding"
    ours = Point(
        label=OURS,
        p50=figures[f"{named}_p50"]["value"],
        p95=figures[f"{named}_p95"]["value"],
        value=figures[f"{_LATENCY_OF}/recall@5"]["value"],
    )
    return [ours] + [
        Point(label=name, p50=found["p50_ms"], p95=found["p95_ms"], value=found["recall@5"])
        for name, found in _peers_on(result, _LATENCY_OF).items()
    ]


def _peers_on(result: Json, one: str) -> dict[str, Json]:
    """The peers that were measured on a set, in the order of the legend."""
    measured = {name: value for name, value in result["peers"].items() if isinstance(value, dict)}
    return {name: measured[name][one] for name in _PEERS if one in measured.get(name, {})}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
