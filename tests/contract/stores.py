"""Every PassageStore with its GraphStore, opened and filled: the real ones and the shipped fakes."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import astuple, dataclass, replace
from typing import Any, Protocol

import psycopg

from copilot.ingest.documents import Document, Part
from copilot.ingest.ingest import Ingest
from copilot.ledger.log import Ledger
from copilot.projection import schema
from copilot.projection.projector import Projector
from copilot.recorder import Recorder
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryGraph, MemoryLabels, MemoryPassages
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import LabelSource, Scope, Scoper
from retrieval.ports import GraphStore, PassageStore
from retrieval.stores.neo4j.graph import Neo4jGraph
from retrieval.stores.neo4j.projection import Neo4jProjection
from retrieval.stores.neo4j.server import Neo4j
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.named import Named
from retrieval.stores.postgres.names_in_step import Names
from retrieval.stores.postgres.projection import PostgresFence
from retrieval.stores.postgres.search import PostgresPassages
from retrieval.stores.postgres.worded import Worded
from retrieval.stores.postgres.words_in_step import Words
from retrieval.terms import Terms
from tests.servers.neo4j import Neo4jServer

EMBEDDER = FakeEmbedder()
TERMS = Terms()
EVERYTHING = 1_000
LEVELS = {level: Label(tenant="t1", classification=level) for level in Classification}
HIDDEN = Label(tenant="t1", classification=Classification.U, compartments=frozenset(["SI"]))
SENTENCES = [
    "Anton Drell owns Alder Shipping Ltd.",
    "Alder Shipping Ltd paid Marlpit Consulting Ltd for the berth.",
    "Rolf Aldermann is a director of Alder Shipping Ltd.",
    "The tanker Sable Heron berthed at Kestrel Quay on 18 February 2024.",
    "Marlpit Consulting Ltd has the account VM31SALT00467714.",
    "Nobody saw the tanker leave the berth.",
]
TITLES = ["", "Alder Shipping Ltd", "Kestrel Quay"]


def asker(clearance: Classification) -> Asker:
    principal = Principal(
        sub=f"reader-{clearance}",
        tenant="t1",
        clearance=clearance,
        compartments=frozenset(["SI"] if clearance is Classification.TS else []),
        nationality="USA",
        roles=frozenset(["analyst", "ingester"]),
        purposes=("investigation",),
    )
    return Asker(principal=principal, purpose="investigation")


LOW, HIGH = asker(Classification.C), asker(Classification.TS)


class Put(Protocol):
    async def __call__(self, *documents: Document) -> None: ...


@dataclass
class Stores:
    passages: PassageStore
    graph: GraphStore
    put: Put
    scope: Callable[[Asker], Any]

    async def postings(self, terms: list[str], scope: Scope) -> list[Any]:
        """The sums, and every posting as term, chunk id, count and length."""
        found = await self.passages.postings(terms, scope=scope)
        positions = sorted({int(p) for one in found.lists.values() for p in one.positions})
        assert all(0 <= position < found.size for position in positions)
        ids = await self.passages.identify(found, positions, scope=scope)
        assert sorted(ids) == positions
        listed = sorted(
            (term, ids[int(position)], int(count), int(length))
            for term, one in found.lists.items()
            for position, count, length in zip(one.positions, one.counts, one.lengths, strict=True)
        )
        return [found.chunks, found.terms, *listed]

    async def everything(self, scope: Scope) -> list[Any]:
        """All that the searches give within a scope, as plain values."""
        vector = await embedded("Alder Shipping Ltd berth")
        terms = sorted({term for text in SENTENCES for term in TERMS.of(text)})
        entities = sorted(await self.graph.linked(sorted(TOKENS), scope=scope))
        hits = await self.passages.nearest(vector, EVERYTHING, scope=scope)
        ids = [hit.chunk_id for hit in hits]
        chunks = await self.passages.chunks(ids, scope=scope)
        sentences = await self.passages.sentences(ids, scope=scope)
        return [
            hits,
            await self.passages.nearest(vector, 2, scope=scope),
            await self.postings(terms, scope),
            await self.passages.beginning(["al", "t", "=", "nobody*"], scope=scope),
            sorted((await self.passages.weigh(ids, vector, terms, scope=scope)).items()),
            sorted((await self.passages.passages(ids, scope=scope)).items()),
            sorted((key, chunk.document_id, chunk.title) for key, chunk in chunks.items()),
            [
                (key, one.start, one.end, one.vector.tolist())
                for key, some in sorted(sentences.items())
                for one in some
            ],
            entities,
            *astuple(await self.graph.around(ids, entities, DEFINED, [], scope=scope)),
            await self.graph.neighbours(entities, scope=scope),
            await self.graph.entities(["shipping"], EVERYTHING, scope=scope),
        ]


TOKENS = {"alder", "shipping", "ltd", "drell", "marlpit", "heron", "kestrel", "quay", "aldermann"}
DEFINED = ["alder shipping ltd", "anton drell", "kestrel quay", "nobody", "tanker sable heron"]
Opened = Callable[[], AbstractAsyncContextManager[Stores]]


async def embedded(text: str) -> Any:
    return (await EMBEDDER.embed([text]))[0]


@asynccontextmanager
async def memory() -> AsyncIterator[Stores]:
    corpus = MemoryCorpus()

    async def put(*documents: Document) -> None:
        for document in documents:
            await corpus.put(document)

    async with scoper(corpus.labels) as scopes:
        yield Stores(MemoryPassages(corpus), MemoryGraph(corpus), put, scopes.scope)


@asynccontextmanager
async def postgres(url: str) -> AsyncIterator[Stores]:
    """Emptied first, so that one database serves all examples of a property."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("TRUNCATE documents, label_statistics CASCADE")
    database = Database(url, timeout_s=60)
    await database.open()

    async with scoper(PostgresLabels(database)) as scopes:
        engine = EmbeddedEngine()
        ledger = Ledger(database)
        recorder = Recorder(engine, scopes, ledger)
        ingest = Ingest(database, engine, scopes, EMBEDDER, ledger, recorder)

        async def put(*documents: Document) -> None:
            report = await ingest.run(HIGH, documents)
            assert report.rejected == ()

        try:
            yield Stores(PostgresPassages(database), PostgresGraph(database), put, scopes.scope)
        finally:
            await engine.close()
            await database.close()


class CaughtGraph(PostgresGraph):
    """Looks names up in memory alone, once they are there."""

    def __init__(self, database: Database, names: Names) -> None:
        super().__init__(database, names)
        self._in_step = names

    async def _named(self, scope: Scope) -> Named:
        while (named := await super()._named(scope)) is None:
            await self._in_step.caught_up()
        return named


class CaughtPassages(PostgresPassages):
    """Looks words up in memory alone, once they are there."""

    async def _worded(self, scope: Scope) -> Worded:
        while (worded := await super()._worded(scope)) is None:
            await self.caught_up()
        return worded


@asynccontextmanager
async def copies(url: str) -> AsyncIterator[Stores]:
    """Names and words in memory."""
    database = Database(url, timeout_s=60)
    await database.open()
    names, words = Names(database, least=0), Words(database, least=0)
    try:
        async with postgres(url) as stores:
            graph = CaughtGraph(database, names)
            passages = CaughtPassages(database, words=words)

            async def put(*documents: Document) -> None:
                """So that memory holds what is hidden from others as well."""
                await stores.put(*documents)
                scope = await stores.scope(HIGH)
                await graph.linked([], scope=scope)
                await passages.postings([], scope=scope)

            yield replace(stores, graph=graph, passages=passages, put=put)
    finally:
        await names.close()
        await words.close()
        await database.close()


@asynccontextmanager
async def in_neo4j(
    url: str, server: Neo4jServer, *, in_memory: bool = False
) -> AsyncIterator[Stores]:
    """Passages in Postgres, the graph in Neo4j: filled anew, then kept by the outbox; or names in memory before it."""
    database = Database(url, timeout_s=60)
    await database.open()
    names = Names(database, least=0)
    graph = Neo4j(server.url, user="neo4j", password=server.password, timeout_s=60)
    projector = Projector(database, Neo4jProjection(graph))
    await schema.migrate(graph)
    try:
        async with postgres(url) as stores:
            await projector.rebuild()

            async def put(*documents: Document) -> None:
                await stores.put(*documents)
                await projector.catch_up()
                if in_memory:
                    await names.of(await stores.scope(HIGH))
                    await names.caught_up()

            fence = PostgresFence(database)
            projected = Neo4jGraph(graph, fence, names if in_memory else None)
            yield replace(stores, graph=projected, put=put)
    finally:
        await names.close()
        await graph.close()
        await database.close()


@asynccontextmanager
async def scoper(labels: LabelSource | MemoryLabels) -> AsyncIterator[Scoper]:
    engine = EmbeddedEngine()
    try:
        yield Scoper(engine, labels)
    finally:
        await engine.close()


def document(number: int, title: str, level: Classification, *parts: tuple[Any, str]) -> Document:
    return Document(
        document_id=f"doc-{number}",
        title=title,
        label=LEVELS[level],
        parts=tuple(Part(label=LEVELS[mark], text=text) for mark, text in parts),
        source="test",
    )
