"""Names looked up in memory, within a scope: what `graph.sql` gives, without a thousand lookups in Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from retrieval import linking
from retrieval.ports import MOST_LINKS, Around, Definition, Mentioned
from retrieval.stores.postgres.arrays import (
    Counts,
    Hashes,
    Numbers,
    hashed,
    hashed_ids,
    hex_of,
    ids_of,
    upto,
)
from retrieval.stores.postgres.names import Piece


@dataclass(frozen=True, slots=True)
class Named:
    """The names of some labels. `shown` says for each label id whether it is one of them."""

    pieces: Sequence[Piece]
    shown: NDArray[np.bool_]

    def around(
        self,
        chunk_ids: Sequence[str],
        entity_ids: Sequence[str],
        keys: Sequence[str],
        near: Sequence[str],
    ) -> Around:
        """As `GraphStore.around`."""
        inside: dict[str, list[str]] = {}
        asked = [hashed_ids(ids_of(entity_ids))]
        for piece in self.pieces:
            chunks = self._chunks(piece, chunk_ids)
            which, entities = piece.inside.of_each(chunks)
            asked.append(piece.entities[entities])
            names = hex_of(piece.chunk_ids[chunks])
            ids = hex_of(piece.entity_ids[entities])
            for at, entity in zip(which.tolist(), ids, strict=True):
                inside.setdefault(names[at], []).append(entity)
        return Around(
            inside={chunk: sorted(some) for chunk, some in sorted(inside.items())},
            mentions=self._mentions(np.unique(np.concatenate(asked)), near),
            definitions=self._definitions(keys, near),
        )

    def linked(self, names: Sequence[str]) -> dict[str, str]:
        """As `GraphStore.linked`."""
        found: dict[str, str] = {}
        for name in names:
            close = {id_: key for piece in self.pieces for id_, key in self._close(piece, name)}
            if len(close) > MOST_LINKS:
                words = set(name.split())
                close = {id_: key for id_, key in close.items() if set(key.split()) == words}
            found |= close
        return found

    def _close(self, piece: Piece, name: str) -> list[tuple[str, str]]:
        """The visible entities that share at least half of all words with the name.

        Such a one of m words has one of the n words of the name that stand before n - (n + m)/3 + 1, in
        whatever order: the rarest come first.
        """
        words = set(name.split())
        tokens = hashed(sorted(words))
        rarest = tokens[np.argsort(piece.bearers.counts(tokens), kind="stable")]
        most = 2 * len(tokens) - 3 * upto(len(tokens))
        which, bearers = piece.bearers.of_each(rarest[most > 0])
        rows = np.unique(bearers[piece.words[bearers] <= most[which]])
        # Before any key is read, which takes the longest: what is hidden should cost as little as it can.
        degrees = self._visible(piece, *piece.mentions.of_each(rows), len(rows))[2]
        rows = rows[degrees > 0]
        keys = piece.entity_keys[rows]
        common = np.array([len(words.intersection(key.split())) for key in keys], np.int64)
        every = len(words) + piece.words[rows] - common
        rows = rows[common >= linking.LEAST * every]
        return list(zip(hex_of(piece.entity_ids[rows]), piece.entity_keys[rows], strict=True))

    def _mentions(self, asked: Hashes, near: Sequence[str]) -> list[Mentioned]:
        found, degrees = [], np.zeros(len(asked), np.int64)
        for piece in self.pieces:
            places, rows = piece.known(asked)
            which, chunks = piece.mentions.of_each(rows)
            which, chunks, counts = self._visible(piece, which, chunks, len(rows))
            degrees[places] += counts
            found.append((piece, places[which], rows[which], chunks))
        names: dict[int, tuple[str, str]] = {}
        leads: dict[int, list[str]] = {}
        for piece, at, rows, chunks in found:
            kept = self._near_enough(piece, degrees[at], chunks, near)
            at, rows, chunks = at[kept], rows[kept], chunks[kept]
            first = np.flatnonzero(np.diff(at, prepend=-1))  # of each entity, which come in order
            named = zip(
                hex_of(piece.entity_ids[rows[first]]), piece.entity_keys[rows[first]], strict=True
            )
            places, ids = at[first].tolist(), hex_of(piece.chunk_ids[chunks])
            names.update(zip(places, named, strict=True))
            bounds = [*first.tolist(), len(at)]
            for place, (begin, end) in zip(places, pairwise(bounds), strict=True):
                leads.setdefault(place, []).extend(ids[begin:end])
        return sorted(
            Mentioned(*names[place], int(degrees[place]), tuple(sorted(some)))
            for place, some in leads.items()
        )

    def _definitions(self, keys: Sequence[str], near: Sequence[str]) -> list[Definition]:
        asked = hashed(keys)
        links: list[Definition] = []
        found, degrees = [], np.zeros(len(asked), np.int64)
        for piece in self.pieces:
            which, chunks = piece.definitions.of_each(asked)
            which, chunks, counts = self._visible(piece, which, chunks, len(asked))
            degrees += counts
            found.append((piece, which, chunks))
        for piece, which, chunks in found:
            kept = self._near_enough(piece, degrees[which], chunks, near)
            ids = hex_of(piece.chunk_ids[chunks[kept]])
            links += map(Definition, (keys[at] for at in which[kept].tolist()), ids)
        return sorted(links)

    def _chunks(self, piece: Piece, chunk_ids: Sequence[str]) -> Numbers:
        chunks = piece.chunks(ids_of(chunk_ids))
        return chunks[self.shown[piece.labels[chunks]]]

    def _visible(
        self, piece: Piece, which: Counts, chunks: Numbers, size: int
    ) -> tuple[Counts, Numbers, Counts]:
        """Those of the pairs whose chunk is visible, and how many there are at each place."""
        kept = self.shown[piece.labels[chunks]]
        which, chunks = which[kept], chunks[kept]
        return which, chunks, np.bincount(which, minlength=size)

    def _near_enough(
        self, piece: Piece, degrees: Counts, chunks: Numbers, near: Sequence[str]
    ) -> NDArray[np.bool_]:
        few = degrees <= MOST_LINKS
        if few.all():
            return few
        close = np.zeros(len(piece.labels), np.bool_)
        close[piece.chunks(ids_of(near))] = True
        found: NDArray[np.bool_] = few | close[chunks]
        return found
