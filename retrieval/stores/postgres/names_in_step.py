"""The copy of the names in memory. It answers for a scope only where it has all that the scope shows, as it is now."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retrieval.heap import give_back
from retrieval.stores.postgres.arrays import ID, Numbers, Texts, hashed, hashed_ids
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.in_step import MANY, Held, Shown
from retrieval.stores.postgres.named import Named
from retrieval.stores.postgres.names import Columns, Piece
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("retrieval.stores.postgres", "names.sql")
_TOGETHER = 1_000_000
"""Mentions that are joined at once while more is read: a label's own names take twice the memory of joined ones."""
_MENTION = np.dtype([("ordinal", ">i4"), ("id", ID)])


class Names(Shown[Named]):
    """One for a process. With fewer visible chunks than `least` it is not worth its while."""

    def __init__(self, database: Database, *, least: int = MANY) -> None:
        super().__init__(database, least)
        self._pieces: tuple[Piece, ...] = ()
        self._read_in: list[Columns] = []
        self._joined_in: tuple[Piece, ...] = ()
        """What was read in before `_read_in`, and is not shown yet either."""

    def _view(self, label_ids: Sequence[int]) -> Named:
        shown = np.zeros(max((*label_ids, *self._loaded), default=0) + 1, np.bool_)
        shown[list(label_ids)] = True
        return Named(self._pieces, shown)

    async def _drop(self, label_id: int) -> None:
        self._read_in = [one for one in self._read_in if label_id not in one.labels]
        self._pieces = await asyncio.to_thread(_without, self._pieces, label_id)
        self._joined_in = await asyncio.to_thread(_without, self._joined_in, label_id)

    async def _read(self, label_id: int, start: int, end: int) -> None:
        row = await self._row(_SQL.scoped("names", [label_id]), label_id, start, end)
        if row["chunks"] is not None:
            self._read_in.append(await asyncio.to_thread(_columns, label_id, row))
        if sum(one.size for one in self._read_in) >= _TOGETHER:
            self._joined_in = await asyncio.to_thread(_joined, self._joined_in, self._read_in)
            self._read_in = []
            await asyncio.to_thread(give_back)

    async def _settle(self, taken: Mapping[int, Held]) -> None:
        joined, more = [*self._joined_in], self._read_in
        self._joined_in, self._read_in = (), []
        many = bool(joined)
        if joined or more:
            self._pieces = await asyncio.to_thread(_shown, self._pieces, joined, more)
        await super()._settle(taken)
        if many:
            await asyncio.to_thread(give_back)


def _without(pieces: Sequence[Piece], label_id: int) -> tuple[Piece, ...]:
    return tuple(piece.without(label_id) for piece in pieces)


def _shown(pieces: Sequence[Piece], joined: list[Piece], more: list[Columns]) -> tuple[Piece, ...]:
    """With all that was read in as one piece, so that looking something up goes through few. Empties the lists."""
    more += [one.columns.alive() for one in joined]
    joined.clear()
    return _joined(pieces, more)


def _joined(pieces: Sequence[Piece], more: list[Columns]) -> tuple[Piece, ...]:
    """With one more piece, or with fewer: each at least twice as large as the next, so that they stay few.

    Empties `more`: what is joined is not kept beside it.
    """
    joined = Columns.joined(more)
    more.clear()
    every = [*pieces, Piece(joined)]
    while len(every) > 1 and every[-2].size < 2 * every[-1].size:
        last = every.pop()
        every[-1] = Piece(Columns.joined([every[-1].columns, last.columns]).alive())
    return tuple(every)


def _columns(label_id: int, row: Mapping[str, Any]) -> Columns:
    chunks = np.frombuffer(row["chunks"], _MENTION)
    mentions = np.frombuffer(row["mentions"] or b"", _MENTION)
    entity_ids = np.frombuffer(row["entity_ids"] or b"", ID)
    keys = row["entity_keys"].split("\n") if row["entity_keys"] else []
    words = [(word, at) for at, key in enumerate(keys) for word in sorted(set(key.split()))]
    definers = np.frombuffer(row["definers"] or b"", ">i4")
    defined = row["definitions"].split("\n") if row["definitions"] else []
    hashes = hashed_ids(entity_ids)
    order = np.argsort(hashes)
    places = np.searchsorted(hashes[order], hashed_ids(mentions["id"]))
    return Columns(
        labels=np.full(len(chunks), label_id, np.int32),
        chunk_ids=np.ascontiguousarray(chunks["id"]),
        entity_ids=entity_ids,
        entity_keys=Texts.of(keys),
        mentions=(_numbers(chunks, mentions["ordinal"]), order[places].astype(np.int32)),
        definitions=(hashed(defined), _numbers(chunks, definers)),
        words=(hashed([word for word, _ in words]), np.array([at for _, at in words], np.int32)),
    )


def _numbers(chunks: Any, ordinals: Any) -> Numbers:
    """Where the chunks with these ordinals stand."""
    found: Numbers = np.searchsorted(chunks["ordinal"], ordinals).astype(np.int32)
    return found
