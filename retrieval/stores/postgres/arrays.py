"""Columns of numbers as copies in memory keep them: lists one after the other, looked up by sorted hashes.

Strings are compared by 64-bit hashes keyed anew in each process, so that nobody can prepare two that meet.
"""

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.int64]
Numbers = NDArray[np.int32]
Counts = NDArray[np.int64]
Ids = NDArray[np.void]
"""Of 16 bytes each."""
ID = np.dtype("V16")
_KEYS = np.frombuffer(secrets.token_bytes(16), np.int64) | 1


@dataclass(frozen=True, slots=True)
class Lists:
    """For each number from 0 on a list of numbers."""

    starts: Numbers
    """Where each list begins in `values`, and at last where the last one ends."""
    values: Numbers

    @classmethod
    def of(cls, owners: Numbers, values: Numbers, count: int) -> "Lists":
        """From pairs in any order."""
        return cls(_starts(np.bincount(owners, minlength=count)), values[np.argsort(owners)])

    @property
    def owners(self) -> Numbers:
        """Whose each value is."""
        return np.repeat(upto(len(self.starts) - 1), np.diff(self.starts))

    def counts(self, wanted: Numbers | Counts) -> Counts:
        """How many numbers each of the wanted has."""
        return (self.starts[wanted + 1] - self.starts[wanted]).astype(np.int64)

    def of_each(self, wanted: Numbers | Counts) -> tuple[Counts, Numbers]:
        """All numbers of the wanted: the place among the wanted, and the number."""
        which, at = spread(self.starts[wanted], self.counts(wanted))
        return which, self.values[at]


@dataclass(frozen=True, slots=True)
class Pairs:
    """For each of some hashes a list of numbers."""

    left: Hashes
    """Different ones, in order."""
    lists: Lists

    @classmethod
    def of(cls, left: Hashes, right: Numbers) -> "Pairs":
        """From pairs in any order."""
        order = np.argsort(left)
        left = left[order]
        begins = np.flatnonzero(changes(left))
        starts = np.append(begins, len(left)).astype(np.int32)
        return cls(left[begins], Lists(starts, right[order]))

    @property
    def columns(self) -> tuple[Hashes, Numbers]:
        return self.left[self.lists.owners], self.lists.values

    def counts(self, wanted: Hashes) -> Counts:
        """How many numbers each of the wanted has."""
        here, at = lookup(self.left, wanted)
        counts = np.zeros(len(wanted), np.int64)
        counts[here] = self.lists.counts(at)
        return counts

    def of_each(self, wanted: Hashes) -> tuple[Counts, Numbers]:
        """All numbers of the wanted: the place among the wanted, and the number."""
        here, at = lookup(self.left, wanted)
        which, values = self.lists.of_each(at)
        return here[which], values


@dataclass(frozen=True, slots=True)
class Texts:
    """Strings in one piece of memory, which takes a third of what they take one by one."""

    data: bytes
    starts: Counts
    """Where each begins, and at last where the last one ends."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Texts":
        every = [text.encode() for text in texts]
        return cls(b"".join(every), _ends(np.fromiter(map(len, every), np.int64, len(every))))

    @classmethod
    def joined(cls, some: Sequence["Texts"]) -> "Texts":
        lengths = np.concatenate([np.diff(one.starts) for one in some])
        return cls(b"".join(one.data for one in some), _ends(lengths))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: NDArray[np.integer]) -> list[str]: ...
    def __getitem__(self, at: int | NDArray[np.integer]) -> str | list[str]:
        if isinstance(at, np.ndarray):
            return [one.decode() for one in self._bytes(at)]
        return self.data[self.starts[at] : self.starts[at + 1]].decode()

    def some(self, at: Counts) -> "Texts":
        """Those at these places."""
        return Texts(b"".join(self._bytes(at)), _ends(np.diff(self.starts)[at]))

    def only(self, kept: NDArray[np.bool_]) -> "Texts":
        """As many, of which the others are empty: nothing of what they said is kept."""
        lengths = np.diff(self.starts)
        data = np.frombuffer(self.data, np.uint8)[np.repeat(kept, lengths)].tobytes()
        return Texts(data, _ends(np.where(kept, lengths, 0)))

    def _bytes(self, at: NDArray[np.integer]) -> Iterator[bytes]:
        starts, ends = self.starts[at].tolist(), self.starts[at + 1].tolist()
        return map(self.data.__getitem__, map(slice, starts, ends))


def lookup(ordered: Hashes, wanted: Hashes) -> tuple[Counts, Counts]:
    """Of the wanted those that are there: their places among the wanted, and among all."""
    at = ordered.searchsorted(wanted)
    if not len(ordered):
        return at[:0], at[:0]
    here = np.flatnonzero(ordered.take(at, mode="clip") == wanted)
    return here, at[here]


def spread(first: Counts | Numbers, counts: Counts) -> tuple[Counts, Counts]:
    """Ranges one after the other: of each number in them which range it is in, and the number."""
    which = np.repeat(np.arange(len(first)), counts)
    before = np.cumsum(counts) - counts
    return which, np.arange(len(which)) + (first - before)[which]


def changes(ordered: Hashes) -> NDArray[np.bool_]:
    """Where another one begins."""
    return np.concatenate([np.ones(len(ordered[:1]), np.bool_), ordered[1:] != ordered[:-1]])


def inverse(order: Counts) -> Numbers:
    """Where each one stands in this order."""
    found = np.empty(len(order), np.int32)
    found[order] = upto(len(order))
    return found


def _ends(lengths: Counts) -> Counts:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def _starts(counts: Counts) -> Numbers:
    return _ends(counts).astype(np.int32)


def shifted(some: Sequence[tuple[Numbers, int]]) -> Numbers:
    """The numbers one after the other, each list's beyond those that the sizes before it leave."""
    starts = np.cumsum([0, *(size for _, size in some)])
    return np.concatenate(
        [numbers + np.int32(start) for (numbers, _), start in zip(some, starts, strict=False)]
    )


def upto(count: int) -> Numbers:
    """From 0 to before `count`."""
    return np.arange(count, dtype=np.int32)


def hashed(texts: Sequence[str]) -> Hashes:
    return np.fromiter(map(hash, texts), np.int64, len(texts))


def hashed_ids(ids: Ids) -> Hashes:
    halves = np.ascontiguousarray(ids).view(np.int64).reshape(-1, 2)
    found: Hashes = halves[:, 0] * _KEYS[0] + halves[:, 1] * _KEYS[1]
    return found


def ids_of(texts: Collection[str]) -> Ids:
    """Ids of 32 hex digits as bytes."""
    return np.frombuffer(bytes.fromhex("".join(texts)), ID)


def hex_of(ids: Ids) -> list[str]:
    text = ids.tobytes().hex()
    return [text[at : at + 32] for at in range(0, len(text), 32)]
