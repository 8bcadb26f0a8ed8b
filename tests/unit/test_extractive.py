"""Generators without a model: they quote word for word, and say nothing where nothing fits."""

from dataclasses import replace

import pytest

from copilot.generation.extractive import Extractive, choose
from copilot.generation.port import Claim, Finished, Generator, Prompt
from copilot.results import Usage
from eval.controls import control
from retrieval.types import Context, ScoredSentence
from tests.unit.retrieval.contexts import context

pytestmark = pytest.mark.anyio

PROMPT = Prompt(system="", question="Who owns it?", template="answer", version="1", sha256="")
SHIP = "The Corrin Star left at dawn."
CRANE = "A crane was repaired on Monday."
LORRY = "Two lorries waited outside."


def of(text: str, *scores: float, name: str = "c1") -> Context:
    """A context whose sentences, split at full stops, have these scores."""
    sentences, begin = [], 0
    for score in scores:
        end = text.index(".", begin) + 1
        sentences.append(ScoredSentence(start=begin, end=end, text=text[begin:end], score=score))
        begin = end + 1
    return replace(context(name, text), sentences=tuple(sentences))


async def said(generator: Generator, contexts: list[Context]) -> tuple[list[Claim], Finished]:
    items = [item async for item in generator.stream(PROMPT, contexts)]
    *claims, last = items
    assert isinstance(last, Finished)
    assert all(isinstance(one, Claim) for one in claims)
    return [one for one in claims if isinstance(one, Claim)], last


async def test_each_claim_is_a_sentence_of_its_source_word_for_word() -> None:
    contexts = [of(f"{SHIP} {CRANE}", 0.1, 0.8), of(LORRY, 0.9, name="c2")]
    claims, _ = await said(Extractive(), contexts)
    assert [one.text for one in claims] == [LORRY, CRANE]
    for claim in claims:
        (support,) = claim.supports
        assert contexts[support.context].chunk.text[support.start : support.end] == claim.text


async def test_the_end_names_the_offline_generator_and_costs_nothing() -> None:
    _, last = await said(Extractive(), [of(SHIP, 0.9)])
    assert (last.provider, last.model, last.usage) == ("offline", "extractive-1", Usage())


@pytest.mark.parametrize("contexts", [[], [of(SHIP, 0.2)], [context("c1")]])
async def test_where_nothing_fits_nothing_is_said(contexts: list[Context]) -> None:
    claims, last = await said(Extractive(), contexts)
    assert claims == []
    assert last.usage.cost_usd == 0.0


def test_what_fits_much_less_than_the_best_is_left_out() -> None:
    chosen = choose([of(f"{SHIP} {CRANE} {LORRY}", 0.9, 0.85, 0.45)])
    assert [one.sentence.text for one in chosen] == [SHIP, CRANE]


def test_at_most_four_sentences_are_chosen() -> None:
    texts = [f"{word} alone." for word in "one two three four five six".split()]
    # The shared word alone is less than a repetition.
    chosen = choose([of(text, 0.9, name=text) for text in texts])
    assert [one.context for one in chosen] == [0, 1, 2, 3]


def test_a_repetition_is_said_once_and_does_not_take_a_place() -> None:
    again = SHIP.replace(".", " yesterday.")
    chosen = choose([of(SHIP, 0.9), of(again, 0.88, name="c2"), of(CRANE, 0.8, name="c3")])
    assert [one.context for one in chosen] == [0, 2]


def test_of_equal_sentences_the_earlier_comes_first() -> None:
    chosen = choose([of(f"{SHIP} {CRANE}", 0.8, 0.8), of(LORRY, 0.8, name="c2")])
    assert [one.sentence.text for one in chosen] == [SHIP, CRANE, LORRY]


async def test_the_random_control_quotes_and_draws_alike_for_the_same_question() -> None:
    contexts = [context("c1", f"{SHIP} {CRANE}"), context("c2", f"{LORRY} {SHIP} {CRANE}")]
    claims, last = await said(control("random"), contexts)
    assert (await said(control("random"), contexts))[0] == claims
    assert (len(claims), last.provider) == (4, "control")
    for claim in claims:
        (support,) = claim.supports
        assert contexts[support.context].chunk.text[support.start : support.end] == claim.text


async def test_the_top_chunk_control_quotes_the_best_context_whole() -> None:
    text = f"{SHIP} {CRANE}"
    claims, last = await said(control("top-chunk"), [context("c1", text), context("c2", LORRY)])
    assert [one.text for one in claims] == [text]
    assert last.model == "top-chunk"


@pytest.mark.parametrize("name", ["random", "top-chunk"])
async def test_a_control_says_nothing_of_nothing(name: str) -> None:
    assert (await said(control(name), []))[0] == []
