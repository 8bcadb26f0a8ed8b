"""Which chunks have which terms, in memory: for each term the chunks that have it, label by label.

Of a term nothing is looked at but where the visible labels begin and end, and what lies between. Terms are
compared by 64-bit hashes keyed anew in each process, so that nobody can prepare two that meet.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.ports import LONGEST
from retrieval.stores.postgres.arrays import (
    Counts,
    Hashes,
    Ids,
    Numbers,
    Pairs,
    hashed_ids,
    inverse,
    lookup,
    shifted,
    upto,
)

MOST = 0xFFFF
"""Chunks of a piece: two bytes tell them apart, and also the end of the last."""
_TERM, _CHUNK = 24, 8
"""Bits to the right of a term's rank and of a chunk's number, where both and a count are sorted as one number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Chunks by number, and of each of their terms the hash, the chunk and how often; in any order."""

    labels: Numbers
    ordinals: Numbers
    chunk_ids: Ids
    lengths: Numbers
    terms: Hashes
    chunks: Numbers
    counts: NDArray[np.uint8]

    @classmethod
    def joined(cls, some: Sequence["Columns"]) -> "Columns":
        return cls(
            labels=np.concatenate([one.labels for one in some]),
            ordinals=np.concatenate([one.ordinals for one in some]),
            chunk_ids=np.concatenate([one.chunk_ids for one in some]),
            lengths=np.concatenate([one.lengths for one in some]),
            terms=np.concatenate([one.terms for one in some]),
            chunks=shifted([(one.chunks, len(one.labels)) for one in some]),
            counts=np.concatenate([one.counts for one in some]),
        )

    def kept(self, these: NDArray[np.bool_]) -> "Columns":
        """Those chunks alone for which it says so."""
        numbers, having = (np.cumsum(these) - 1).astype(np.int32), these[self.chunks]
        return replace(
            self,
            labels=self.labels[these],
            ordinals=self.ordinals[these],
            chunk_ids=self.chunk_ids[these],
            lengths=self.lengths[these],
            terms=self.terms[having],
            chunks=numbers[self.chunks[having]],
            counts=self.counts[having],
        )


class Piece:
    """At most `MOST` chunks in the order of their labels and ordinals, and the list of each term. Never changed."""

    def __init__(self, columns: Columns) -> None:
        order = np.lexsort((columns.ordinals, columns.labels))
        self.gone: frozenset[int] = frozenset()
        """Labels that are not here any more."""
        self.places = _places(columns.labels[order], columns.ordinals[order])
        self.labels = columns.labels[order]
        self.chunk_ids = columns.chunk_ids[order]
        self.lengths = columns.lengths[order]
        self.told = np.minimum(self.lengths, LONGEST).astype(np.uint16)
        """The lengths as postings tell them."""
        self._by_id = Pairs.of(hashed_ids(self.chunk_ids), upto(len(order)))
        self._terms, ranks = np.unique(columns.terms, return_inverse=True)
        numbers = inverse(order)[columns.chunks]
        every = np.sort(ranks << _TERM | numbers << _CHUNK | columns.counts)
        self._starts = np.searchsorted(every, np.arange(len(self._terms) + 1) << _TERM)
        self._numbers = (every >> _CHUNK).astype(np.uint16)
        self._counts = every.astype(np.uint8)

    @property
    def columns(self) -> Columns:
        """What it was made of, without what is gone."""
        made = Columns(
            labels=self.labels,
            ordinals=self.places.astype(np.int32),
            chunk_ids=self.chunk_ids,
            lengths=self.lengths,
            terms=np.repeat(self._terms, np.diff(self._starts)),
            chunks=self._numbers.astype(np.int32),
            counts=self._counts,
        )
        return made.kept(~np.isin(self.labels, list(self.gone))) if self.gone else made

    @property
    def size(self) -> int:
        """Chunks that are still here."""
        return len(self.labels) - int(np.isin(self.labels, list(self.gone)).sum())

    def without(self, label_id: int) -> "Piece":
        """The same, but that nothing of this label is shown."""
        other = copy(self)
        other.gone = self.gone | {label_id}
        return other

    def ranges(self, label_ids: Numbers) -> tuple[Counts, Counts]:
        """Where the chunks of these labels (in ascending order) begin and end, adjacent ones taken as one."""
        here = label_ids[~np.isin(label_ids, list(self.gone))]
        first = np.searchsorted(self.labels, here, "left")
        end = np.searchsorted(self.labels, here, "right")
        first, end = first[end > first], end[end > first]
        apart = first[1:] != end[:-1]
        return first[np.append([True], apart)[: len(first)]], end[
            np.append(apart, [True])[: len(end)]
        ]

    def lists(self, terms: Hashes) -> list[slice]:
        """Where the list of each of the terms stands in the piece's columns; an empty one where there is none."""
        here, at = lookup(self._terms, terms)
        ranges = zip(self._starts[at].tolist(), self._starts[at + 1].tolist(), strict=True)
        found = [slice(0, 0)] * len(terms)
        for place, one in zip(here.tolist(), ranges, strict=True):
            found[place] = slice(*one)
        return found

    def having(self, one: slice) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """The numbers of a list's chunks, ascending, and how often each has the term."""
        return self._numbers[one], self._counts[one]

    def chunks(self, ids: Hashes) -> tuple[Counts, Numbers]:
        """Those of these that are here: the places among the given, and their own numbers."""
        return self._by_id.of_each(ids)

    def at(self, label_ids: Sequence[int], ordinals: Sequence[int]) -> Numbers:
        """The numbers of the chunks that stand there, of those that are here."""
        wanted = _places(np.array(label_ids, np.int64), np.array(ordinals, np.int64))
        return lookup(self.places, wanted)[1].astype(np.int32)


def _places(label_ids: NDArray[np.signedinteger], ordinals: NDArray[np.signedinteger]) -> Counts:
    """A number for each label and ordinal, which sorts by both."""
    return label_ids.astype(np.int64) << 32 | ordinals.astype(np.int64)
