"""The graph arm over the shipped fakes: what names lead to, from the question and from passage to passage."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from copilot.ingest.documents import Document, Part
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryGraph, MemoryPassages
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.scope import Scope, Scoper
from retrieval.analysis import analyse
from retrieval.hybrid import Hybrid, Timings
from retrieval.links import SHARING, Link, weighed
from retrieval.ports import MOST_LINKS
from retrieval.terms import Terms
from retrieval.types import Arm, Context
from tests.unit.retrieval.readers import reader

pytestmark = pytest.mark.anyio

U, S = (Label(tenant="t1", classification=Classification(level)) for level in "US")
SHIP = "The Sable Heron is a tanker that Alder Shipping charters."
FIRM = "Alder Shipping is a company of the port, founded by Rolf Aldermann."
NOISE = [f"Company {n} of the port, founded in {n}, charters a barge." for n in range(12)]
QUESTION = "Who founded the company that charters the Sable Heron?"


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
        return await self.scoper.scope(reader(clearance))

    async def search(
        self, question: str, *, scope: Scope | None = None, limit: int = 10
    ) -> dict[str, Context]:
        """Text → its context, of what the arm finds, best first."""
        scope = scope or await self.scope()
        hybrid = Hybrid(MemoryPassages(self.corpus), MemoryGraph(self.corpus), FakeEmbedder())
        plan = analyse(question, Terms())
        found = await hybrid.search(plan, scope=scope, limit=limit, timings=Timings())
        return {
            one.chunk.text: one
            for one in found.contexts
            if any(hit.arm is Arm.GRAPH for hit in one.arms)
        }


@pytest.fixture
async def world() -> AsyncIterator[World]:
    engine = EmbeddedEngine()
    corpus = MemoryCorpus()
    yield World(corpus, Scoper(engine, corpus.labels))
    await engine.close()


async def test_it_finds_what_names_the_entity_of_the_question(world: World) -> None:
    await world.tell("Yesterday Anton Drell left the quay.", "The quay is long.")
    [text] = found = await world.search("Where did Anton Drell leave from?")
    assert text == "Yesterday Anton Drell left the quay."
    assert found[text].path == ("anton drell",)


async def test_what_defines_a_name_of_the_question_stands_first(world: World) -> None:
    await world.tell(SHIP, *(f"Note {n} on the founded company of Sable Heron." for n in range(5)))
    found = await world.search(QUESTION)
    assert next(iter(found)) == SHIP
    assert found[SHIP].path == ("sable heron",)


async def test_a_title_defines_a_name(world: World) -> None:
    await world.tell("She carries oil for a charterer.", title="Sable Heron (tanker)")
    await world.tell("Anton Drell owns a company.")
    [text] = found = await world.search("Who sails the Sable Heron?")
    assert found[text].path == ("sable heron",)


async def test_passages_lead_to_what_defines_the_names_that_they_use(world: World) -> None:
    await world.tell(SHIP, FIRM, *NOISE)
    found = await world.search(QUESTION)
    assert list(found)[:2] == [SHIP, FIRM]
    assert found[FIRM].path == ("sable heron", "alder shipping")


async def test_over_two_hops(world: World) -> None:
    await world.tell(SHIP, FIRM, *NOISE, "Rolf Aldermann was born in Vellmar.")
    found = await world.search(
        "Where was the founder of the company that charters the Sable Heron born?"
    )
    assert found["Rolf Aldermann was born in Vellmar."].path == (
        *("sable heron", "alder shipping"),
        "rolf aldermann",
    )


async def test_a_passage_that_is_hidden_leads_nowhere(world: World) -> None:
    await world.tell(FIRM, "Anton Drell sits in the port.")
    before = await world.search(QUESTION)
    await world.tell(SHIP, of=S)
    assert await world.search(QUESTION) == before
    high = await world.search(QUESTION, scope=await world.scope(Classification.S))
    assert high[FIRM].path == ("sable heron", "alder shipping")


async def test_it_goes_one_relation_further_and_says_by_which_way(world: World) -> None:
    owner = "It is said that Anton Drell owns Alder Shipping Ltd."
    ship = "Nobody at Alder Shipping Ltd knows who is behind the tanker."
    await world.tell(owner, ship)
    found = await world.search("Who is behind the tanker of Anton Drell?")
    assert found[ship].path == ("anton drell", "owns", "Alder Shipping Ltd")


async def test_a_relation_that_is_hidden_leads_nowhere(world: World) -> None:
    ship = "Nobody at Alder Shipping Ltd knows who is behind the tanker."
    await world.tell("It seems that Anton Drell sits behind it.", ship)
    question = "Who is behind the tanker of Anton Drell?"
    before = await world.search(question)
    await world.tell("It is said that Anton Drell owns Alder Shipping Ltd.", of=S)
    assert await world.search(question) == before
    high = await world.search(question, scope=await world.scope(Classification.S))
    assert "owns" in high[ship].path


async def test_passages_lead_to_passages_that_share_a_name(world: World) -> None:
    await world.tell("Near the flat Elsa Vance met him.", "By the quay Elsa Vance keeps a dog.")
    found = await world.search("Who was met near the flat?")
    assert found["By the quay Elsa Vance keeps a dog."].path == ("elsa vance",)


async def test_a_name_in_too_many_passages_leads_only_to_what_the_other_arms_found(
    world: World,
) -> None:
    await world.tell(*(f"At noon {n} Anton Drell wrote note {n}." for n in range(MOST_LINKS + 1)))
    assert len(await world.search("What did Anton Drell write?", limit=5)) == 5


async def test_the_limit_holds(world: World) -> None:
    await world.tell(*(f"At noon Anton Drell wrote note {n}." for n in range(20)))
    assert len(await world.search("What did Anton Drell write?", limit=10)) == 10


def test_of_several_links_to_one_end_the_widest_counts() -> None:
    links = [Link(chunk_id="a", weight=w, path=(str(w),)) for w in (0.2, 0.5, 0.0)]
    [link] = weighed(links, SHARING)
    assert link.path == ("0.5",)
    assert link.weight == pytest.approx(
        SHARING.most * (SHARING.relative + (1 - SHARING.relative) * 0.5)
    )


def test_a_link_that_is_shut_leads_nowhere() -> None:
    assert weighed([Link(chunk_id="a", weight=0.0, path=())], SHARING) == []
    assert weighed([], SHARING) == []


async def test_a_name_leads_further_from_the_sentence_with_the_number_that_is_asked_for(
    world: World,
) -> None:
    """However each of them writes the number."""
    near, far = "Alder Shipping is a firm.", "Bremer Line is a firm."
    await world.tell(
        "Ring +49 30 123 4567 for Alder Shipping. Nobody rings Bremer Line.", near, far
    )
    found = await world.search("Which firm has +49301234567?")
    [first, second] = (found[one].arms[-1].score for one in (near, far))
    assert first > second
