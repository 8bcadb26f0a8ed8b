"""What it takes to decide a scope over 1,000 labels, and to find it again."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain, combinations, islice
from statistics import median

from copilot.bench.corpus import PERSON
from copilot.bench.report import Figure, Report
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.principal import Asker
from policy.scope import LabelCatalog, Scoper

COMPARTMENTS = tuple(f"C{number}" for number in range(12))
READER = replace(PERSON, compartments=frozenset(COMPARTMENTS))
_LABELS = 1_000
_COLD_MS, _CACHED_MS = 12.0, 0.1
_PEOPLE, _AGAIN, _WARMING = 60, 20, 5


def label(compartments: Iterable[str]) -> Label:
    """A label of the reader's tenant."""
    return Label(
        tenant=READER.tenant,
        classification=Classification.U,
        compartments=frozenset(compartments),
    )


@dataclass(frozen=True)
class _Known:
    """A catalogue as it lies in memory between two changes."""

    labels: dict[int, Label]

    async def catalog(self, tenant: str) -> LabelCatalog:  # noqa: ARG002
        return LabelCatalog(epoch=1, labels=self.labels)


async def measure(report: Report) -> None:
    """Adds the times of a first and of a repeated scope, for people who differ."""
    every = chain.from_iterable(combinations(COMPARTMENTS, size) for size in range(4, 8))
    source = _Known(dict(enumerate(map(label, islice(every, _LABELS)))))
    askers = [
        Asker(principal=replace(READER, sub=f"p{number}"), purpose="measurement")
        for number in range(_PEOPLE)
    ]
    engine = EmbeddedEngine()
    try:
        scoper = Scoper(engine, source)
        cold = [await _timed(scoper, asker) for asker in askers]
        cached = [await _timed(scoper, asker) for _ in range(_AGAIN) for asker in askers]
    finally:
        await engine.close()
    report.environment["labels"] = len(source.labels)
    _add(report, "scope_cold", cold[_WARMING:], _COLD_MS)
    _add(report, "scope_cached", cached, _CACHED_MS)


async def _timed(scoper: Scoper, asker: Asker) -> float:
    begun = time.perf_counter()
    await scoper.scope(asker)
    return (time.perf_counter() - begun) * 1000


def _add(report: Report, name: str, taken: list[float], goal: float) -> None:
    ranked = sorted(taken)
    p95 = ranked[-(-len(ranked) * 95 // 100) - 1]
    report.figures[f"{name}_p50"] = Figure(value=round(median(taken), 4), unit="ms")
    report.figures[f"{name}_p95"] = Figure(value=round(p95, 4), unit="ms", goal=goal)
