"""What every PassageStore and GraphStore keeps to, the real ones and the shipped fakes alike."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from typing import Any, Protocol

import anyio
import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.ingest.documents import Document, Part
from copilot.ingest.ingest import Ingest
from copilot.ingest.prepare import prepare
from copilot.ledger.log import Ledger
from copilot.projection import schema
from copilot.projection.projector import Projector
from copilot.recorder import Recorder
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryGraph, MemoryLabels, MemoryPassages
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import LabelSource, Scope, Scoper
from retrieval.ports import MOST_LINKS, GraphStore, PassageStore
from retrieval.sentences import split
from retrieval.stores.neo4j.graph import Neo4jGraph
from retrieval.stores.neo4j.projection import Neo4jProjection
from retrieval.stores.neo4j.server import Neo4j
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.projection import PostgresFence
from retrieval.stores.postgres.search import PostgresPassages
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
            sorted((await self.passages.weigh(ids, vector, terms, scope=scope)).items()),
            sorted((key, chunk.document_id, chunk.title) for key, chunk in chunks.items()),
            [
                (key, one.start, one.end, one.vector.tolist())
                for key, some in sorted(sentences.items())
                for one in some
            ],
            entities,
            *astuple(await self.graph.around(ids, entities, DEFINED, [], scope=scope)),
            await self.graph.neighbours(entities, scope=scope),
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
    database = Database(url, timeout_s=10)
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


@asynccontextmanager
async def in_neo4j(url: str, server: Neo4jServer) -> AsyncIterator[Stores]:
    """Passages in Postgres, the graph in Neo4j: filled anew, then kept by the outbox."""
    database = Database(url, timeout_s=10)
    await database.open()
    graph = Neo4j(server.url, user="neo4j", password=server.password, timeout_s=10)
    projector = Projector(database, Neo4jProjection(graph))
    await schema.migrate(graph)
    try:
        async with postgres(url) as stores:
            await projector.rebuild()

            async def put(*documents: Document) -> None:
                await stores.put(*documents)
                await projector.catch_up()

            projected = Neo4jGraph(graph, PostgresFence(database))
            yield replace(stores, graph=projected, put=put)
    finally:
        await graph.close()
        await database.close()


@asynccontextmanager
async def scoper(labels: LabelSource | MemoryLabels) -> AsyncIterator[Scoper]:
    engine = EmbeddedEngine()
    try:
        yield Scoper(engine, labels)
    finally:
        await engine.close()


@pytest.fixture(params=["memory", "postgres", "neo4j"])
def opened(request: pytest.FixtureRequest) -> Opened:
    if request.param == "memory":
        return memory
    if request.param == "neo4j":
        url = request.getfixturevalue("database_url")
        return partial(in_neo4j, url, request.getfixturevalue("neo4j"))
    return partial(postgres, request.getfixturevalue("database_url"))


def document(number: int, title: str, level: Classification, *parts: tuple[Any, str]) -> Document:
    return Document(
        document_id=f"doc-{number}",
        title=title,
        label=LEVELS[level],
        parts=tuple(Part(label=LEVELS[mark], text=text) for mark, text in parts),
        source="test",
    )


levels = st.sampled_from(list(Classification))
texts = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3).map(" ".join)
documents = st.lists(
    st.tuples(
        st.sampled_from(TITLES),
        levels,
        st.lists(st.tuples(levels, texts), min_size=1, max_size=2, unique_by=lambda p: p[0]),
    ),
    min_size=1,
    max_size=4,
).map(
    lambda some: [document(n, title, level, *parts) for n, (title, level, parts) in enumerate(some)]
)
few = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def readable(documents: list[Document]) -> list[tuple[Document, Part]]:
    return [
        (one, part)
        for one in documents
        for part in one.parts
        if part.label.classification.rank <= Classification.C.rank
    ]


@few
@given(documents=documents)
def test_nearest_is_brute_force_over_what_is_visible(
    opened: Opened, documents: list[Document]
) -> None:
    async def check() -> None:
        async with opened() as stores:
            await stores.put(*documents)
            scope = await stores.scope(LOW)
            question = await embedded("the berth of the tanker")
            hits = await stores.passages.nearest(question, EVERYTHING, scope=scope)
            shown = [
                f"{one.title}\n{part.text}"
                if one.title and part.label.dominates(one.label)
                else part.text
                for one, part in readable(documents)
            ]
            scores = [float(row @ question) for row in await EMBEDDER.embed(shown)]
            np.testing.assert_allclose(
                [hit.score for hit in hits], sorted(scores, reverse=True), atol=1e-6
            )
            assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))
            assert await stores.passages.nearest(question, 2, scope=scope) == hits[:2]

    anyio.run(check)


@few
@given(documents=documents)
def test_nothing_outside_the_scope_and_sums_over_what_is_inside(
    opened: Opened, documents: list[Document]
) -> None:
    async def check() -> None:
        async with opened() as stores:
            await stores.put(*documents)
            scope = await stores.scope(LOW)
            question = await embedded("anything")
            hits = await stores.passages.nearest(question, EVERYTHING, scope=scope)
            chunks = await stores.passages.chunks([h.chunk_id for h in hits], scope=scope)
            assert {chunk.label for chunk in chunks.values()} <= set(scope.labels.values())
            assert sorted(chunk.text for chunk in chunks.values()) == sorted(
                part.text for _, part in readable(documents)
            )
            sentences = await stores.passages.sentences(list(chunks), scope=scope)
            for key, some in sentences.items():
                assert [chunks[key].text[s.start : s.end] for s in some] == [
                    span.of(chunks[key].text) for span in split(chunks[key].text)
                ]
            assert set(sentences) == set(chunks)
            prepared = [await prepare(one, EMBEDDER, TERMS) for one in documents]
            lengths = [
                chunk.length
                for one in prepared
                for part in one.parts
                if part.part.label in scope.labels.values()
                for chunk in part.chunks
            ]
            assert await stores.postings([], scope) == [len(lengths), sum(lengths)]

    anyio.run(check)


@few
@given(documents=documents, hidden=documents)
def test_what_is_hidden_changes_nothing(
    opened: Opened, documents: list[Document], hidden: list[Document]
) -> None:
    """Also hidden text under an id that a visible document has."""
    above = [
        replace(one, label=HIDDEN, parts=(Part(label=HIDDEN, text=one.parts[0].text),))
        for one in hidden
    ]

    async def check() -> None:
        async with opened() as stores:
            await stores.put(*documents)
            before = await stores.everything(await stores.scope(LOW))
            all_before = await stores.everything(await stores.scope(HIGH))
            await stores.put(*above)
            assert await stores.everything(await stores.scope(LOW)) == before
            assert await stores.everything(await stores.scope(HIGH)) != all_before

    anyio.run(check)


def test_all_stores_give_the_same(database_url: str, neo4j: Neo4jServer) -> None:
    corpus = [
        document(1, "Alder Shipping Ltd", Classification.U, (Classification.U, SENTENCES[0])),
        document(
            2,
            "Kestrel Quay",
            Classification.S,
            (Classification.C, " ".join(SENTENCES[1:4])),
            (Classification.S, SENTENCES[4]),
        ),
        document(3, "", Classification.U, (Classification.U, SENTENCES[2])),
    ]

    async def seen(opened: Opened, who: Asker) -> list[Any]:
        async with opened() as stores:
            await stores.put(*corpus)
            return await stores.everything(await stores.scope(who))

    async def check() -> None:
        for who in (LOW, HIGH):
            real = await seen(partial(postgres, database_url), who)
            fake = await seen(memory, who)
            projected = await seen(partial(in_neo4j, database_url, neo4j), who)
            assert _rounded(real) == _rounded(fake)
            assert projected == real
            assert all(real)

    anyio.run(check)


def _rounded(value: Any) -> Any:
    """Numbers to six digits: Postgres sums in single precision."""
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return _rounded(list(asdict(value).values()))
    return value


@pytest.mark.anyio
async def test_equally_near_texts_go_by_chunk_id_also_at_the_cut(opened: Opened) -> None:
    async with opened() as stores:
        same = [
            document(n, "", Classification.U, (Classification.U, SENTENCES[0])) for n in range(6)
        ]
        await stores.put(*same)
        scope = await stores.scope(LOW)
        vector = await embedded("Drell")
        hits = await stores.passages.nearest(vector, EVERYTHING, scope=scope)
        ids = [hit.chunk_id for hit in hits]
        assert ids == sorted(ids)
        assert await stores.passages.nearest(vector, 3, scope=scope) == hits[:3]


@pytest.mark.anyio
async def test_hidden_mentions_do_not_push_visible_ones_out(opened: Opened) -> None:
    """The limit for each entity holds after the scope."""
    async with opened() as stores:
        await stores.put(
            document(0, "", Classification.U, (Classification.U, "Anton Drell left the quay.")),
            *(
                document(
                    n,
                    "Anton Drell",
                    Classification.S,
                    (Classification.S, f"Anton Drell, note {n}."),
                )
                for n in range(1, 41)
            ),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        [entity] = await stores.graph.linked(["drell"], scope=low)
        [link] = (await stores.graph.around([], [entity], [], [], scope=low)).mentions
        assert link.degree == 1
        assert (await stores.graph.around([], [entity], [], [], scope=high)).mentions == []
        near = (await stores.graph.around([], [entity], [], [link.chunk_id], scope=high)).mentions
        assert [(one.chunk_id, one.degree) for one in near] == [(link.chunk_id, 41)]


@pytest.mark.anyio
async def test_hidden_definitions_do_not_push_visible_ones_out(opened: Opened) -> None:
    """Also where text and title both define the name, the chunk counts once."""
    async with opened() as stores:
        text = "Anton Drell is the owner."
        await stores.put(
            document(0, "Anton Drell", Classification.U, (Classification.U, text)),
            *(
                document(n, "Anton Drell", Classification.S, (Classification.S, f"Note {n}."))
                for n in range(1, MOST_LINKS + 1)
            ),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        [one] = (await stores.graph.around([], [], ["anton drell"], [], scope=low)).definitions
        found = await stores.graph.around([], [], ["anton drell"], [], scope=high)
        assert found.definitions == []
        found = await stores.graph.around([], [], ["anton drell"], [one.chunk_id], scope=high)
        assert found.definitions == [one]


@pytest.mark.anyio
async def test_a_chunk_leads_to_where_its_entities_are_mentioned_too(opened: Opened) -> None:
    async with opened() as stores:
        await stores.put(
            *(document(n, "", Classification.U, (Classification.U, SENTENCES[n])) for n in (0, 2)),
            document(3, "", Classification.S, (Classification.S, SENTENCES[1])),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        hits = await stores.passages.nearest(await embedded("Drell"), EVERYTHING, scope=low)
        ids = sorted(hit.chunk_id for hit in hits)
        around = await stores.graph.around(ids[:1], [], [], [], scope=low)
        assert [*around.inside] == ids[:1]
        shared = [one for one in around.mentions if one.name == "alder shipping"]
        assert [(one.chunk_id, one.degree) for one in shared] == [(one, 2) for one in ids]
        around = await stores.graph.around(ids[:1], [], [], [], scope=high)
        assert {one.degree for one in around.mentions if one.name == "alder shipping"} == {3}


@pytest.mark.anyio
async def test_a_chunk_weighs_what_the_arms_say_of_it(opened: Opened) -> None:
    async with opened() as stores:
        await stores.put(
            *(
                document(n, "", Classification.U, (Classification.U, text))
                for n, text in enumerate(SENTENCES)
            )
        )
        scope = await stores.scope(LOW)
        question = await embedded("Alder berth")
        hits = await stores.passages.nearest(question, EVERYTHING, scope=scope)
        terms = TERMS.of("Alder berth of nobody")
        _, _, *postings = await stores.postings(terms, scope)
        weights = await stores.passages.weigh(
            [hit.chunk_id for hit in hits], question, terms, scope=scope
        )
        assert {one: weight.similarity for one, weight in weights.items()} == {
            hit.chunk_id: hit.score for hit in hits
        }
        assert postings == sorted(
            (term, one, count, weight.length)
            for one, weight in weights.items()
            for term, count in weight.counts.items()
        )
        assert await stores.passages.weigh([], question, terms, scope=scope) == {}


@pytest.mark.anyio
async def test_a_relation_leads_both_ways_and_only_where_it_is_visible(opened: Opened) -> None:
    async with opened() as stores:
        await stores.put(
            document(1, "", Classification.S, (Classification.S, SENTENCES[0])),
            document(
                2,
                "",
                Classification.U,
                (Classification.U, "Anton Drell left. Alder Shipping Ltd stayed."),
            ),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        known = {
            key: i for i, key in (await stores.graph.linked(TOKENS_IN_ORDER, scope=low)).items()
        }
        ends = [known["anton drell"], known["alder shipping"]]
        for one, other in (ends, ends[::-1]):
            steps = await stores.graph.neighbours([one], scope=high)
            assert ("owns", other) in {(step.relation, step.entity_id) for step in steps}
        seen = {step.relation for step in await stores.graph.neighbours(ends, scope=low)}
        assert "owns" not in seen


TOKENS_IN_ORDER = sorted(TOKENS)
