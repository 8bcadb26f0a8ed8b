"""Merkle trees and their proofs as RFC 9162 section 2.1 defines them (the trees of RFC 6962), with SHA-256."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeAlias

from policy.errors import BadInput

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""

Subtree: TypeAlias = tuple[int, int]
"""A complete subtree as (level, index): the 2**level leaves from index * 2**level on. Level 0 is a leaf."""

_BATCH = 1024


class SubtreeHashes(Protocol):
    """Where hashes of complete subtrees are looked up: a store, or a dict of what was read from one.

    One that is missing raises KeyError: a log that lost it can prove nothing, and must say so.
    """

    def __getitem__(self, subtree: Subtree, /) -> bytes: ...


def hash_leaf(data: bytes) -> bytes:
    """What a leaf's bytes count as in the tree."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """What two subtrees count as together."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def complete_subtrees(begin: int, end: int) -> list[Subtree]:
    """The largest complete subtrees that make up leaves begin to end (exclusive), left to right.

    Of a range that the tree itself is split into, so that `begin` is a multiple of each subtree's width.
    """
    subtrees = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        subtrees.append((level, begin >> level))
        begin += 1 << level
    return subtrees


@dataclass(frozen=True, slots=True)
class CompactRange:
    """The first `size` leaves, as hashes of the complete subtrees that make them up, left to right.

    These are all that is needed to know the root and to go on appending: one for each 1 in `size`.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise BadInput(
                f"{len(self.hashes)} subtrees do not make up a tree of {self.size} leaves"
            )

    @classmethod
    def load(cls, size: int, hashes: SubtreeHashes) -> "CompactRange":
        """The tree as it was at `size`; looks up `complete_subtrees(0, size)`."""
        return cls(size, tuple(hashes[one] for one in complete_subtrees(0, size)))

    @property
    def root(self) -> bytes:
        return _joined(self.hashes) if self.hashes else EMPTY_ROOT

    def append(self, leaf_hashes: Iterable[bytes]) -> tuple["CompactRange", dict[Subtree, bytes]]:
        """The tree with more leaves, and each complete subtree, leaves included, that this brought about."""
        row, first = list(leaf_hashes), self.size
        size, level = first + len(row), 0
        edge, left_over, born = list(self.hashes), list[bytes](), dict[Subtree, bytes]()
        while size >> level:
            born.update(((level, index), one) for index, one in enumerate(row, first))
            if first & 1:
                row.insert(0, edge.pop())
            if len(row) & 1:
                left_over.append(row.pop())
            row = [
                hash_children(left, right) for left, right in zip(row[::2], row[1::2], strict=True)
            ]
            first, level = first >> 1, level + 1
        return CompactRange(size, tuple(reversed(left_over))), born


def tree_root(leaf_hashes: Iterable[bytes]) -> bytes:
    """MTH(D[n]) of RFC 9162 section 2.1.1, of leaves that are hashed already, however many."""
    tree, rest = CompactRange(), iter(leaf_hashes)
    while batch := list(islice(rest, _BATCH)):
        tree, _ = tree.append(batch)
    return tree.root


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """The ranges of leaves, as (begin, end), whose roots are a proof, in the proof's order."""

    ranges: tuple[tuple[int, int], ...]

    @property
    def subtrees(self) -> list[Subtree]:
        """All that `proof` looks up, at most two for each level of the tree."""
        return [one for begin, end in self.ranges for one in complete_subtrees(begin, end)]

    def proof(self, hashes: SubtreeHashes) -> list[bytes]:
        return [
            _joined([hashes[one] for one in complete_subtrees(begin, end)])
            for begin, end in self.ranges
        ]


def plan_inclusion(leaf_index: int, tree_size: int) -> ProofPlan:
    """PATH(m, D[n]) of RFC 9162 section 2.1.3.1; BadInput where the tree has no such leaf."""
    if not 0 <= leaf_index < tree_size:
        raise BadInput(f"a tree of {tree_size} leaves has no leaf with the index {leaf_index}")
    begin, end, ranges = 0, tree_size, list[tuple[int, int]]()
    while end - begin > 1:
        middle = _split(begin, end)
        if leaf_index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return ProofPlan(tuple(reversed(ranges)))


def plan_consistency(first: int, second: int) -> ProofPlan:
    """PROOF(m, D[n]) of RFC 9162 section 2.1.4.1; nothing where either tree says it all: of no leaves, or the same.

    BadInput where the first tree is larger than the second.
    """
    if not 0 <= first <= second:
        raise BadInput(f"a tree of {second} leaves does not continue one of {first}")
    if first == 0:
        return ProofPlan(())
    begin, end, ranges = 0, second, list[tuple[int, int]]()
    while first != end:
        middle = _split(begin, end)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    if begin:  # else it is the first tree itself, whose root the verifier holds
        ranges.append((begin, end))
    return ProofPlan(tuple(reversed(ranges)))


def verify_inclusion(
    *,
    leaf_index: int,
    tree_size: int,
    leaf_hash: bytes,
    inclusion_path: Sequence[bytes],
    root_hash: bytes,
) -> bool:
    """RFC 9162 section 2.1.3.2. Whatever it is given that is no proof, it says no and does not raise.

    Size and root must come from one checkpoint: a path alone does not tell sizes apart between which the tree keeps
    its shape around this leaf (0 of 5 and 0 of 7).
    """
    if not (
        _are_sizes(leaf_index, tree_size) and _are_hashes(inclusion_path, leaf_hash, root_hash)
    ):
        return False
    if leaf_index >= tree_size:
        return False
    fn, sn, r = leaf_index, tree_size - 1, leaf_hash
    for p in inclusion_path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = hash_children(p, r)
            fn, sn = _past_lone_nodes(fn, sn)
        else:
            r = hash_children(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root_hash


def verify_consistency(
    *,
    first: int,
    second: int,
    first_hash: bytes,
    second_hash: bytes,
    consistency_path: Sequence[bytes],
) -> bool:
    """RFC 9162 section 2.1.4.2. Whatever it is given that is no proof, it says no and does not raise.

    Besides, as implementations agree: trees of one size are consistent where their roots are equal, and any tree
    continues that of no leaves, which has one root; both with an empty path. Sizes and roots must come from
    checkpoints, as above.
    """
    if not (_are_sizes(first, second) and _are_hashes(consistency_path, first_hash, second_hash)):
        return False
    if first == 0 and first_hash != EMPTY_ROOT:
        return False
    if first == second:
        return not consistency_path and first_hash == second_hash
    if first == 0:
        return not consistency_path
    if first > second or not consistency_path:
        return False
    is_complete = first & (first - 1) == 0
    fr, *path = (first_hash, *consistency_path) if is_complete else consistency_path
    return _both_roots(first, second, fr, path) == (first_hash, second_hash)


def _both_roots(
    first: int, second: int, start: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Steps 3 to 6 of section 2.1.4.2; None where the path is too long or too short."""
    fn, sn, fr, sr = first - 1, second - 1, start, start
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    for c in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            fr, sr = hash_children(c, fr), hash_children(c, sr)
            fn, sn = _past_lone_nodes(fn, sn)
        else:
            sr = hash_children(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr) if sn == 0 else None


def _past_lone_nodes(fn: int, sn: int) -> tuple[int, int]:
    """Up to where the last node of a row has a sibling."""
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _split(begin: int, end: int) -> int:
    """Where a tree is split in two: after the largest power of two below its size."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def _joined(hashes: Sequence[bytes]) -> bytes:
    """The root over complete subtrees of falling size."""
    *others, root = hashes
    for left in reversed(others):
        root = hash_children(left, root)
    return root


def _are_sizes(*numbers: object) -> bool:
    return all(type(one) is int and one >= 0 for one in numbers)


def _are_hashes(path: object, *others: object) -> bool:
    if not isinstance(path, list | tuple):
        return False
    return all(isinstance(one, bytes) and len(one) == HASH_BYTES for one in (*path, *others))
