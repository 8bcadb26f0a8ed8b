"""Which passages are passed on: few, best first, no copies, never the higher of two labels."""

from hypothesis import given
from hypothesis import strategies as st

from retrieval.context import assemble
from retrieval.types import Context
from tests.unit.retrieval.contexts import context, label

LONG = (
    "The tanker Sable Heron berthed at Kestrel Quay on 18 February 2024 and left by night. "
    "Its crew had been told to speak with nobody ashore, and the harbour office wrote no entry."
)
COPY = LONG.replace("no entry", "nothing")


def ids(contexts: list[Context]) -> list[str]:
    return [one.chunk.chunk_id for one in contexts]


def test_nothing_gives_nothing() -> None:
    assert assemble([]) == []


def test_best_sentence_first_then_score_then_id() -> None:
    given_ = [
        context("d", "One text.", best=0.90),
        context("c", "Two other words.", best=0.91, score=1),
        context("b", "Three more of them.", best=0.91, score=2),
    ]
    assert ids(assemble(given_)) == ["b", "c", "d"]


def test_what_is_far_from_the_best_is_left_out() -> None:
    assert ids(assemble([context("a", best=0.9), context("b", "Other.", best=0.5)])) == ["a"]


def test_at_most_three() -> None:
    some = [context(str(n), f"Text {n} of its {n} own {n}.", best=0.9) for n in range(9)]
    assert len(assemble(some)) == 3


def test_the_token_budget_holds_and_the_best_is_always_there() -> None:
    some = [context(str(n), f"{n} " * 400, best=0.9) for n in range(3)]
    assert ids(assemble(some, tokens=450)) == ["0", "1"]
    assert ids(assemble(some, tokens=1)) == ["0"]


def test_of_near_copies_the_lower_label_stays() -> None:
    high, low = label("S", "HARBOR"), label("U")
    for first, second in ((high, low), (low, high)):
        [kept] = assemble(
            [context("a", LONG, best=0.9, of=first), context("b", COPY, best=0.89, of=second)]
        )
        assert kept.label == low


def test_of_copies_with_labels_that_do_not_compare_the_better_stays() -> None:
    [kept] = assemble(
        [
            context("a", LONG, best=0.9, of=label("S", "HARBOR")),
            context("b", COPY, best=0.89, of=label("S", "LANTERN")),
        ]
    )
    assert kept.chunk.chunk_id == "a"


def test_different_texts_are_no_copies() -> None:
    other = LONG.replace("Sable Heron", "Corrin Star").replace("18 February", "3 May")
    assert len(assemble([context("a", LONG, best=0.9), context("b", other, best=0.9)])) == 2


def test_short_texts_are_copies_only_when_they_are_equal() -> None:
    assert len(assemble([context("a", "Anton Drell.", best=1), context("b", "Elsa.", best=1)])) == 2
    assert len(assemble([context("a", "Elsa.", best=1), context("b", "Elsa.", best=1)])) == 1


@given(st.permutations([context(c, f"{c} says {c}.", best=0.9, score=1.0) for c in "abcdef"]))
def test_the_order_in_which_they_are_found_changes_nothing(given_: list[Context]) -> None:
    assert ids(assemble(given_)) == ["a", "b", "c"]
