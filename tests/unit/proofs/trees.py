"""Trees whose leaves all differ, with each complete subtree as a sealer would store it."""

from functools import cache

from copilot.ledger.proofs.merkle import CompactRange, Subtree, hash_leaf


@cache
def leaves(count: int) -> tuple[bytes, ...]:
    return tuple(b"record %d" % number for number in range(count))


@cache
def leaf_hashes(count: int) -> tuple[bytes, ...]:
    return tuple(hash_leaf(one) for one in leaves(count))


@cache
def tree(size: int) -> tuple[CompactRange, dict[Subtree, bytes]]:
    return CompactRange().append(leaf_hashes(size))


def root(size: int) -> bytes:
    return tree(size)[0].root
