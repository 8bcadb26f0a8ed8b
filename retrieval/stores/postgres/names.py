"""What passages name and define, in memory: sorted columns of numbers that a search looks names up in."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from retrieval.stores.postgres.arrays import (
    Counts,
    Hashes,
    Ids,
    Lists,
    Numbers,
    Pairs,
    Texts,
    changes,
    hashed_ids,
    inverse,
    lookup,
    shifted,
    spread,
    upto,
)

GONE = 0
"""No label has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Chunks by number, the entities with their keys, and three lists of pairs; in any order."""

    labels: Numbers
    chunk_ids: Ids
    entity_ids: Ids
    entity_keys: Texts
    mentions: tuple[Numbers, Numbers]
    """Chunk and entity, each by number."""
    definitions: tuple[Hashes, Numbers]
    """Key, and chunk by number."""
    words: tuple[Hashes, Numbers]
    """Word of a key, and entity by number; each word of a key once."""

    @property
    def size(self) -> int:
        """Mentions."""
        return len(self.mentions[0])

    @classmethod
    def joined(cls, some: Sequence["Columns"]) -> "Columns":
        return cls(
            labels=np.concatenate([one.labels for one in some]),
            chunk_ids=np.concatenate([one.chunk_ids for one in some]),
            entity_ids=np.concatenate([one.entity_ids for one in some]),
            entity_keys=Texts.joined([one.entity_keys for one in some]),
            mentions=(
                shifted([(one.mentions[0], len(one.labels)) for one in some]),
                shifted([(one.mentions[1], len(one.entity_ids)) for one in some]),
            ),
            definitions=(
                np.concatenate([one.definitions[0] for one in some]),
                shifted([(one.definitions[1], len(one.labels)) for one in some]),
            ),
            words=(
                np.concatenate([one.words[0] for one in some]),
                shifted([(one.words[1], len(one.entity_ids)) for one in some]),
            ),
        )

    def alive(self) -> "Columns":
        """Without the chunks that no label has any more, and the entities that only they mention."""
        kept = self.labels != GONE
        if kept.all():
            return self
        renumbered = (np.cumsum(kept) - 1).astype(np.int32)
        (chunks, entities), (keys, definers) = self.mentions, self.definitions
        named, defined = kept[chunks], kept[definers]
        return replace(
            self,
            labels=self.labels[kept],
            chunk_ids=self.chunk_ids[kept],
            mentions=(renumbered[chunks[named]], entities[named]),
            definitions=(keys[defined], renumbered[definers[defined]]),
        ).mentioned()

    def mentioned(self) -> "Columns":
        """Without the entities that no chunk mentions: of such a one the key may be gone already."""
        (chunks, entities), (words, bearers) = self.mentions, self.words
        used = np.bincount(entities, minlength=len(self.entity_ids)) > 0
        renumbered = (np.cumsum(used) - 1).astype(np.int32)
        borne = used[bearers]
        return replace(
            self,
            entity_ids=self.entity_ids[used],
            entity_keys=self.entity_keys.some(np.flatnonzero(used)),
            mentions=(chunks, renumbered[entities]),
            words=(words[borne], renumbered[bearers[borne]]),
        )


class Piece:
    """Columns with what it takes to look things up in them. Never changed."""

    def __init__(self, columns: Columns) -> None:
        hashes = hashed_ids(columns.chunk_ids)
        order = np.argsort(hashes)
        self._chunks: Hashes = hashes[order]
        self.labels, self.chunk_ids = columns.labels[order], columns.chunk_ids[order]
        number = inverse(order)
        self._name(columns, number[columns.mentions[0]])
        keys, definers = columns.definitions
        self.definitions = Pairs.of(keys, number[definers])

    def _name(self, columns: Columns, chunks: Numbers) -> None:
        """The entities that are mentioned, each once, by number in the order of their hashes."""
        hashes = hashed_ids(columns.entity_ids)
        order = np.argsort(hashes)
        begins = changes(hashes[order])
        number = ((np.cumsum(begins) - 1).astype(np.int32))[inverse(order)]
        entities = number[columns.mentions[1]]
        used = np.bincount(entities, minlength=int(begins.sum())) > 0
        entities = (np.cumsum(used) - 1).astype(np.int32)[entities]
        first = order[begins][used]
        self.entities: Hashes = hashes[first]
        self.entity_ids = columns.entity_ids[first]
        self.entity_keys = columns.entity_keys.some(first)
        self.inside = Lists.of(chunks, entities, len(self.labels))
        self.mentions = Lists.of(entities, chunks, len(first))
        at = np.full(len(hashes), -1, np.int32)
        at[first] = upto(len(first))
        words, bearers = columns.words[0], at[columns.words[1]]
        self.bearers = Pairs.of(words[bearers >= 0], bearers[bearers >= 0])
        self.words = np.bincount(bearers[bearers >= 0], minlength=len(first)).astype(np.int32)

    @property
    def size(self) -> int:
        """Mentions, by which it is told which pieces to join."""
        return len(self.inside.values)

    def without(self, label_id: int) -> "Piece":
        """The same with the chunks of this label under none, and without the words of names that no other chunk has."""
        gone = self.labels == label_id
        if not gone.any():
            return self
        other = copy(self)
        other.labels = np.where(gone, np.int32(GONE), self.labels)
        alive = (other.labels != GONE)[self.inside.owners]
        others = np.bincount(self.inside.values[alive], minlength=len(self.entities)) > 0
        other.entity_keys = self.entity_keys.only(others)
        return other

    @property
    def columns(self) -> Columns:
        return Columns(
            labels=self.labels,
            chunk_ids=self.chunk_ids,
            entity_ids=self.entity_ids,
            entity_keys=self.entity_keys,
            mentions=(self.inside.owners, self.inside.values),
            definitions=self.definitions.columns,
            words=self.bearers.columns,
        )

    def chunks(self, ids: Ids) -> Numbers:
        """The numbers of those that are here."""
        wanted = hashed_ids(ids)
        first = np.searchsorted(self._chunks, wanted, "left")
        return spread(first, np.searchsorted(self._chunks, wanted, "right") - first)[1].astype(
            np.int32
        )

    def known(self, entities: Hashes) -> tuple[Counts, Numbers]:
        """Those of these that are here: the places among the given, and their own numbers."""
        here, at = lookup(self.entities, entities)
        return here, at.astype(np.int32)
