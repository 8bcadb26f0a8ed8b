"""Words looked up in memory, within a scope: what postings in Postgres give, without thousands of lookups."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.ports import PostingList, Postings
from retrieval.stores.postgres.arrays import (
    Counts,
    Ids,
    Numbers,
    hashed,
    hashed_ids,
    hex_of,
    ids_of,
    spread,
)
from retrieval.stores.postgres.words import Piece


class Worded:
    """The words of some labels, given in ascending order. A position counts visible chunks alone."""

    def __init__(self, pieces: Sequence[Piece], label_ids: Sequence[int]) -> None:
        self._shown: list[Window] = []
        self._size = self._terms = 0
        for piece in pieces:
            one = Window(piece, np.array(label_ids, np.int32), self._size)
            if one.size:
                self._shown.append(one)
                self._size += one.size
                self._terms += one.terms

    def postings(self, terms: Sequence[str]) -> Postings:
        """As `PassageStore.postings`."""
        hashes = hashed(terms)
        found: dict[str, list[PostingList]] = {}
        for shown in self._shown:
            for term, one in zip(terms, shown.piece.lists(hashes), strict=True):
                listed = shown.visible(one)
                if len(listed.positions):
                    found.setdefault(term, []).append(listed)
        return Postings(
            lists={term: _joined(some) for term, some in found.items()},
            chunks=self._size,
            terms=self._terms,
            size=self._size,
            identity=self,
        )

    def identified(self, positions: Sequence[int]) -> dict[int, str]:
        """Position → chunk id."""
        found: dict[int, str] = {}
        for shown in self._shown:
            some = [one for one in positions if 0 <= one - shown.base < shown.size]
            found |= zip(some, hex_of(shown.ids(np.array(some, np.int64))), strict=True)
        return found

    def placed(self, label_ids: Sequence[int], ordinals: Sequence[int]) -> list[str]:
        """The ids of the visible chunks that stand at these ordinals of the labels, in no order."""
        found: list[str] = []
        for shown in self._shown:
            numbers = shown.piece.at(label_ids, ordinals)
            found += hex_of(shown.piece.chunk_ids[numbers[shown.shows(numbers)]])
        return found

    def counts(
        self, chunk_ids: Sequence[str], terms: Sequence[str]
    ) -> dict[str, tuple[int, Mapping[str, int]]]:
        """Chunk id → its length, and how often it has each of the terms that it has; of the visible ones."""
        ids, hashes = hashed_ids(ids_of(chunk_ids)), hashed(terms)
        found: dict[str, tuple[int, Mapping[str, int]]] = {}
        for shown in self._shown:
            places, numbers = shown.piece.chunks(ids)
            kept = shown.shows(numbers)
            places, numbers = places[kept], numbers[kept]
            if not len(numbers):
                continue
            wanted = numbers.astype(np.uint16)
            rows = [shown.often(one, wanted) for one in shown.piece.lists(hashes)]
            every = np.array(rows, np.uint8).reshape(len(terms), len(numbers)).T.tolist()
            lengths = shown.piece.told[numbers].tolist()
            for place, length, row in zip(places.tolist(), lengths, every, strict=True):
                having = {term: count for term, count in zip(terms, row, strict=True) if count}
                found[chunk_ids[place]] = (length, having)
        return found


class Window:
    """What a scope shows of a piece: some ranges of its chunks, whose positions follow one another from `base`."""

    def __init__(self, piece: Piece, label_ids: Numbers, base: int) -> None:
        self.piece = piece
        self.base = base
        first, end = piece.ranges(label_ids)
        sizes = end - first
        self.size = int(sizes.sum())
        self._first, self._end = first.astype(np.uint16), end.astype(np.uint16)
        self._positions = base + np.cumsum(sizes) - sizes
        """Of the first chunk of each range."""
        self._shift = self._positions - first
        sums = np.append([0], np.cumsum(piece.lengths, dtype=np.int64))
        self.terms = int((sums[end] - sums[first]).sum())

    def visible(self, one: slice) -> PostingList:
        """What the scope shows of a term's list."""
        numbers, counts = self.piece.having(one)
        if len(self._first) == 1:
            some = slice(*np.searchsorted(numbers, [self._first[0], self._end[0]]).tolist())
            numbers, counts = numbers[some], counts[some]
            return self._list(numbers, counts, self._shift[0])
        first = np.searchsorted(numbers, self._first)
        held = np.searchsorted(numbers, self._end) - first
        which, at = spread(first, held)
        return self._list(numbers[at], counts[at], self._shift[which])

    def _list(
        self, numbers: NDArray[np.uint16], counts: NDArray[np.uint8], shift: Counts
    ) -> PostingList:
        lengths = self.piece.told[numbers]
        return PostingList(positions=numbers + shift, counts=counts, lengths=lengths)

    def often(self, one: slice, wanted: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """How often each of these chunks has the term of this list."""
        having, counts = self.piece.having(one)
        if not len(having):
            return np.zeros(len(wanted), np.uint8)
        at = having.searchsorted(wanted)
        present = having.take(at, mode="clip") == wanted
        found: NDArray[np.uint8] = counts.take(at, mode="clip") * present
        return found

    def shows(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Whether the scope shows the chunks with these numbers."""
        at = np.searchsorted(self._first, numbers.astype(np.uint16), "right") - 1
        found: NDArray[np.bool_] = (at >= 0) & (numbers < self._end[at])
        return found

    def ids(self, positions: Counts) -> Ids:
        which = np.searchsorted(self._positions, positions, "right") - 1
        found: Ids = self.piece.chunk_ids[positions - self._shift[which]]
        return found


def _joined(some: Sequence[PostingList]) -> PostingList:
    if len(some) == 1:
        return some[0]
    return PostingList(
        positions=np.concatenate([one.positions for one in some]),
        counts=np.concatenate([one.counts for one in some]),
        lengths=np.concatenate([one.lengths for one in some]),
    )
