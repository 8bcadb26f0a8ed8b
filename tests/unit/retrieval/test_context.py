"""Which passages are passed on: few that differ, best first, never more than the budget."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.context import MOST, assemble, best, length, preceded, reading_order
from retrieval.types import Context
from tests.unit.retrieval.contexts import context


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


def test_of_those_that_fit_alike_the_ones_that_tell_something_else_come_along() -> None:
    some = [
        context("a", "Drell left Kestrel Quay by van at night.", best=0.90),
        context("b", "Drell left Kestrel Quay by van at night, it is said.", best=0.89),
        context("c", "Drell left Kestrel Quay at night by van, we hear.", best=0.88),
        context("d", "Halder drove a grey lorry to Corrin.", best=0.87),
    ]
    assert ids(assemble(some)) == ["a", "b", "d"]


def test_where_all_would_be_too_much_the_best_stays_and_then_value_for_each_token_counts() -> None:
    some = [
        context("best", "alpha " * 50, best=0.90),
        context("long", "beta " * 300, best=0.89),
        context("short", "gamma " * 30, best=0.88),
    ]
    assert ids(assemble(some, tokens=120)) == ["best", "short"]
    assert ids(assemble(some, tokens=1000)) == ["best", "long", "short"]


@st.composite
def weighed(draw: st.DrawFn) -> list[Context]:
    made = draw(
        st.lists(
            st.tuples(
                st.integers(1, 40),
                st.sampled_from(["alpha", "beta gamma", "delta 17 epsilon"]),
                st.floats(0.01, 1.0),
                st.sampled_from([0.1, 0.5]),
            ),
            max_size=9,
        )
    )
    return [
        context(str(at), f"{text} " * count, best=value, score=score)
        for at, (count, text, value, score) in enumerate(made)
    ]


@settings(deadline=None)
@given(weighed(), st.integers(0, 200))
def test_the_budget_is_never_exceeded_and_nothing_comes_twice(
    contexts: list[Context], tokens: int
) -> None:
    chosen = assemble(contexts, tokens=tokens)
    assert sum(map(length, chosen)) <= tokens
    assert len(set(ids(chosen))) == len(chosen) <= MOST


@settings(deadline=None)
@given(weighed())
def test_the_best_is_there_wherever_it_fits(contexts: list[Context]) -> None:
    chosen = assemble(contexts)
    assert bool(chosen) == bool(contexts)
    if contexts:
        assert best(chosen[0]) == max(map(best, contexts))


@settings(deadline=None)
@given(st.data())
def test_the_order_in_which_they_are_found_changes_nothing(data: st.DataObject) -> None:
    contexts = data.draw(weighed())
    tokens = data.draw(st.integers(0, 200))
    other = data.draw(st.permutations(contexts))
    assert assemble(other, tokens=tokens) == assemble(contexts, tokens=tokens)


@settings(deadline=None)
@given(weighed())
def test_what_is_not_worth_passing_on_decides_about_nothing(contexts: list[Context]) -> None:
    worst = context("worst", "alpha " * 3, best=0.0)
    assert assemble([*contexts, worst])[: len(contexts)] == assemble(contexts)


def neighbour(of: str, text: str = "Before.") -> Context:
    return replace(context(f"before {of}", text), precedes=of)


def test_a_neighbour_stands_before_the_passage_that_needs_it() -> None:
    chosen = [context("a"), context("b")]
    assert ids(preceded(chosen, {"b": neighbour("b")})) == ["a", "before b", "b"]


def test_a_neighbour_that_was_chosen_itself_or_is_too_long_is_not_added() -> None:
    chosen = [context("a"), context("before a")]
    assert ids(preceded(chosen, {"a": neighbour("a")})) == ["a", "before a"]
    long = neighbour("a", "word " * 100)
    assert ids(preceded([context("a")], {"a": long}, tokens=60)) == ["a"]


@settings(deadline=None)
@given(weighed(), st.sets(st.integers(0, 8)), st.integers(60, 300))
def test_neighbours_keep_to_the_budget_too(
    contexts: list[Context], leaning: set[int], tokens: int
) -> None:
    chosen = assemble(contexts, tokens=tokens)
    before = {str(one): neighbour(str(one), "word " * 20) for one in leaning}
    placed = preceded(chosen, before, tokens=tokens)
    assert sum(map(length, placed)) <= tokens
    assert [one for one in placed if one.precedes is None] == chosen


def test_the_best_is_read_first_and_the_second_best_last() -> None:
    assert reading_order([]) == []
    assert ids(reading_order([context(one) for one in "abcde"])) == ["a", "c", "e", "d", "b"]


def test_a_neighbour_is_read_before_what_it_leads_up_to() -> None:
    ordered = reading_order([context("a"), neighbour("b"), context("b"), context("c")])
    assert ids(ordered) == ["a", "c", "before b", "b"]
