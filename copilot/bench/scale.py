"""`copilot bench scale`: how the whole search takes a large corpus, governance on.

One client by what share of the corpus they may read, then many at once who may read all of it, served by one process
and (below a million chunks) by as many as there are cores; and what these hold. At a million chunks also how that
compares with 100,000 chunks; where NEO4J_URL is set, also with the graph read from there, which must be empty or hold
this corpus from a run before.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from copilot.app import database_url
from copilot.bench import crowd
from copilot.bench.clearances import ALL, SHOWN, TENTH, asker
from copilot.bench.large import CHUNKS, MILLION, holding, questions, size, stocked
from copilot.bench.memory import resident_mb
from copilot.bench.report import Figure, Report, percentile
from copilot.bench.whole import Whole, whole
from copilot.projection.opened import filled
from copilot.settings import Settings
from policy.principal import Asker

_CLIENTS, _TURNS = 16, 4
_REPEATS = 3
_SEARCH_MS, _GRAPH_MS, _A_SECOND, _TIMES = 100.0, 40.0, 40.0, 1.5
_NEO4J = f"{ALL}/neo4j"
_NEO4J_MS = 60.0
_RESIDENT_MB = {CHUNKS: 700.0, MILLION: 2_000.0}


async def run(settings: Settings) -> Report:
    """The first run makes the corpora, which takes minutes; later ones find them."""
    report, chunks, neo4j = Report(name="scale"), size(), settings.neo4j_url
    report.environment |= {"clients": _CLIENTS, "repeats": _REPEATS}
    report.environment["chunks"] = await stocked(holding(settings, chunks), chunks)
    async with whole(holding(settings, chunks)) as product:
        for shown in SHOWN:
            _add(report, shown, await _alone(product, asker(shown)))
        report.figures[f"{ALL}/at_once_in_one_process"] = await _at_once(product, asker(ALL))
    report.figures["resident_memory"] = Figure(
        value=resident_mb(), unit="MB", goal=_RESIDENT_MB.get(chunks)
    )
    if chunks < MILLION:
        await _by_several(report, settings, chunks)
    if neo4j is not None:
        await _over_neo4j(report, replace(holding(settings, chunks), neo4j_url=neo4j))
    if chunks == CHUNKS:
        _stated(report)
    if chunks == MILLION:
        await _compared(report, settings)
    return report


async def _alone(product: Whole, who: Asker) -> list[Mapping[str, float]]:
    """For each question the milliseconds of each stage and of the whole, the quickest of some repeats."""
    await product.warm(who)
    return [await _quickest(product, who, question) for question in questions()]


async def _quickest(product: Whole, who: Asker, question: str) -> Mapping[str, float]:
    """Whatever else the machine does only adds."""
    rows = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        found = await product.search(who, question)
        taken = (time.perf_counter() - begun) * 1000
        rows.append({"search": taken, **found.timings_ms})
    return min(rows, key=lambda row: row["search"])


def _add(report: Report, shown: str, rows: Sequence[Mapping[str, float]]) -> None:
    stages: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for stage, taken in row.items():
            stages[stage].append(taken)
    for stage, every in stages.items():
        report.times(f"{shown}/{stage}", every)


async def _over_neo4j(report: Report, settings: Settings) -> None:
    """All of it visible, with the graph read from Neo4j, which is filled first where it is empty."""
    await filled(settings, database_url(settings))
    async with whole(settings) as product:
        _add(report, _NEO4J, await _alone(product, asker(ALL)))


async def _at_once(product: Whole, who: Asker) -> Figure:
    """Each client asks the next question as soon as it has an answer."""
    waiting = iter(questions() * _TURNS)

    async def client(waiting: Iterator[str]) -> int:
        return len([await product.search(who, question) for question in waiting])

    begun = time.perf_counter()
    answered = await asyncio.gather(*(client(waiting) for _ in range(_CLIENTS)))
    rate = sum(answered) / (time.perf_counter() - begun)
    return Figure(value=round(rate, 1), unit="/s")


async def _by_several(report: Report, settings: Settings, chunks: int) -> None:
    forks = os.cpu_count() or 1
    report.environment["processes"] = forks
    served = await crowd.measured(settings, forks, _CLIENTS, _TURNS * len(questions()))
    report.figures |= {
        f"{ALL}/at_once": Figure(value=served.rate, unit="/s"),
        "memory_of_all_processes": Figure(
            value=served.memory_mb, unit="MB", goal=_RESIDENT_MB.get(chunks)
        ),
    }


def _stated(report: Report) -> None:
    """The goals at 100,000 chunks, all of them visible."""
    report.aim(f"{ALL}/search_p95", _SEARCH_MS)
    report.aim(f"{ALL}/graph_p95", _GRAPH_MS)
    report.aim(f"{ALL}/at_once", _A_SECOND, more_is_better=True)
    if f"{_NEO4J}/graph_p95" in report.figures:
        report.aim(f"{_NEO4J}/graph_p95", _NEO4J_MS)


async def _compared(report: Report, settings: Settings) -> None:
    """A tenth of a million visible, against as many chunks and no others."""
    await stocked(holding(settings, CHUNKS), CHUNKS)
    async with whole(holding(settings, CHUNKS)) as product:
        rows = await _alone(product, asker(ALL))
    small = percentile([row["search"] for row in rows], 0.95)
    times = report.figures[f"{TENTH}/search_p95"].value / small
    report.figures["search_p95_at_100000"] = Figure(value=small, unit="ms")
    report.figures[f"{TENTH}/search_p95_times_that"] = Figure(
        value=round(times, 2), unit="×", goal=_TIMES
    )
