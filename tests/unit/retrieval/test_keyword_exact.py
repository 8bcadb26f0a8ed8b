"""What a question wants to the letter stands first: identifiers, phrases in quotes; and words by their beginnings."""

from collections.abc import Sequence
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.ingest.documents import Document, Part
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryPassages
from policy.labels import Classification, Label
from policy.scope import Scope
from retrieval import keyword
from retrieval.analysis import analyse
from retrieval.keyword import Ranking
from retrieval.ports import MOST_BEGINNING
from retrieval.terms import Terms
from retrieval.types import Chunk
from tests.unit.retrieval.readers import scope_of

pytestmark = pytest.mark.anyio

U, TS = (Label(tenant="t1", classification=one) for one in (Classification.U, Classification.TS))
TERMS = Terms()


class Counting(MemoryPassages):
    """Counts the texts that are read."""

    read = 0

    async def chunks(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        self.read += len(chunk_ids)
        return await super().chunks(chunk_ids, scope=scope)


class World:
    """Passages of unclassified documents, and those of hidden ones, for a reader cleared for nothing else."""

    def __init__(self) -> None:
        self.corpus = MemoryCorpus()
        self.store = Counting(self.corpus)
        for label in (U, TS):
            self.corpus.labels.intern(label)
        self._scope: Scope | None = None

    async def put(self, *texts: str, label: Label = U, title: str = "") -> None:
        for text in texts:
            await self.corpus.put(
                Document(
                    document_id=f"{label.classification} {text}",
                    title=title,
                    label=label,
                    parts=(Part(label=label, text=text),),
                    source="test",
                )
            )

    async def rank(self, question: str, limit: int = 10) -> Ranking:
        wording = analyse(question, TERMS).wording
        return await keyword.search(self.store, wording, limit, scope=await self.scope())

    async def found(self, question: str, limit: int = 10) -> list[str]:
        """The texts, best first."""
        ranking, scope = await self.rank(question, limit), await self.scope()
        chunks = await MemoryPassages.chunks(
            self.store, [hit.chunk_id for hit in ranking.hits], scope=scope
        )
        return [chunks[hit.chunk_id].text for hit in ranking.hits]

    async def scope(self) -> Scope:
        self._scope = self._scope or await scope_of(self.corpus)
        return self._scope


ACCOUNT = "The account DE89 3704 0044 0532 0130 00 was closed after a long inquiry by nobody in particular."
WORDS = "Who opened the closed account? The owner of the account opened the account."


@pytest.mark.parametrize(
    "written",
    ["DE89370400440532013000", "de89 3704 0044 0532 0130 00", "DE89-3704-0044-0532-0130-00"],
)
async def test_a_passage_with_the_identifier_stands_above_any_with_more_words(written: str) -> None:
    world = World()
    await world.put(
        WORDS, ACCOUNT, "The account DE89 3704 0044 0532 0130 01 was opened by the owner."
    )
    found = await world.found(f"Who is the owner who opened the closed account {written}?")
    assert found[0] == ACCOUNT
    assert set(found[1:]) > {WORDS}


async def test_more_identifiers_stand_above_one() -> None:
    world = World()
    both = "CVE-2021-44228 was sent from 10.0.0.7, and much else that has nothing to do with it was said there."
    await world.put("CVE-2021-44228: the exploit of the exploit", both)
    assert (await world.found("Was the exploit CVE 2021 44228 sent from 10[.]0.0.7?"))[0] == both


PHRASE = "In the evening, long after all others had gone home, the harbour-master signed."
APART = "The master of the harbour signed the invoice. Master, harbour, invoice."


async def test_a_passage_with_the_phrase_stands_above_those_with_its_words() -> None:
    world = World()
    await world.put(APART, PHRASE, "The invoice was paid.")
    assert (await world.found('"harbour master" invoice'))[0] == PHRASE
    assert (await world.found("harbour master invoice"))[0] == APART
    assert len(await world.found('"harbour master" invoice')) == 3


async def test_a_phrase_in_the_title_counts_and_one_across_title_and_text_does_not() -> None:
    world = World()
    await world.put("It burnt for three days.", title="The Harbour Master")
    await world.put("Master of the quay, harbour, harbour, harbour master.txt", title="Invoice")
    ranking = await world.rank('"harbour master"')
    assert sorted(ranking.held.values()) == [1, 1]
    await world.put("Master Smith signed.", title="At the Harbour")
    ranking = await world.rank('"harbour master"')
    assert sorted(ranking.held.values()) == [0, 1, 1]


async def test_what_is_hidden_is_not_read_for_a_phrase_and_costs_no_visible_passage_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keyword, "_MOST_READ", 2)
    world = World()
    await world.put(APART, PHRASE)
    alone, before = await world.rank('"harbour master"'), world.store.read
    await world.put(*(f"Harbour master {number}" for number in range(20)), label=TS)
    assert await world.rank('"harbour master"') == alone
    assert world.store.read == 2 * before


async def test_no_more_passages_are_read_than_can_be_among_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keyword, "_READ_AT_ONCE", 1)
    world = World()
    await world.put(*(f"harbour master {'quay ' * number}" for number in range(30)))
    assert len(await world.found('"harbour master"', 3)) == 3
    assert world.store.read <= 5


async def test_a_passage_with_both_phrases_is_read_though_others_have_better_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keyword, "_READ_AT_ONCE", 1)
    world = World()
    both = f"The old crane. The red quay. {'Nothing else of note. ' * 30}End."
    await world.put("Crane, old red quay.", "Red quay, crane, red quay, old.", both)
    assert await world.found('"red quay" by the "old crane" of old', 1) == [both]


@settings(max_examples=12, deadline=None)
@given(
    texts=st.lists(
        st.lists(st.sampled_from("red quay of the old".split()), min_size=1, max_size=6).map(
            " ".join
        ),
        min_size=1,
        max_size=8,
        unique=True,
    ),
    limit=st.integers(1, 4),
)
async def test_reading_no_more_than_needed_gives_the_same_as_reading_all(
    texts: list[str], limit: int
) -> None:
    world = World()
    await world.put(*texts)
    question = '"red quay" and "the old quay" of old'
    with mock.patch.object(keyword, "_READ_AT_ONCE", 1):
        some = await world.rank(question, limit)
    every = await world.rank(question, 1_000)
    assert some.hits == every.hits[:limit]
    scope = await world.scope()
    vector = (await FakeEmbedder().embed(["red"]))[0]
    ids = [hit.chunk_id for hit in every.hits]
    weights = await world.store.weigh(ids, vector, some.terms, scope=scope)
    assert [every.score(one, weights[one]) for one in ids] == [hit.score for hit in every.hits]


async def test_the_beginning_of_a_word_is_one_term_that_stands_for_all_that_begin_so() -> None:
    world = World()
    await world.put("A shipwreck.", "Shipment and shipyard.", "The sailor.", "Worship there.")
    ranking = await world.rank("ship*")
    assert set(await world.found("ship*")) == {"A shipwreck.", "Shipment and shipyard."}
    assert set(ranking.expanded["ship*"]) >= {"shipwreck", "shipment", "shipyard"}
    assert ranking.idf == {}
    weights = await world.store.weigh(
        [hit.chunk_id for hit in ranking.hits],
        (await FakeEmbedder().embed(["ship"]))[0],
        ranking.terms,
        scope=await world.scope(),
    )
    for hit in ranking.hits:
        assert ranking.score(hit.chunk_id, weights[hit.chunk_id]) == hit.score


async def test_hidden_words_take_no_place_among_those_that_a_beginning_stands_for() -> None:
    world = World()
    await world.put("A shipwreck and a shipyard.")
    alone = await world.rank("ship*")
    await world.put(*(f"ship{n:03} ship{n:03}" for n in range(2 * MOST_BEGINNING)), label=TS)
    assert await world.rank("ship*") == alone


async def test_an_identifier_is_found_by_its_beginning() -> None:
    world = World()
    await world.put(ACCOUNT, "Nothing of note.")
    assert await world.found("DE893704*") == [ACCOUNT]


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("Wem gehören die Häfen?", "Der Hafen gehört niemandem, und das ist auch gut so."),
        ("Who is Jürgen Müller?", "Das ist der Kapitän Jürgen Müller, der mit der Fähre kam."),
        ("Qui a le compte 4411 2098 77 ?", "The account 4411209877 is held by a bank."),
    ],
)
async def test_a_question_in_one_language_finds_its_own_and_names_in_others(
    question: str, passage: str
) -> None:
    world = World()
    await world.put(
        passage, "There is nothing here.", "Es gibt hier nichts, was der Rede wert ist."
    )
    assert (await world.found(question))[0] == passage
