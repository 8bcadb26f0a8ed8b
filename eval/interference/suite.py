"""What the policy suite adds: random corpora compared, and hidden timed against absent."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from copilot.app import engine_of
from copilot.settings import Settings
from eval.interference import run, timing
from eval.interference.bench import Bench
from eval.interference.embedded_once import EmbeddedOnce
from eval.interference.graphs import Graphs, in_postgres
from eval.interference.run import hurried, interference, migrated
from eval.results import Figure, Result, at_most
from retrieval.embedding import OnnxEmbedder, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much a run compares and times, and what must come of it."""

    size: run.Size
    pairs: int
    auc: float
    seconds: float | None
    """For the comparisons: what tells a hang from a machine that others use too."""


CI = Effort(size=run.Size(corpora=50, of_each=10, least=1_000), pairs=1_000, auc=0.57, seconds=900)
"""With the ten that go through ingest, sixty corpora. The aim is 300 s, on two cores that nobody else uses."""
NEO4J = replace(CI, seconds=None)
"""Each database of a comparison is projected first, which takes longer than the comparison."""
SOAK = Effort(
    size=run.Size(corpora=420, of_each=13, least=10_000), pairs=5_000, auc=0.55, seconds=None
)


async def extended(
    result: Result, settings: Settings, effort: Effort, graphs: Graphs = in_postgres
) -> Result:
    """The result with these figures and failures added. The server of `settings` must be a scratch one.

    Times are those of the graph in Postgres, whichever `graphs` are compared: two databases are timed in turn.
    """
    assert settings.database_url is not None
    await hurried(settings.database_url)
    async with _bench(settings) as (bench, embedder):
        begun = time.monotonic()
        over = replace(bench, graphs=graphs)
        tally = await interference(over, settings.database_url, effort.size)
        goal = None if effort.seconds is None else at_most(effort.seconds)
        seconds = Figure(value=time.monotonic() - begun, unit="s", goal=goal)
        async with migrated(settings.database_url) as template:
            aucs = await timing.timing(bench, template, embedder, effort.pairs)
    figures = {
        **result.figures,
        **run.figures(tally, effort.size),
        "random_seconds": seconds,
        **timing.figures(aucs, effort.pairs, effort.auc),
    }
    return replace(result, figures=figures, failures=[*result.failures, *tally.wrong])


@asynccontextmanager
async def _bench(settings: Settings) -> AsyncIterator[tuple[Bench, OnnxEmbedder]]:
    engine, embedder = engine_of(settings), load(settings.models_dir)
    try:
        yield Bench(settings=settings, engine=engine, embedder=EmbeddedOnce(embedder)), embedder
    finally:
        await engine.close()
        embedder.close()
