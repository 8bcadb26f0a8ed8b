"""The copy of the words in memory. It answers for a scope only where it has all that the scope shows, as it is now."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from policy.errors import Unavailable
from retrieval.heap import give_back
from retrieval.ports import MOST_OFTEN
from retrieval.stores.postgres.arrays import ID, hashed, upto
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.in_step import MANY, Held, Shown
from retrieval.stores.postgres.queries import Queries
from retrieval.stores.postgres.worded import Worded
from retrieval.stores.postgres.words import MOST, Columns, Piece
from retrieval.terms import OTHER_SCHEME, SCHEME

_SQL = Queries("retrieval.stores.postgres", "words.sql")
_CHUNK = np.dtype([("ordinal", ">i4"), ("length", ">i4"), ("terms", ">i4"), ("id", ID)])


class Words(Shown[Worded]):
    """One for a process. With fewer visible chunks than `least` it is not worth its while."""

    def __init__(self, database: Database, *, least: int = MANY) -> None:
        super().__init__(database, least)
        self._pieces: tuple[Piece, ...] = ()
        self._coming: tuple[Piece, ...] = ()
        """With what was taken in since, and is not shown yet."""
        self._read_in: list[Columns] = []

    def _view(self, label_ids: Sequence[int]) -> Worded:
        return Worded(self._pieces, label_ids)

    async def _drop(self, label_id: int) -> None:
        self._read_in = [one for one in self._read_in if label_id not in one.labels]
        self._pieces = tuple(piece.without(label_id) for piece in self._pieces)
        self._coming = tuple(piece.without(label_id) for piece in self._coming)

    async def _read(self, label_id: int, start: int, end: int) -> None:
        row = await self._row(_SQL.scoped("words", [label_id]), label_id, start, end)
        if row["scheme"] != SCHEME:
            raise Unavailable("postgres", OTHER_SCHEME, refused=True)
        if row["chunks"] is None:
            return
        self._read_in.append(await asyncio.to_thread(_columns, label_id, row))
        if sum(len(one.labels) for one in self._read_in) >= MOST // 2:
            await self._join()

    async def _join(self) -> None:
        """Before it grows too large to be held twice."""
        before = self._coming
        self._coming = await asyncio.to_thread(_joined, before, self._read_in)
        self._read_in = []
        if any(one.size > MOST // 2 and one not in before for one in self._coming):
            await asyncio.to_thread(give_back)

    async def _settle(self, taken: Mapping[int, Held]) -> None:
        if self._read_in:
            await self._join()
        self._pieces = self._coming
        await super()._settle(taken)


def _joined(pieces: Sequence[Piece], more: Sequence[Columns]) -> tuple[Piece, ...]:
    """With what is new. Of the last pieces each is full, or at least twice as large as the next one.

    What has for the most part gone is made anew, so that little is held in vain.
    """
    kept = [piece for piece in pieces if 2 * piece.size > len(piece.labels)]
    rest = [piece.columns for piece in pieces if 0 < 2 * piece.size <= len(piece.labels)]
    every = [*kept, *(Piece(one) for one in _cut(Columns.joined([*rest, *more])))]
    while len(every) > 1 and every[-2].size < min(2 * every[-1].size, MOST):
        last = every.pop()
        every += map(Piece, _cut(Columns.joined([every.pop().columns, last.columns])))
    return tuple(every)


def _cut(columns: Columns) -> list[Columns]:
    """In pieces that are not too large."""
    count = len(columns.labels)
    if count <= MOST:
        return [columns]
    numbers = np.arange(count)
    return [
        columns.kept((numbers >= start) & (numbers < start + MOST))
        for start in range(0, count, MOST)
    ]


def _columns(label_id: int, row: Mapping[str, Any]) -> Columns:
    chunks = np.frombuffer(row["chunks"], _CHUNK)
    counts = np.array(row["counts"].split(), np.int64)
    return Columns(
        labels=np.full(len(chunks), label_id, np.int32),
        ordinals=chunks["ordinal"].astype(np.int32),
        chunk_ids=np.ascontiguousarray(chunks["id"]),
        lengths=chunks["length"].astype(np.int32),
        terms=hashed(row["terms"].split()),
        chunks=np.repeat(upto(len(chunks)), chunks["terms"]),
        counts=np.minimum(counts, MOST_OFTEN).astype(np.uint8),
    )
