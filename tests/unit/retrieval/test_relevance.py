"""How well a sentence fits: meaning, words, and the kind of thing that was asked for."""

import pytest

from copilot.testing import FakeEmbedder
from retrieval.analysis import analyse
from retrieval.relevance import Relevance
from retrieval.terms import Terms
from retrieval.types import Context
from tests.unit.retrieval.contexts import context

pytestmark = pytest.mark.anyio

EMBEDDER = FakeEmbedder()


async def weigh(question: str, *contexts: Context) -> list[Context]:
    plan = analyse(question, Terms())
    [vector] = await EMBEDDER.embed([question])
    idf = dict.fromkeys(plan.terms, 1.0)
    return await Relevance(EMBEDDER).weigh(contexts, plan, vector, idf)


async def scores(question: str, *texts: str) -> list[float]:
    weighed = await weigh(question, *(context(text, text) for text in texts))
    return [one.sentences[0].score for one in weighed]


@pytest.mark.parametrize(
    ("question", "holds", "lacks"),
    [
        ("Who saw the fire?", "Anton Drell saw the fire.", "Somebody saw the fire."),
        ("When was the fire?", "The fire was on 3 May 2024.", "The fire was there then."),
        ("When was the fire?", "The fire was at 16:40 there.", "The fire was there then."),
        ("How much was the fire?", "The fire was EUR 500 then.", "The fire was much then."),
        ("How many fires?", "There were seven fires.", "There were some fires."),
        ("Why was the fire?", "The fire was because of it.", "The fire was there with it."),
        ("Which phone number?", "The phone number is 555-0162.", "The phone number is here."),
    ],
)
async def test_a_sentence_with_the_kind_of_thing_fits_better(
    question: str, holds: str, lacks: str
) -> None:
    with_it, without = await scores(question, holds, lacks)
    assert with_it > without


async def test_what_the_question_itself_names_is_no_answer() -> None:
    told, new = await scores(
        "Who paid Anton Drell?", "They paid Anton Drell.", "They paid Elsa Vance."
    )
    assert told - new < 0.31  # words and meaning speak for the first, its kind does not


async def test_more_of_the_questions_words_fit_better() -> None:
    more, less = await scores(
        "Is the tanker berth at the quay?", "A tanker berth at the quay.", "A tanker elsewhere."
    )
    assert more > less


async def test_the_title_says_whom_a_sentence_is_about() -> None:
    titled, plain = await weigh(
        "Is Drell left-handed?",
        context("a", "He is left-handed.", title="Drell"),
        context("b", "He is left-handed."),
    )
    assert titled.sentences[0].score > plain.sentences[0].score


async def test_every_sentence_is_weighed_in_its_place() -> None:
    text = "One came. Two went home. Three stayed."
    [weighed] = await weigh("Who came?", context("a", text))
    assert [one.text for one in weighed.sentences] == ["One came.", "Two went home.", "Three stayed."]
    assert all(text[one.start : one.end] == one.text for one in weighed.sentences)


async def test_what_else_was_found_changes_no_bit() -> None:
    alone = await weigh("Who came?", context("a", "Anton Drell came."))
    company = await weigh(
        "Who came?", context("b", "Elsa went."), context("a", "Anton Drell came.")
    )
    assert company[1] == alone[0]
    assert await weigh("Who came?") == []
