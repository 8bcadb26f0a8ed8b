"""Vectors in memory, kept in step with Postgres: which chunks are worth an exact look, and which are new.

A label's chunks have ordinals that only grow, and a sum of how many are left. Between them these tell, for
each label, which chunks came after what is in memory (the store looks at those itself) and how many of it are
gone (so many more are proposed). Nothing is shown from here: the store reads every proposal anew, within the
scope and through row-level security.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from policy.errors import Unavailable
from retrieval.embedding import DIMENSION, Vectors
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.matrix import Matrix
from retrieval.stores.postgres.queries import Queries

logger = logging.getLogger(__name__)
_SQL = Queries("retrieval.stores.postgres", "near.sql")
_SEARCH = Queries("retrieval.stores.postgres", "search.sql")
_PIECE = 8192
"""Ordinals that are read at once: 12 MB."""
_HEADER = 4
"""Bytes before a vector's numbers in pgvector's binary form."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a label holds: how many ordinals it has given, and how many of those chunks are left."""

    given: int
    chunks: int

    @property
    def gone(self) -> int:
        return self.given - self.chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where the nearest are: at these places, or among the chunks of a label from an ordinal on."""

    label_ids: Sequence[int]
    ordinals: Sequence[int]
    later_label_ids: Sequence[int]
    later_from: Sequence[int]
    later: int
    """How many chunks the latter are, at most."""


class Near:
    """One for a process. What it is asked for and does not have yet, it fetches in the background."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._matrix = Matrix()
        self._loaded: dict[int, Held] = {}
        self._wanted: set[int] = set()
        self._loading: asyncio.Task[None] | None = None

    @property
    def labels(self) -> int:
        """How many labels are in memory."""
        return len(self._loaded)

    async def close(self) -> None:
        """Ends what goes on in the background."""
        if self._loading is not None:
            self._loading.cancel()
            with suppress(asyncio.CancelledError):
                await self._loading

    async def look(self, vector: Vectors, limit: int, held: Mapping[int, Held]) -> Look:
        """Where the `limit` nearest of these labels are."""
        known = {label_id: self._loaded.get(label_id, Held(0, 0)) for label_id in held}
        changed = [one for one in held if known[one] != held[one]]
        self._want(changed)
        gone = sum(held[one].gone - known[one].gone for one in changed if known[one].given)
        loaded = [one for one in held if known[one].given]
        view = self._matrix.view()  # now, while it holds all that is said to be loaded
        label_ids, ordinals = await asyncio.to_thread(
            view.candidates, vector, loaded, limit + max(gone, 0)
        )
        grown = [one for one in changed if held[one].given > known[one].given]
        return Look(
            label_ids=label_ids,
            ordinals=ordinals,
            later_label_ids=grown,
            later_from=[known[one].given for one in grown],
            later=sum(held[one].given - known[one].given for one in grown),
        )

    async def caught_up(self) -> None:
        """Returns once all that was asked for is there, or cannot be had."""
        while self._loading is not None and not self._loading.done():
            await asyncio.wait([self._loading])

    def _want(self, label_ids: Sequence[int]) -> None:
        self._wanted |= set(label_ids)
        if self._wanted and (self._loading is None or self._loading.done()):
            self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        try:
            while self._wanted:
                some = sorted(self._wanted)
                self._wanted.clear()
                for label_id, held in (await self._held(some)).items():
                    await self._catch_up(label_id, held)
        except Unavailable:
            # Whoever asks next wants it again; until then the store looks at everything itself.
            logger.warning("vectors could not be read into memory")

    async def _held(self, label_ids: Sequence[int]) -> dict[int, Held]:
        async with self._database.transaction(Role.READER, label_ids) as connection:
            query = _SEARCH.scoped("held", label_ids)
            row = await (await connection.execute(query, binary=True)).fetchone()
            assert row is not None  # an aggregate gives one row
            return unpacked(row["labels"])

    async def _catch_up(self, label_id: int, held: Held) -> None:
        """Reads what came since; all of it anew where something is gone."""
        known = self._loaded.get(label_id, Held(0, 0))
        if held.gone != known.gone and known.given:
            del self._loaded[label_id]
            await asyncio.to_thread(self._matrix.drop, label_id)
            known = Held(0, 0)
        for start in range(known.given, held.given, _PIECE):
            end = min(start + _PIECE, held.given)
            await self._read(label_id, start, end)
        self._loaded[label_id] = held

    async def _read(self, label_id: int, start: int, end: int) -> None:
        values = {"label_id": label_id, "start": start, "end": end}
        async with self._database.transaction(Role.READER, [label_id]) as connection:
            query = _SQL.scoped("vectors", [label_id])
            row = await (await connection.execute(query, values, binary=True)).fetchone()
        if row is None or row["ordinals"] is None:
            return
        ordinals = np.frombuffer(row["ordinals"], ">i4").astype(np.int64)
        width = _HEADER + 4 * DIMENSION
        numbers = np.frombuffer(row["vectors"], np.uint8).reshape(-1, width)[:, _HEADER:]
        vectors = np.ascontiguousarray(numbers).view(">f4").astype(np.float32)
        await asyncio.to_thread(self._matrix.add, label_id, ordinals, vectors)


def unpacked(labels: bytes | None) -> dict[int, Held]:
    """Label id → what it holds, from three numbers of four bytes for each: id, ordinals given, chunks."""
    rows = np.frombuffer(labels or b"", ">i4").reshape(-1, 3).tolist()
    return {label_id: Held(given, chunks) for label_id, given, chunks in rows}
