"""The graph arm over the shipped fakes: entities, one relation far, gated by the question."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from copilot.ingest.documents import Document, Part
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryGraph, MemoryPassages
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import Scope, Scoper
from retrieval import graph
from retrieval.analysis import analyse
from retrieval.ports import EntityLink
from retrieval.terms import Terms
from retrieval.types import Hit

pytestmark = pytest.mark.anyio

EMBEDDER, TERMS = FakeEmbedder(), Terms()
U, S = (Label(tenant="t1", classification=Classification(level)) for level in "US")


@dataclass
class World:
    corpus: MemoryCorpus
    scoper: Scoper

    async def tell(self, *texts: str, of: Label = U, title: str = "") -> None:
        for text in texts:
            part = Part(label=of, text=text)
            document = Document(
                document_id=text, title=title, label=of, parts=(part,), source="test"
            )
            await self.corpus.put(document)

    async def scope(self, clearance: Classification = Classification.U) -> Scope:
        principal = Principal(
            sub="ann",
            tenant="t1",
            clearance=clearance,
            nationality="USA",
            roles=frozenset(["analyst"]),
            purposes=("investigation",),
        )
        return await self.scoper.scope(Asker(principal=principal, purpose="investigation"))

    async def search(self, question: str, *, scope: Scope | None = None) -> list[tuple[str, Hit]]:
        """The texts that the arm finds, best first."""
        scope = scope or await self.scope()
        [vector] = await EMBEDDER.embed([question])
        store = MemoryGraph(self.corpus)
        plan = analyse(question, TERMS)
        hits = await graph.search(store, plan, vector, [], 10, scope=scope)
        passages = MemoryPassages(self.corpus)
        chunks = await passages.chunks([hit.chunk_id for hit in hits], scope=scope)
        return [(chunks[hit.chunk_id].text, hit) for hit in hits]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    engine = EmbeddedEngine()
    corpus = MemoryCorpus()
    yield World(corpus, Scoper(engine, corpus.labels))
    await engine.close()


async def test_it_finds_what_names_the_entity_of_the_question(world: World) -> None:
    await world.tell("Anton Drell left the quay.", "The quay is long.")
    [(text, hit)] = await world.search("Where did Anton Drell leave the quay?")
    assert text == "Anton Drell left the quay."
    assert hit.path == ("anton drell",)


async def test_it_goes_one_relation_further_and_says_by_which_way(world: World) -> None:
    owner = "Anton Drell owns Alder Shipping Ltd."
    ship = "Alder Shipping Ltd runs the tanker who is behind it."
    await world.tell(owner, ship)
    found = dict(await world.search("Who is behind the tanker of Anton Drell?"))
    assert found[ship].path == ("anton drell", "owns", "Alder Shipping Ltd")


async def test_a_relation_that_is_hidden_leads_nowhere(world: World) -> None:
    ship = "Alder Shipping Ltd runs the tanker who is behind it."
    await world.tell("Anton Drell sits behind it.", ship)
    question = "Who is behind the tanker of Anton Drell?"
    before = await world.search(question)
    await world.tell("Anton Drell owns Alder Shipping Ltd.", of=S)
    assert await world.search(question) == before
    high = await world.search(question, scope=await world.scope(Classification.S))
    assert ship in dict(high)
    assert ship not in dict(before)


async def test_passages_lead_to_passages_over_what_they_name(world: World) -> None:
    await world.tell("Elsa Vance met Anton Drell.", "Elsa Vance has a flat by the quay.")
    scope = await world.scope()
    [vector] = await EMBEDDER.embed(["flat quay"])
    best = (await MemoryPassages(world.corpus).nearest(vector, 1, scope=scope))[:1]
    hits = await graph.search(
        MemoryGraph(world.corpus), analyse("flat quay", TERMS), vector, best, 10, scope=scope
    )
    assert best[0].chunk_id in {hit.chunk_id for hit in hits}


async def test_the_limit_holds(world: World) -> None:
    await world.tell(*(f"Anton Drell wrote note {n}." for n in range(20)))
    assert len(await world.search("What did Anton Drell write?")) == 10


def link(chunk: str, **changes: Any) -> EntityLink:
    values: dict[str, Any] = {
        "entity_id": "e",
        "name": "drell",
        "chunk_id": chunk,
        "degree": 2,
        "in_title": False,
        "similarity": 0.5,
    }
    return EntityLink(**(values | changes))


SEEDS = {"e": graph._Seed(weight=1.0, path=()), "f": graph._Seed(weight=0.5, path=("a", "b"))}


def test_rarer_entities_titles_and_nearer_texts_score_higher() -> None:
    for better in ({"degree": 1}, {"in_title": True}, {"similarity": 0.6}):
        first, second = graph._score([link("a"), link("b", **better)], SEEDS)
        assert (first.chunk_id, second.chunk_id) == ("b", "a"), better


def test_a_text_that_is_far_from_the_question_scores_nothing_and_never_less() -> None:
    [hit] = graph._score([link("a", similarity=-0.9)], SEEDS)
    assert hit.score == 0.0


def test_equal_scores_go_by_chunk_id_and_the_order_of_links_changes_no_bit() -> None:
    links = [link("b"), link("a"), link("a", entity_id="f"), link("b", entity_id="f")]
    scored = graph._score(links, SEEDS)
    assert [hit.chunk_id for hit in scored] == ["a", "b"]
    assert graph._score(links[::-1], SEEDS) == scored
