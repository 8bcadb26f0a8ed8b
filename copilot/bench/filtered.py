"""`copilot bench filter`: what the vector and the keyword arm cost where most of the corpus is hidden.

The arms are asked as `search` asks them, by people who may read all, a tenth, a hundredth and a thousandth of the
chunks. What the vector arm finds is compared with the cosines of all that is visible, one by one.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from copilot.app import database_url
from copilot.bench.bare import OwnConnection, connect
from copilot.bench.clearances import ALL, SHOWN, TENTH, asker
from copilot.bench.large import CHUNKS, MILLION, holding, questions, size, stocked
from copilot.bench.report import Figure, Report
from copilot.settings import Settings
from copilot.stores import Stores, stores
from policy.embedded import EmbeddedEngine
from policy.scope import Scope, Scoper
from retrieval import keyword, vector
from retrieval.analysis import analyse
from retrieval.embedding import Embedder, Vectors, load
from retrieval.embedding_export import MODEL
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.queries import Queries
from retrieval.terms import Terms
from retrieval.wording import Wording

_SQL = Queries("copilot.bench", "filtered.sql")
_LIMIT, _FOUND = 40, 10
_REPEATS = 3
_COMPARED, _COMPARED_OF_A_MILLION = 100, 25
"""Questions whose answers are compared with a look at every row, which takes seconds for each of a million rows."""
_TIMEOUT_S = 60.0
_RECALL = 0.99
_GOALS_MS = {
    CHUNKS: {("vector", ALL): 20.0, ("keyword", ALL): 15.0},
    MILLION: {
        ("vector", ALL): 120.0,
        ("vector", TENTH): 30.0,
        ("keyword", ALL): 60.0,
        ("keyword", TENTH): 12.0,
    },
}
"""95 of 100 searches take no longer."""


@dataclass(frozen=True, slots=True)
class _Question:
    wording: Wording
    vector: Vectors


async def run(settings: Settings) -> Report:
    """The first run makes the corpus, which takes minutes; later ones find it."""
    report, chunks = Report(name="filter"), size()
    settings = holding(settings, chunks)
    compared = _COMPARED if chunks < MILLION else _COMPARED_OF_A_MILLION
    report.environment |= {
        "chunks": await stocked(settings, chunks),
        "repeats": _REPEATS,
        "compared": compared,
    }
    embedder, engine = load(settings.models_dir, MODEL), EmbeddedEngine()
    database = Database(database_url(settings), timeout_s=_TIMEOUT_S)
    await database.open()
    owner = await connect(database_url(settings))
    try:
        asked = [await _question(text, embedder) for text in questions()]
        scoper = Scoper(engine, PostgresLabels(database))
        async with stores(database) as found:
            for shown in SHOWN:
                scope = await scoper.scope(asker(shown))
                await _measure(report, found, owner, asked, scope, shown, compared)
    finally:
        await owner.close()
        await database.close()
        await engine.close()
        embedder.close()
    _goals(report, chunks)
    return report


async def _question(text: str, embedder: Embedder) -> _Question:
    return _Question(analyse(text, Terms()).wording, await embedder.embed_question(text))


async def _measure(
    report: Report,
    found: Stores,
    owner: OwnConnection,
    asked: Sequence[_Question],
    scope: Scope,
    shown: str,
    compared: int,
) -> None:
    async def by_vector(one: _Question) -> list[str]:
        hits = await vector.search(found.passages, one.vector, _LIMIT, scope=scope)
        return [hit.chunk_id for hit in hits[:_FOUND]]

    async def by_keyword(one: _Question) -> list[str]:
        ranking = await keyword.search(found.passages, one.wording, _LIMIT, scope=scope)
        return [hit.chunk_id for hit in ranking.hits[:_FOUND]]

    await by_vector(asked[0])
    await found.passages.caught_up()
    recall = [await _recall(owner, one, scope, await by_vector(one)) for one in asked[:compared]]
    report.figures[f"{shown}/authorized_recall@10"] = Figure(
        value=round(sum(recall) / len(recall), 4), unit="", goal=_RECALL, more_is_better=True
    )
    for arm, search in (("vector", by_vector), ("keyword", by_keyword)):
        report.times(f"{shown}/{arm}", [await _quickest(search, one) for one in asked])


async def _recall(
    owner: OwnConnection, one: _Question, scope: Scope, found: Sequence[str]
) -> float:
    """Of the ten nearest that are visible, how many were found; as the owner, over every row."""
    values = {"labels": list(scope.label_ids), "vector": one.vector, "limit": _FOUND}
    cursor = await owner.execute(_SQL["nearest"], values)
    nearest = {row["chunk_id"] for row in await cursor.fetchall()}
    return len(nearest & set(found)) / max(len(nearest), 1)


async def _quickest(search: Callable[[_Question], Awaitable[object]], one: _Question) -> float:
    """Of some repeats: whatever else the machine does only adds."""
    taken = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        await search(one)
        taken.append((time.perf_counter() - begun) * 1000)
    return min(taken)


def _goals(report: Report, chunks: int) -> None:
    for (arm, shown), goal in _GOALS_MS.get(chunks, {}).items():
        report.aim(f"{shown}/{arm}_p95", goal)
