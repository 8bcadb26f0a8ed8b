"""Near copies: one of them is enough, the lowest; what contradicts is none, however alike it is."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.copies import Wording, without_copies
from retrieval.types import Context
from tests.unit.retrieval.contexts import context, label

LONG = (
    "The tanker Sable Heron berthed at Kestrel Quay on 18 February 2024 and left by night. "
    "Its crew had been told to speak with nobody ashore, and the harbour office wrote a full entry. "
    "The fee of $5,000 was paid in two parts by the agent, who would not give a receipt for either."
)
EDITED = LONG.replace("a full entry", "an entry")


def copies(first: str, second: str) -> bool:
    one, other = Wording.of(first), Wording.of(second)
    assert one.copies(other) == other.copies(one)
    return one.copies(other)


@pytest.mark.parametrize(
    "again",
    [
        LONG.replace(" ", "\n  "),
        LONG.upper(),
        LONG.replace(", ", " – ").replace(".", "!"),
        EDITED,
    ],
    ids=["blanks", "case", "punctuation", "a few words"],
)
def test_a_text_with_other_blanks_case_punctuation_or_a_few_words_is_a_copy(again: str) -> None:
    assert copies(LONG, again)


@pytest.mark.parametrize(
    ("said", "otherwise"),
    [
        ("18 February", "19 February"),
        ("$5,000", "$5.000"),
        ("$5,000", "€5,000"),
        ("Sable Heron", "Corrin Star"),
        ("Kestrel", "Kestral"),
        ("would not give", "would soon give"),
        ("two parts", "three parts"),
    ],
)
def test_a_text_that_differs_in_a_figure_a_name_or_a_negation_is_none(
    said: str, otherwise: str
) -> None:
    assert said in LONG
    assert not copies(LONG, LONG.replace(said, otherwise))
    assert not Wording.of(LONG).repeats(Wording.of(LONG.replace(said, otherwise)))


def test_short_texts_are_copies_only_where_their_words_are_equal() -> None:
    assert not copies("Anton Drell.", "Elsa.")
    assert copies("Elsa.", "“Elsa”")


def test_a_sentence_repeats_one_that_says_little_more() -> None:
    shorter, longer = "Drell met Halder at the quay.", "Drell met Halder at the quay by night."
    assert Wording.of(longer).repeats(Wording.of(shorter))
    assert not copies(shorter, longer)


HIGH, LOW, ASIDE = label("S", "HARBOR"), label("U"), label("S", "LANTERN")


@pytest.mark.parametrize("order", [(HIGH, LOW), (LOW, HIGH)])
def test_of_copies_the_lowest_label_stays_in_the_place_of_the_first(order: tuple) -> None:  # type: ignore[type-arg]
    first, second = order
    kept = without_copies(
        [context("a", LONG, of=first), context("x", "Other."), context("b", EDITED, of=second)]
    )
    assert [one.label for one in kept] == [LOW, LOW]
    assert kept[1].chunk.chunk_id == "x"


def test_of_copies_whose_labels_do_not_compare_the_first_stays() -> None:
    [kept] = without_copies([context("a", LONG, of=ASIDE), context("b", EDITED, of=HIGH)])
    assert kept.chunk.chunk_id == "a"


def test_two_texts_that_copy_a_third_go_with_it_in_whatever_order_they_come() -> None:
    words = [f"{one}{other}" for one in "abcdefg" for other in "uvwxyz"]
    between = " ".join(words)
    first, second = between.replace(words[5], "other"), between.replace(words[30], "another")
    assert copies(first, between)
    assert copies(second, between)
    assert not copies(first, second)
    texts = {"first": first, "second": second, "between": between}
    for order in permutations(texts):
        some = [context(one, texts[one], of=LOW if one == "second" else HIGH) for one in order]
        kept = without_copies([*some, context("x", "Other.")])
        assert [one.chunk.chunk_id for one in kept] == ["second", "x"]


WORDS = ["the crew met", "by night", "at sea", "and then left", "for good", "Drell", "7", "not"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(" ".join)
LABELS = st.sampled_from([HIGH, LOW, ASIDE, label("C"), label("TS", "HARBOR", "LANTERN")])


@st.composite
def several(draw: st.DrawFn) -> list[Context]:
    """Contexts of which many are near copies of one another, under several labels."""
    texts = draw(st.lists(TEXTS, min_size=1, max_size=4))
    made = draw(st.lists(st.tuples(st.sampled_from(texts), TEXTS, LABELS), max_size=12))
    return [
        context(str(at), f"{text} {text} {text} {more}" if at % 2 else text, of=of)
        for at, (text, more, of) in enumerate(made)
    ]


@settings(deadline=None)
@given(several())
def test_no_two_that_stay_are_copies_and_nothing_else_goes(contexts: list[Context]) -> None:
    kept = without_copies(contexts)
    wordings = [Wording.of(one.chunk.text) for one in kept]
    for at, one in enumerate(wordings):
        assert not any(one.copies(other) for other in wordings[at + 1 :])
    for gone in contexts:
        if gone not in kept:
            others = [Wording.of(other.chunk.text) for other in contexts if other is not gone]
            assert any(Wording.of(gone.chunk.text).copies(other) for other in others)


@settings(deadline=None)
@given(several())
def test_no_copy_that_goes_has_a_lower_label_than_the_one_that_stays_for_it(
    contexts: list[Context],
) -> None:
    for stays in without_copies(contexts):
        for one in contexts:
            if Wording.of(one.chunk.text).copies(Wording.of(stays.chunk.text)):
                assert one.label == stays.label or not stays.label.dominates(one.label)
