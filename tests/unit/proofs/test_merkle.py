"""A proof that was made holds, and nothing else does."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.ledger.proofs.merkle import (
    EMPTY_ROOT,
    CompactRange,
    Subtree,
    complete_subtrees,
    hash_leaf,
    plan_consistency,
    plan_inclusion,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from policy.errors import BadInput
from tests.unit.proofs import rfc9162
from tests.unit.proofs.flips import flipped
from tests.unit.proofs.trees import leaf_hashes, leaves, root, tree

MOST = 200
SIZES = st.integers(1, MOST)
BITS = st.integers(0, 255)


@st.composite
def inclusions(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(SIZES)
    return draw(st.integers(0, size - 1)), size


@st.composite
def growths(draw: st.DrawFn) -> tuple[int, int]:
    second = draw(SIZES)
    return draw(st.integers(0, second)), second


def continuations() -> st.SearchStrategy[tuple[int, int]]:
    """Of a log that held something before."""
    return growths().filter(lambda growth: growth[0] > 0)


@given(st.integers(0, MOST))
def test_the_root_is_the_one_the_standard_defines(size: int) -> None:
    assert root(size) == tree_root(leaf_hashes(size)) == rfc9162.mth(leaves(size))


def test_the_root_of_many_leaves_does_not_depend_on_how_they_are_read() -> None:
    for size in (1023, 1024, 1025, 5000):
        assert tree_root(iter(leaf_hashes(size))) == root(size) == rfc9162.mth(leaves(size))


@given(inclusions())
def test_the_inclusion_path_is_the_one_the_standard_defines(inclusion: tuple[int, int]) -> None:
    index, size = inclusion
    path = plan_inclusion(index, size).proof(tree(MOST)[1])
    assert path == rfc9162.path(index, leaves(size))


@given(continuations())
def test_the_consistency_path_is_the_one_the_standard_defines(growth: tuple[int, int]) -> None:
    first, second = growth
    path = plan_consistency(first, second).proof(tree(MOST)[1])
    assert path == rfc9162.proof(first, leaves(second))


@given(inclusions())
def test_inclusion_of_any_leaf_in_any_tree_verifies(inclusion: tuple[int, int]) -> None:
    assert verify_inclusion(**an_inclusion(*inclusion))


@given(growths())
def test_any_two_sizes_of_a_log_are_consistent(growth: tuple[int, int]) -> None:
    assert verify_consistency(**a_consistency(*growth))


@given(inclusions(), BITS)
def test_one_bit_flipped_in_leaf_path_or_root_is_no_inclusion(
    inclusion: tuple[int, int], bit: int
) -> None:
    forged = [*with_a_hash_flipped(an_inclusion(*inclusion), bit)]
    assert not any(verify_inclusion(**one) for one in forged)


@given(continuations(), BITS)
def test_one_bit_flipped_in_path_or_roots_is_no_consistency(
    growth: tuple[int, int], bit: int
) -> None:
    forged = [*with_a_hash_flipped(a_consistency(*growth), bit)]
    assert not any(verify_consistency(**one) for one in forged)


@given(inclusions(), st.integers(0, 62))
def test_one_bit_flipped_in_the_index_is_no_inclusion(inclusion: tuple[int, int], bit: int) -> None:
    proof = an_inclusion(*inclusion)
    proof["leaf_index"] ^= 1 << bit
    assert not verify_inclusion(**proof)


ELSEWHERE = st.sampled_from([(0, 1), (1, 1)])
"""In which of two numbers a bit is flipped."""


@given(inclusions(), st.integers(0, 10), ELSEWHERE)
def test_another_size_passes_only_where_the_tree_has_the_same_shape_around_the_leaf(
    inclusion: tuple[int, int], bit: int, where: tuple[int, int]
) -> None:
    """So the standard has it: sizes are told apart by the checkpoint, which signs size and root together."""
    index, size = (one ^ flip << bit for one, flip in zip(inclusion, where, strict=True))
    same_shape = index < size and rfc9162.turns(index, size) == rfc9162.turns(*inclusion)
    proof = an_inclusion(*inclusion) | {"leaf_index": index, "tree_size": size}
    assert verify_inclusion(**proof) == same_shape


@given(continuations(), st.integers(0, 10), ELSEWHERE | st.just((1, 0)))
def test_other_sizes_are_consistent_only_where_the_trees_lie_alike(
    growth: tuple[int, int], bit: int, where: tuple[int, int]
) -> None:
    first, second = (one ^ flip << bit for one, flip in zip(growth, where, strict=True))
    alike = 0 < first <= second and rfc9162.sides(first, second) == rfc9162.sides(*growth)
    proof = a_consistency(*growth) | {"first": first, "second": second}
    assert verify_consistency(**proof) == alike


@given(continuations(), st.integers(0, MOST))
def test_a_history_that_was_rewritten_is_not_consistent(growth: tuple[int, int], at: int) -> None:
    """Whichever record under the held root became another one, by the path that its forger would make."""
    first, second = growth
    rewritten = list(leaf_hashes(second))
    rewritten[at % first] = hash_leaf(b"another record")
    forged, subtrees = CompactRange().append(rewritten)
    path = plan_consistency(first, second).proof(subtrees)
    claim: dict[str, Any] = {"first_hash": root(first), "second_hash": forged.root}
    claim |= {"first": first, "second": second, "consistency_path": path}
    assert not verify_consistency(**claim)


@given(continuations().filter(lambda growth: growth[0] < growth[1]))
def test_a_log_that_is_rolled_back_is_not_consistent(growth: tuple[int, int]) -> None:
    first, second = growth
    swapped_roots = {"first_hash": root(second), "second_hash": root(first)}
    swapped_sizes = {"first": second, "second": first}
    for change in (swapped_roots, swapped_sizes, swapped_roots | swapped_sizes):
        assert not verify_consistency(**a_consistency(first, second) | change)


def test_a_larger_tree_is_not_continued_by_a_smaller_whatever_the_path() -> None:
    """One that the loop of the standard alone, without its condition on sizes, would pass."""
    path = [root(1), leaf_hashes(2)[1]]
    claim: dict[str, Any] = {"first_hash": root(1), "second_hash": root(2)}
    assert not verify_consistency(first=3, second=2, consistency_path=path, **claim)


@given(inclusions(), st.integers(0, 9))
def test_a_path_with_a_hash_too_many_or_too_few_is_no_inclusion(
    inclusion: tuple[int, int], at: int
) -> None:
    proof = an_inclusion(*inclusion)
    path = proof["inclusion_path"]
    for changed in ([*path[:at], root(3), *path[at:]], path[:at] + path[at + 1 :]):
        same = changed == path
        assert verify_inclusion(**proof | {"inclusion_path": changed}) == same


GARBAGE: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.integers(max_value=-1),
    st.floats(),
    st.booleans(),
    st.text(),
    st.binary(),
    st.binary(min_size=32, max_size=32),
    st.lists(st.none() | st.binary(max_size=40) | st.binary(min_size=32, max_size=32), min_size=1),
)


@given(inclusions(), GARBAGE, st.data())
def test_no_garbage_is_an_inclusion_or_raises(
    inclusion: tuple[int, int], garbage: Any, data: st.DataObject
) -> None:
    proof = an_inclusion(*inclusion)
    proof[data.draw(st.sampled_from(sorted(proof)))] = garbage
    assert not verify_inclusion(**proof)


@given(continuations(), GARBAGE, st.data())
def test_no_garbage_is_a_consistency_or_raises(
    growth: tuple[int, int], garbage: Any, data: st.DataObject
) -> None:
    proof = a_consistency(*growth)
    proof[data.draw(st.sampled_from(sorted(proof)))] = garbage
    assert not verify_consistency(**proof)


def test_a_part_is_not_taken_for_the_whole_nor_the_whole_for_a_part() -> None:
    """Leaf 1 of 2 is not leaf 0 of 1; 11 leaves and 13, of which 8 are the same, are not 3 and 5."""
    assert not verify_inclusion(**an_inclusion(1, 2) | {"leaf_index": 0, "tree_size": 1})
    assert not verify_inclusion(**an_inclusion(0, 1) | {"leaf_index": 1, "tree_size": 2})
    assert not verify_consistency(**a_consistency(11, 13) | {"first": 3, "second": 5})
    assert not verify_consistency(**a_consistency(3, 5) | {"first": 11, "second": 13})


@pytest.mark.parametrize(("index", "size"), [(-1, 2), (True, 2), (1.0, 2), (1, 2.0), ("1", 2)])
def test_an_index_is_a_whole_number(index: Any, size: Any) -> None:
    """Each of these is leaf 1 of 2 to Python, or to the bits that the standard looks at."""
    assert not verify_inclusion(**an_inclusion(1, 2) | {"leaf_index": index, "tree_size": size})


def test_nothing_is_in_an_empty_log_and_every_log_continues_one() -> None:
    empty: dict[str, Any] = {"leaf_hash": EMPTY_ROOT, "inclusion_path": [], "root_hash": EMPTY_ROOT}
    assert not verify_inclusion(leaf_index=0, tree_size=0, **empty)
    grown: dict[str, Any] = {"first": 0, "second": 7, "second_hash": root(7)}
    assert verify_consistency(first_hash=EMPTY_ROOT, consistency_path=[], **grown)
    assert not verify_consistency(first_hash=root(1), consistency_path=[], **grown)
    assert not verify_consistency(first_hash=EMPTY_ROOT, consistency_path=[root(1)], **grown)


@given(st.lists(st.integers(0, 40), max_size=12))
def test_batches_of_any_size_bring_about_the_same_subtrees_each_once(batches: list[int]) -> None:
    size = sum(batches)
    grown, stored = CompactRange(), dict[Subtree, bytes]()
    for count in batches:
        grown, born = grown.append(leaf_hashes(size)[grown.size : grown.size + count])
        assert not stored.keys() & born.keys()
        stored |= born
    assert (grown, stored) == tree(size)


@given(SIZES)
def test_exactly_the_complete_subtrees_come_into_being(size: int) -> None:
    complete = {
        (level, index) for level in range(size.bit_length()) for index in range(size >> level)
    }
    assert tree(size)[1].keys() == complete


@given(growths(), st.integers(0, 60))
def test_a_sealer_goes_on_from_what_is_stored(growth: tuple[int, int], more: int) -> None:
    """Also from what is stored of a log that has grown since: of any earlier size."""
    first, second = growth
    resumed, born = CompactRange.load(first, tree(second)[1]).append(
        leaf_hashes(first + more)[first:]
    )
    assert resumed == tree(first + more)[0]
    assert born.items() <= tree(first + more)[1].items()


def test_a_state_that_lacks_a_subtree_is_refused() -> None:
    with pytest.raises(BadInput, match="1 subtrees do not make up a tree of 3 leaves"):
        CompactRange(3, tree(3)[0].hashes[:1])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_no_path_is_made_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(BadInput, match=f"{size} leaves has no leaf with the index {index}"):
        plan_inclusion(index, size)


@pytest.mark.parametrize(("first", "second"), [(2, 1), (-1, 1)])
def test_no_path_is_made_from_a_larger_tree(first: int, second: int) -> None:
    with pytest.raises(BadInput, match=f"{second} leaves does not continue one of {first}"):
        plan_consistency(first, second)


@given(st.integers(1, 1_000_000), st.integers(1, 1_000_000))
def test_a_proof_at_a_million_takes_two_look_ups_a_level_at_most(one: int, other: int) -> None:
    smaller, larger = sorted([one, other])
    for plan in (plan_inclusion(smaller - 1, larger), plan_consistency(smaller, larger)):
        asked = Counting()
        plan.proof(asked)
        assert asked.subtrees == plan.subtrees
        assert len(asked.subtrees) <= 2 * larger.bit_length()
        assert len({*asked.subtrees}) == len(asked.subtrees)


@given(st.integers(0, 1 << 62))
def test_a_log_of_any_size_is_one_subtree_for_each_bit(size: int) -> None:
    subtrees = complete_subtrees(0, size)
    ranges = [(index << level, index + 1 << level) for level, index in subtrees]
    assert len(subtrees) == size.bit_count()
    assert [begin for begin, _ in ranges[:1]] == [0] * bool(size)
    assert all(end == begin for (_, end), (begin, _) in pairwise(ranges))
    assert [end for _, end in ranges[-1:]] == [size] * bool(size)


class Counting:
    """A store that notes what it is asked for."""

    def __init__(self) -> None:
        self.subtrees = list[Subtree]()

    def __getitem__(self, subtree: Subtree, /) -> bytes:
        self.subtrees.append(subtree)
        return bytes(32)


def an_inclusion(index: int, size: int) -> dict[str, Any]:
    return {
        "leaf_index": index,
        "tree_size": size,
        "leaf_hash": leaf_hashes(size)[index],
        "inclusion_path": plan_inclusion(index, size).proof(tree(size)[1]),
        "root_hash": root(size),
    }


def a_consistency(first: int, second: int) -> dict[str, Any]:
    return {
        "first": first,
        "second": second,
        "first_hash": root(first),
        "second_hash": root(second),
        "consistency_path": plan_consistency(first, second).proof(tree(second)[1]),
    }


def with_a_hash_flipped(proof: dict[str, Any], bit: int) -> Iterator[dict[str, Any]]:
    """The proof with the bit flipped in each of its hashes in turn."""
    for name, value in proof.items():
        if isinstance(value, bytes):
            yield proof | {name: flipped(value, bit)}
        elif isinstance(value, list):
            for at, one in enumerate(value):
                yield proof | {name: [*value[:at], flipped(one, bit), *value[at + 1 :]]}
