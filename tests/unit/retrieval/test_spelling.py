"""Spelling: a name that nobody wrote is read as the name next to it that visible passages have, and nothing else is."""

from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.ingest.documents import Document, Part
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryGraph, MemoryPassages
from policy.labels import Classification, Label
from retrieval.analysis import Plan, analyse
from retrieval.hybrid import Found, Hybrid, Timings
from retrieval.spelling import _next_to
from retrieval.terms import Terms
from tests.unit.retrieval.readers import scope_of

pytestmark = pytest.mark.anyio

U = Label(tenant="t1", classification=Classification.U)
SECRET = Label(tenant="t1", classification=Classification.S)
TEXTS = {
    "Anton Drell owns Alder Shipping Ltd.": U,
    "Captain Marlow of Alder Shipping Ltd met the holder of the licence.": U,
    "The holder lives in Dornick.": U,
    "Captain Marlot is our informant.": SECRET,
    "Captain Sellers is our other informant.": SECRET,
}


async def search(
    question: str,
    clearance: Classification = Classification.U,
    texts: dict[str, Label] = TEXTS,
) -> Found:
    corpus = MemoryCorpus()
    for text, label in texts.items():
        part = Part(label=label, text=text)
        await corpus.put(
            Document(document_id=text, title="", label=label, parts=(part,), source="test")
        )
    hybrid = Hybrid(MemoryPassages(corpus), MemoryGraph(corpus), FakeEmbedder())
    scope = await scope_of(corpus, clearance)
    plan = analyse(question, Terms())
    return await hybrid.search(plan, scope=scope, limit=10, timings=Timings())


@pytest.mark.parametrize(
    ("written", "read"),
    [("Aldre", "Alder"), ("Aldder", "Alder"), ("Alfer", "Alder"), ("ALDRE", "ALDER")],
)
async def test_a_misspelt_name_is_searched_for_as_the_one_that_stands_there(
    written: str, read: str
) -> None:
    found = await search(f"Who owns the ships of {written} Shipping?")
    assert found.plan.read_as == {written: read}
    asked = await search(f"Who owns the ships of {read} Shipping?")
    assert found.contexts == asked.contexts
    assert found.plan.terms == asked.plan.terms
    assert found.plan.to_json()["read_as"] == {written: read}


@pytest.mark.parametrize(
    "question",
    [
        "Who owns the ships of Alder Shipping?",  # nothing is misspelt
        "What did the man called Holger say?",  # "holder" is no name
        "Who is behind the firm of Aldr?",  # too short to tell
        'Who wrote of "Aldre Shipping" in May?',  # to the letter
        "Who wrote of Aldre2 in May?",  # a number
        "Who wrote of Aldress in May?",  # two letters away
        "What did the man called Thers say?",  # "there" and "these" are in no index
    ],
)
async def test_what_is_no_misspelt_name_stays_as_it_is(question: str) -> None:
    found = await search(question)
    assert found.plan.read_as == {}
    assert found.plan == analyse(question, Terms())
    assert "read_as" not in found.plan.to_json()


@pytest.mark.parametrize("question", ["What does Captain Marlov do?", "Who is Captain Seller?"])
async def test_what_is_hidden_spells_nothing(question: str) -> None:
    visible = {text: label for text, label in TEXTS.items() if label == U}
    found, without = await search(question), await search(question, texts=visible)
    assert (found.plan, found.contexts) == (without.plan, without.contexts)


async def test_of_two_that_are_as_near_the_more_frequent_is_taken_among_the_visible() -> None:
    question = "What does Captain Marloq do?"
    more = TEXTS | {"Captain Marlot left.": SECRET}
    assert (await search(question, texts=more)).plan.read_as == {"Marloq": "Marlow"}
    found = await search(question, Classification.S, more)
    assert found.plan.read_as == {"Marloq": "Marlot"}


@given(
    st.text(ascii_lowercase, min_size=5, max_size=12), st.data(), st.sampled_from(ascii_lowercase)
)
def test_one_slip_lies_next_to_the_word_and_the_word_next_to_it(
    word: str, data: st.DataObject, letter: str
) -> None:
    at = data.draw(st.integers(0, len(word) - 2))
    for slip in (
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    ):
        assert slip == word or (word in _next_to(slip) and slip in _next_to(word))
    assert word not in _next_to(word)


def test_a_plan_that_was_not_read_otherwise_says_nothing_of_it() -> None:
    plan: Plan = analyse("Who?", Terms())
    assert "read_as" not in plan.to_json()
