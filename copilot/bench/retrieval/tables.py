"""The result of this bench as a page: goals first, then each set with every method."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from copilot.bench.retrieval.figures import METRICS

Json = Mapping[str, Any]


def page(result: Json, own: Sequence[str], sets: Sequence[str]) -> str:
    """Markdown. `own` are the methods whose figures stand under the set's name, ours first."""
    lines = [
        "# `copilot bench retrieval`: the result in `retrieval.json`",
        "",
        *_environment(result),
    ]
    lines += ["", "## Goals", "", *_goals(result["figures"])]
    if memory := result["figures"].get("memory"):
        lines += ["", f"Resident memory after the first set: {memory['value']:g} {memory['unit']}."]
    for one in sets:
        lines += [
            "",
            f"## {one}",
            "",
            *_methods(result, own, one),
            "",
            *_stages(result["figures"], one),
        ]
    absent = {name: why for name, why in result["peers"].items() if isinstance(why, str)}
    lines += [f"\nNot measured: {name}, {why}." for name, why in sorted(absent.items())]
    return "\n".join(lines) + "\n"


def _environment(result: Json) -> Iterator[str]:
    yield "| measured on | |"
    yield "| --- | --- |"
    for name, value in result["environment"].items():
        told = (
            ", ".join(f"{key} {one}" for key, one in value.items())
            if isinstance(value, dict)
            else value
        )
        yield f"| {name} | {told} |"


def _goals(figures: Json) -> Iterator[str]:
    yield "| figure | value | goal | |"
    yield "| --- | --- | --- | --- |"
    for name, figure in figures.items():
        if figure["goal"] is not None:
            met = "met" if figure["passed"] else "**missed**"
            yield f"| {name} | {figure['value']:g} {figure['unit']} | {figure['goal']} | {met} |"


def _methods(result: Json, own: Sequence[str], one: str) -> Iterator[str]:
    figures = result["figures"]
    yield f"| method | {' | '.join(METRICS)} | p50 / p95 ms |"
    yield f"| --- |{' --- |' * (len(METRICS) + 1)}"
    for number, method in enumerate(own):
        prefix = one if number == 0 else f"{one}/{method}"
        values = " | ".join(f"{figures[f'{prefix}/{metric}']['value']:g}" for metric in METRICS)
        named = f"{one}/search_besides_embedding"
        times = f"{figures[f'{named}_p50']['value']:g} / {figures[f'{named}_p95']['value']:g}"
        yield f"| {method} | {values} | {times if number == 0 else ''} |"
    for method, found in sorted(result["peers"].items()):
        if isinstance(found, dict) and one in found:
            values = " | ".join(f"{found[one][metric]:g}" for metric in METRICS)
            times = f"{found[one]['p50_ms']:g} / {found[one]['p95_ms']:g}"
            yield f"| {method} (peer) | {values} | {times} |"


def _stages(figures: Json, one: str) -> Iterator[str]:
    yield "| our own search, p50 / p95 ms | |"
    yield "| --- | --- |"
    for name, figure in figures.items():
        start = name.removesuffix("_p50")
        if (
            name.startswith(f"{one}/")
            and start != name
            and f"{start}_p95" in figures
            and figure["unit"] == "ms"
        ):
            yield f"| {start.removeprefix(f'{one}/')} | {figure['value']:g} / {figures[f'{start}_p95']['value']:g} |"
