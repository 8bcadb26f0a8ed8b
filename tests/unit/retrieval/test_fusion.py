"""Reciprocal rank fusion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fusion import fuse
from retrieval.types import Arm, Hit


def hits(*chunks: str, path: tuple[str, ...] = ()) -> list[Hit]:
    return [Hit(chunk_id=chunk, score=1.0, path=path) for chunk in chunks]


rankings = st.dictionaries(
    st.sampled_from(Arm), st.lists(st.sampled_from("abcdef"), unique=True).map(lambda c: hits(*c))
)


def test_a_chunk_scores_one_over_sixty_plus_its_rank_in_each_arm() -> None:
    first, second = fuse({Arm.VECTOR: hits("a", "b"), Arm.KEYWORD: hits("b")})
    assert (first.chunk_id, second.chunk_id) == ("b", "a")
    assert first.score == pytest.approx(1 / 62 + 1 / 61)
    assert second.score == pytest.approx(1 / 61)


def test_it_says_which_arm_found_what_at_which_rank() -> None:
    [_, b] = fuse({Arm.GRAPH: hits("a", "b"), Arm.VECTOR: hits("a")})
    assert [(one.arm, one.rank) for one in b.arms] == [(Arm.GRAPH, 2)]


def test_the_path_is_the_one_of_the_graph() -> None:
    [a] = fuse({Arm.VECTOR: hits("a"), Arm.GRAPH: hits("a", path=("Drell", "owns", "Alder"))})
    assert a.path == ("Drell", "owns", "Alder")


def test_equal_scores_go_by_chunk_id() -> None:
    fused = fuse({Arm.VECTOR: hits("b"), Arm.KEYWORD: hits("a")})
    assert [one.chunk_id for one in fused] == ["a", "b"]


@given(rankings)
def test_the_order_in_which_arms_are_given_changes_no_bit(given_: dict[Arm, list[Hit]]) -> None:
    assert fuse(dict(reversed(given_.items()))) == fuse(given_)


@given(rankings)
def test_every_chunk_comes_out_once(given_: dict[Arm, list[Hit]]) -> None:
    fused = [one.chunk_id for one in fuse(given_)]
    assert sorted(fused) == sorted({hit.chunk_id for some in given_.values() for hit in some})
