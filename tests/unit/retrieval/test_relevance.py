"""How well a sentence fits: meaning, words, and the kind of thing that was asked for."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pytest

from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryLabels, MemoryPassages
from policy.scope import Scope, Scoper
from retrieval.analysis import analyse
from retrieval.hybrid import Found
from retrieval.ports import EmbeddedSentence
from retrieval.relevance import Relevance, _has_kind
from retrieval.sentences import split
from retrieval.terms import Terms
from retrieval.types import Chunk, Context
from tests.unit.policy.fakes import ListedLabels, asker
from tests.unit.retrieval.contexts import context

EMBEDDER = FakeEmbedder()


class Sentences(MemoryPassages):
    """A store that has every sentence of the contexts, embedded with their titles."""

    def __init__(self, contexts: Sequence[Context]) -> None:
        super().__init__(MemoryCorpus())
        self._chunks = [context.chunk for context in contexts]

    async def sentences(
        self, chunk_ids: Sequence[str], *, scope: Scope
    ) -> dict[str, list[EmbeddedSentence]]:
        return {chunk.chunk_id: await _embedded(chunk) for chunk in self._chunks}


async def _embedded(chunk: Chunk) -> list[EmbeddedSentence]:
    spans = split(chunk.text)
    vectors = await EMBEDDER.embed([f"{chunk.title} {span.of(chunk.text)}" for span in spans])
    return [
        EmbeddedSentence(start=span.start, end=span.end, vector=vector)
        for span, vector in zip(spans, vectors, strict=True)
    ]


async def weigh(
    question: str,
    *contexts: Context,
    forms: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> list[Context]:
    plan = analyse(question, Terms())
    [vector] = await EMBEDDER.embed([question])
    found = Found(
        plan=plan,
        contexts=tuple(contexts),
        vector=vector,
        idf=dict.fromkeys([*plan.terms, *forms], 1.0),
        forms=forms,
        arms={},
    )
    engine = ListedLabels(set())
    scope = await Scoper(engine, MemoryLabels()).scope(asker())
    return await Relevance(Sentences(contexts)).weigh(contexts, found, scope=scope)


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
        (
            "Which phone number?",
            "The phone number is +44 20 7946 0958.",
            "The phone number is here.",
        ),
    ],
)
def test_a_sentence_has_the_kind_of_thing_that_was_asked_for(
    question: str, holds: str, lacks: str
) -> None:
    plan = analyse(question, Terms())
    assert _has_kind(holds, plan)
    assert not _has_kind(lacks, plan)


@pytest.mark.anyio
async def test_a_sentence_with_the_kind_of_thing_fits_better() -> None:
    with_it, without = await scores("Why did it sink?", "Because it sank.", "But it sank.")
    assert with_it > without


@pytest.mark.anyio
async def test_what_the_question_itself_names_is_no_answer() -> None:
    told, new = await scores(
        "Who paid Anton Drell?", "They paid Anton Drell.", "They paid Elsa Vance."
    )
    assert told - new < 0.31  # words and meaning speak for the first, its kind does not


@pytest.mark.anyio
async def test_more_of_the_questions_words_fit_better() -> None:
    more, less = await scores(
        "Is the tanker berth at the quay?", "A tanker berth at the quay.", "A tanker elsewhere."
    )
    assert more > less


@pytest.mark.anyio
async def test_the_title_says_whom_a_sentence_is_about() -> None:
    titled, plain = await weigh(
        "Is Drell left-handed?",
        context("a", "He is left-handed.", title="Drell"),
        context("b", "He is left-handed."),
    )
    assert titled.sentences[0].score > plain.sentences[0].score


@pytest.mark.anyio
async def test_every_sentence_is_weighed_in_its_place() -> None:
    text = "One came. Two went home. Three stayed."
    [weighed] = await weigh("Who came?", context("a", text))
    assert [one.text for one in weighed.sentences] == [
        "One came.",
        "Two went home.",
        "Three stayed.",
    ]
    assert all(text[one.start : one.end] == one.text for one in weighed.sentences)


@pytest.mark.anyio
async def test_what_else_was_found_changes_no_bit() -> None:
    alone = await weigh("Who came?", context("a", "Anton Drell came."))
    company = await weigh(
        "Who came?", context("b", "Elsa went."), context("a", "Anton Drell came.")
    )
    assert company[1] == alone[0]
    assert await weigh("Who came?") == []


@pytest.mark.anyio
async def test_the_beginning_of_a_word_counts_where_a_word_has_it() -> None:
    """Alone, too: else the embedding of half a word would choose among all that the keyword arm found."""
    forms = {"silen*": ("silenc", "silent")}
    has, lacks = await weigh(
        "silen*",
        context("a", "Silence was kept on the quay."),
        context("b", "Signal lamps stood on the quay."),
        forms=forms,
    )
    without, _ = await weigh("silen*", has, lacks)
    assert has.sentences[0].score > lacks.sentences[0].score
    assert has.sentences[0].score > without.sentences[0].score
