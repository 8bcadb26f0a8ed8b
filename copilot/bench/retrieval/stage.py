"""The stage: the product over a data directory that its own ingest filled, and the searches beside it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from copilot.acts import CheckedEngine, Copilot
from copilot.app import assemble, engine_of
from copilot.bench.bare import connect
from copilot.bench.corpus import PERSON
from copilot.bench.retrieval.peers.port import Passage
from copilot.bench.retrieval.shuffled import ShuffledGraph
from copilot.commands.asker import as_asker
from copilot.commands.ingest import take_in
from copilot.commands.opened import ready_url
from copilot.find import Finder
from copilot.settings import Settings
from copilot.stores import Stores, stores
from policy.errors import CopilotError
from policy.labels import Classification, Label
from policy.principal import Asker
from policy.scope import Scoper
from retrieval.embedding import Embedder, load
from retrieval.embedding_export import MODEL
from retrieval.hybrid import Hybrid
from retrieval.neighbours import Neighbours
from retrieval.ports import GraphStore
from retrieval.relevance import Relevance
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.bench.retrieval", "store.sql")
_PATIENCE_S = 30.0
"""A machine that is busy with other things must not end a measurement."""
_SEED = 20261121


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The opened product, and what the bench looks at beside it."""

    copilot: Copilot
    asker: Asker
    embedder: Embedder
    finder: Finder
    """The search of `copilot` once more, for what it found before the best ten were taken."""
    shuffled: Finder
    """The same over a graph whose edges lead elsewhere."""
    passages: tuple[Passage, ...]
    definitions: Mapping[str, tuple[str, ...]]
    """Name → the chunks that define it."""
    documents: Mapping[str, str]
    """Chunk → the document that it is of."""
    ingested: int
    """Documents taken in just now; none where a run before has done it."""


@asynccontextmanager
async def staged(settings: Settings, corpus: Path) -> AsyncIterator[Stage]:
    """Ingests the corpus where that was not done before, and opens everything once."""
    settings = replace(
        settings,
        database_url=None,  # the sets must not meet in one database
        database_timeout_s=_PATIENCE_S,
        policy_timeout_s=_PATIENCE_S,
    )
    url = await ready_url(settings)
    engine = engine_of(settings)
    embedder = load(settings.models_dir, settings.embedding_model or MODEL)
    database = Database(url, timeout_s=_PATIENCE_S)
    await database.open()
    database.fences.watch()
    try:
        async with stores(database) as found:
            yield await _opened(settings, corpus, url, database, engine, embedder, found)
    finally:
        await database.close()
        await engine.close()
        embedder.close()


async def _opened(
    settings: Settings,
    corpus: Path,
    url: str,
    database: Database,
    engine: CheckedEngine,
    embedder: Embedder,
    stores: Stores,
) -> Stage:
    copilot = assemble(
        settings,
        database=database,
        engine=engine,
        embedder=embedder,
        passages=stores.passages,
        graph=stores.graph,
    )
    ingested = await _ingest(copilot, corpus)
    passages, definitions = await _stored(url)
    scoper = Scoper(engine, PostgresLabels(database))

    def finder(entities: GraphStore) -> Finder:
        return Finder(
            engine=engine,
            scoper=scoper,
            hybrid=Hybrid(stores.passages, entities, embedder),
            relevance=Relevance(stores.passages),
            neighbours=Neighbours(stores.passages),
            metrics=copilot.metrics,
        )

    return Stage(
        copilot=copilot,
        asker=as_asker(PERSON),
        embedder=embedder,
        finder=finder(stores.graph),
        shuffled=finder(ShuffledGraph(stores.graph, [one.chunk_id for one in passages], _SEED)),
        passages=passages,
        definitions=definitions,
        documents={one.chunk_id: one.document_id for one in passages},
        ingested=ingested,
    )


async def _ingest(copilot: Copilot, corpus: Path) -> int:
    label = Label(tenant=PERSON.tenant, classification=Classification.U)
    report = await take_in(copilot, as_asker(PERSON), [corpus], label)
    if report.rejected:
        first = report.rejected[0]
        raise CopilotError(f"not ingested: {first.source}, line {first.line}: {first.reason}")
    return report.ingested


async def _stored(url: str) -> tuple[tuple[Passage, ...], dict[str, tuple[str, ...]]]:
    """What lies in the store, as its owner reads it: peers are given the very same texts and vectors."""
    connection = await connect(url)
    try:
        rows = await (await connection.execute(_SQL["passages"])).fetchall()
        names = await (await connection.execute(_SQL["definitions"])).fetchall()
    finally:
        await connection.close()
    definitions: dict[str, tuple[str, ...]] = {}
    for row in names:
        definitions[row["key"]] = (*definitions.get(row["key"], ()), row["chunk_id"])
    return tuple(Passage.of(row) for row in rows), definitions
