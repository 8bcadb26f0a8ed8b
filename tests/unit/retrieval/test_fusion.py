"""Fusion by score."""

from hypothesis import given
from hypothesis import strategies as st

from retrieval.fit import Fit
from retrieval.fusion import fuse
from retrieval.keyword import NOTHING
from retrieval.ports import Weight
from retrieval.types import Arm, Hit

FIT = Fit([Hit(chunk_id="a", score=1.0)], NOTHING)
FIT.learn(
    {
        "a": Weight(similarity=1.0, length=1, counts={}),
        "b": Weight(similarity=0.6, length=1, counts={}),
    }
)


def hits(*chunks: str, path: tuple[str, ...] = (), score: float = 0.1) -> list[Hit]:
    return [Hit(chunk_id=chunk, score=score, path=path) for chunk in chunks]


rankings = st.dictionaries(
    st.sampled_from(Arm), st.lists(st.sampled_from("abcdef"), unique=True).map(lambda c: hits(*c))
)


def test_a_chunk_scores_its_own_fit_and_what_the_graph_adds() -> None:
    first, second = fuse({Arm.VECTOR: hits("a", "b"), Arm.GRAPH: hits("b", score=0.7)}, FIT)
    assert (first.chunk_id, first.score) == ("b", 0.3 + 0.7)
    assert (second.chunk_id, second.score) == ("a", 0.5)


def test_it_says_which_arm_found_what_at_which_rank() -> None:
    [_, b] = fuse({Arm.GRAPH: hits("a", "b"), Arm.VECTOR: hits("a")}, FIT)
    assert [(one.arm, one.rank) for one in b.arms] == [(Arm.GRAPH, 2)]


def test_the_path_is_the_one_of_the_graph() -> None:
    [a] = fuse({Arm.VECTOR: hits("a"), Arm.GRAPH: hits("a", path=("Drell", "owns", "Alder"))}, FIT)
    assert a.path == ("Drell", "owns", "Alder")


def test_equal_scores_go_by_chunk_id() -> None:
    fused = fuse({Arm.VECTOR: hits("d"), Arm.KEYWORD: hits("c")}, FIT)
    assert [one.chunk_id for one in fused] == ["c", "d"]


@given(rankings)
def test_the_order_in_which_arms_are_given_changes_no_bit(given_: dict[Arm, list[Hit]]) -> None:
    assert fuse(dict(reversed(given_.items())), FIT) == fuse(given_, FIT)


@given(rankings)
def test_every_chunk_comes_out_once(given_: dict[Arm, list[Hit]]) -> None:
    fused = [one.chunk_id for one in fuse(given_, FIT)]
    assert sorted(fused) == sorted({hit.chunk_id for some in given_.values() for hit in some})
