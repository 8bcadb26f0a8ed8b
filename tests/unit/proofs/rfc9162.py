"""RFC 9162's definitions of tree, inclusion and consistency path, word for word: slow, and nothing to get wrong."""

import hashlib
from collections.abc import Sequence


def mth(d: Sequence[bytes]) -> bytes:
    """Section 2.1.1, Merkle Tree Hash."""
    if not d:
        return hashlib.sha256(b"").digest()
    if len(d) == 1:
        return hashlib.sha256(b"\x00" + d[0]).digest()
    k = _k(len(d))
    return hashlib.sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: Sequence[bytes]) -> list[bytes]:
    """Section 2.1.3.1, PATH(m, D[n])."""
    if len(d) == 1:
        return []
    k = _k(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def proof(m: int, d: Sequence[bytes]) -> list[bytes]:
    """Section 2.1.4.1, PROOF(m, D[n])."""
    return _subproof(m, d, is_whole=True)


def turns(m: int, n: int) -> list[str]:
    """On which side the others lie on the way from leaf m up to the root: all that a verifier takes from m and n."""
    if n == 1:
        return []
    k = _k(n)
    return [*turns(m, k), "right"] if m < k else [*turns(m - k, n - k), "left"]


def sides(m: int, n: int, *, is_whole: bool = True) -> list[str]:
    """The same of a consistency path: how the first tree lies in the second."""
    if m == n:
        return ["held" if is_whole else "shown"]
    k = _k(n)
    if m <= k:
        return [*sides(m, k, is_whole=is_whole), "right"]
    return [*sides(m - k, n - k, is_whole=False), "left"]


def _subproof(m: int, d: Sequence[bytes], *, is_whole: bool) -> list[bytes]:
    if m == len(d):
        return [] if is_whole else [mth(d)]
    k = _k(len(d))
    if m <= k:
        return [*_subproof(m, d[:k], is_whole=is_whole), mth(d[k:])]
    return [*_subproof(m - k, d[k:], is_whole=False), mth(d[:k])]


def _k(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k
