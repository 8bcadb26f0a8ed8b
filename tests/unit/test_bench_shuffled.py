"""The control with shuffled edges: as many links, as many names, and none where it was."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.bench.retrieval.shuffled import Permutation, ShuffledGraph
from copilot.ingest.documents import Document, Part
from copilot.testing import MemoryCorpus, MemoryGraph
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import Scope, Scoper
from retrieval.ports import Definition, GraphStore

pytestmark = pytest.mark.anyio

U = Label(tenant="t1", classification=Classification.U)
PEOPLE = ("Anton Drell", "Rolf Aldermann", "Mira Kestrel", "Olga Brandt", "Sven Harrow")
TEXTS = [
    f"{name} is a captain of the harbour who knows {PEOPLE[number - 1]}."
    for number, name in enumerate(PEOPLE)
]
KEYS = [name.lower() for name in PEOPLE]


@dataclass
class World:
    graph: MemoryGraph
    chunk_ids: list[str]
    scope: Scope

    def shuffled(self, seed: int = 1) -> ShuffledGraph:
        return ShuffledGraph(self.graph, self.chunk_ids, seed)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    engine = EmbeddedEngine()
    corpus = MemoryCorpus()
    for text in TEXTS:
        part = Part(label=U, text=text)
        document = Document(document_id=text, title="", label=U, parts=(part,), source="test")
        await corpus.put(document)
    principal = Principal(
        sub="ann",
        tenant="t1",
        clearance=Classification.U,
        nationality="USA",
        roles=frozenset(["analyst"]),
        purposes=("investigation",),
    )
    asker = Asker(principal=principal, purpose="investigation")
    scope = await Scoper(engine, corpus.labels).scope(asker)
    chunk_ids = sorted(one.chunk.chunk_id for one in corpus.visible(scope))
    yield World(MemoryGraph(corpus), chunk_ids, scope)
    await engine.close()


async def defined(
    graph: GraphStore, world: World, near: Sequence[str] = ()
) -> Sequence[Definition]:
    return (await graph.around([], [], KEYS, near, scope=world.scope)).definitions


async def test_as_many_definitions_lead_elsewhere(world: World) -> None:
    plain = await defined(world.graph, world)
    moved = await defined(world.shuffled(), world)
    assert plain
    assert Counter(one.key for one in moved) == Counter(one.key for one in plain)
    assert {one.chunk_id for one in moved} <= set(world.chunk_ids)
    assert moved != plain


async def test_the_same_seed_shuffles_alike_and_another_does_not(world: World) -> None:
    first, again, other = [await defined(world.shuffled(seed), world) for seed in (1, 1, 2)]
    assert first == again
    assert first != other


async def test_mentions_of_a_chunk_and_chunks_of_a_mention_agree(world: World) -> None:
    """It is a graph still: what a chunk mentions is mentioned there."""
    graph = world.shuffled()
    around = await graph.around(world.chunk_ids, [], [], [], scope=world.scope)
    inside, mentions = around.inside, around.mentions
    assert {(chunk, one.entity_id) for one in mentions for chunk in one.chunk_ids} == {
        (chunk, entity) for chunk, some in inside.items() for entity in some
    }
    plain = (await world.graph.around(world.chunk_ids, [], [], [], scope=world.scope)).mentions
    assert [(one.entity_id, one.degree, len(one.chunk_ids)) for one in mentions] == [
        (one.entity_id, one.degree, len(one.chunk_ids)) for one in plain
    ]
    assert mentions != plain


async def test_a_chunk_alone_mentions_what_it_does_among_others(world: World) -> None:
    graph = world.shuffled()
    every = (await graph.around(world.chunk_ids, [], [], [], scope=world.scope)).inside
    for chunk in world.chunk_ids:
        alone = await graph.around([chunk], [], [], [], scope=world.scope)
        assert alone.inside == {chunk: every[chunk]}


async def test_what_bounds_a_name_that_stands_everywhere_is_moved_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copilot.testing.MOST_LINKS", 0)
    graph = world.shuffled()
    near = world.chunk_ids[:2]
    moved = await defined(graph, world, near)
    assert {one.chunk_id for one in moved} == set(near)


@given(st.sets(st.text(min_size=1), max_size=20), st.integers(0, 99))
def test_a_permutation_gives_each_id_once_and_leads_back(ids: set[str], seed: int) -> None:
    permutation = Permutation(sorted(ids), seed)
    assert {permutation.there(one) for one in ids} == ids
    assert all(permutation.back(permutation.there(one)) == one for one in ids)
    assert permutation.there("\x00 unknown") == "\x00 unknown"
