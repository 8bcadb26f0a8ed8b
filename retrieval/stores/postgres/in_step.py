"""Copies of labels in memory, kept in step with Postgres in the background.

A label's chunks have ordinals that only grow, and a sum of how many are left. Between them these tell, for
each label, which chunks came after what is in memory and how many of it are gone.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from policy.errors import Unavailable
from policy.scope import Scope
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

View = TypeVar("View")
logger = logging.getLogger(__name__)
_SQL = Queries("retrieval.stores.postgres", "search.sql")
_PIECE = 8192
"""Ordinals that are read at once: 12 MB of vectors."""
_MOST_SCOPES = 256

MANY = 4_000
"""Visible chunks from which a copy in memory is worth its while."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a label holds: how many ordinals it has given, and how many of those chunks are left."""

    given: int
    chunks: int
    edition: tuple[int, int] = (0, 0)
    """Another one where names of titles have gone, or vectors have become another model's, of whatever label; and where
    the server was started anew, since it may have been restored."""

    @property
    def gone(self) -> int:
        """How many chunks are not there any more."""
        return self.given - self.chunks


NOTHING = Held(0, 0)


class InStep(ABC):
    """One copy for a process. What it is asked for and does not have yet, it fetches in the background."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loaded: dict[int, Held] = {}
        self._wanted: set[int] = set()
        self._loading: asyncio.Task[None] | None = None
        self._complete: set[bytes] = set()

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

    async def caught_up(self) -> None:
        """Returns once all that was asked for is there, or cannot be had."""
        while self._loading is not None and not self._loading.done():
            await asyncio.wait([self._loading])

    @abstractmethod
    async def _read(self, label_id: int, start: int, end: int) -> None:
        """Takes in what a label has from ordinal `start` to before `end`."""

    @abstractmethod
    async def _drop(self, label_id: int) -> None:
        """Forgets a label."""

    async def _settle(self, taken: Mapping[int, Held]) -> None:
        """Shows what was taken in."""
        self._loaded.update(taken)
        self._complete.clear()

    def _changed(self, held: bytes) -> dict[int, Held]:
        """The labels that are not here as they are there, which it then fetches, and what those hold."""
        if held in self._complete:
            return {}
        changed = {
            one: now for one, now in unpacked(held).items() if self._loaded.get(one, NOTHING) != now
        }
        self.want([*changed])
        if not changed:
            self._complete.add(held)
        return changed

    async def look_again(self) -> None:
        """Asks what has become of all that is here, and fetches what is another now: what was deleted is not kept.

        Raises Unavailable where the database does not answer.
        """
        if self._loaded:
            self._changed(await state(self._database, sorted(self._loaded)))

    def want(self, label_ids: Sequence[int]) -> None:
        """Fetches these labels, or what of them is new, in the background."""
        self._wanted |= set(label_ids)
        if self._wanted and (self._loading is None or self._loading.done()):
            self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        try:
            while self._wanted:
                some = sorted(self._wanted)
                self._wanted.clear()
                await self._take_in_or_forget(unpacked(await state(self._database, some)))
        except Exception as error:  # noqa: BLE001  nobody waits for this task
            # Whoever asks next wants it again; until then the store looks at everything itself.
            logger.warning("a copy could not be read into memory: %s", type(error).__name__)

    async def _take_in_or_forget(self, every: Mapping[int, Held]) -> None:
        """After a defect, or without memory, something of any of them may have been read, and not be known of."""
        try:
            await self._take_in(every)
        except Unavailable:
            raise
        except BaseException:
            for label_id in every:
                await self._forget(label_id)
            raise

    async def _take_in(self, every: Mapping[int, Held]) -> None:
        """Reads what came since; all of a label anew where something of it is gone."""
        taken: dict[int, Held] = {}
        for label_id, held in every.items():
            try:
                await self._catch_up(label_id, held)
            except Unavailable:
                await self._forget(label_id)
                await self._settle(taken)
                raise
            taken[label_id] = held
        await self._settle(taken)

    async def _catch_up(self, label_id: int, held: Held) -> None:
        known = self._loaded.get(label_id, NOTHING)
        continued = (held.gone, held.edition) == (known.gone, known.edition)
        if known.given and not (continued and held.given >= known.given):
            await self._forget(label_id)
            known = NOTHING
        for start in range(known.given, held.given, _PIECE):
            await self._read(label_id, start, min(start + _PIECE, held.given))

    async def _forget(self, label_id: int) -> None:
        self._loaded.pop(label_id, None)
        self._complete.clear()
        await self._drop(label_id)

    async def _row(self, query: bytes, label_id: int, start: int, end: int) -> dict[str, Any]:
        values = {"label_id": label_id, "start": start, "end": end}
        async with self._database.transaction(Role.READER, [label_id]) as connection:
            row = await (await connection.execute(query, values, binary=True)).fetchone()
        assert row is not None  # aggregates give one row
        return row


class Shown(InStep, Generic[View]):
    """A copy that answers for a scope only where it has all that the scope shows, as it is now.

    With fewer visible chunks than `least` it is not worth its while.
    """

    def __init__(self, database: Database, least: int) -> None:
        super().__init__(database)
        self._least = least
        self._views: dict[bytes, View] = {}
        """What the labels of a scope hold → what is here of them, as long as nothing comes or goes."""

    async def of(self, scope: Scope) -> View | None:
        """What the scope shows, or None where not all of it is here yet."""
        held = await state(self._database, scope.label_ids)
        if held not in self._views:
            if chunks_held(held) < self._least or self._changed(held):
                return None
            if len(self._views) >= _MOST_SCOPES:
                self._views.clear()
            # Of those that hold anything, and not of all of the scope: others with the same are given this as well.
            self._views[held] = self._view(labels_in(held))
        return self._views[held]

    @abstractmethod
    def _view(self, label_ids: Sequence[int]) -> View:
        """What is here of these labels, which are given in ascending order."""

    async def _forget(self, label_id: int) -> None:
        self._views.clear()
        await super()._forget(label_id)

    async def _settle(self, taken: Mapping[int, Held]) -> None:
        self._views.clear()
        await super()._settle(taken)


async def state(database: Database, label_ids: Sequence[int]) -> bytes:
    """What the labels hold, packed; the same all through a search."""
    remembered = database.remembered(label_ids)
    if "held" not in remembered:
        async with database.transaction(Role.READER, label_ids) as connection:
            cursor = await connection.execute(_SQL.scoped("held", label_ids), binary=True)
            row = await cursor.fetchone()
        assert row is not None  # an aggregate gives one row
        remembered["held"] = bytes(row["labels"] or b"")
    held: bytes = remembered["held"]
    return held


def chunks_held(labels: bytes) -> int:
    """Chunks of all these labels."""
    return int(_numbers(labels)[:, 2].sum())


def labels_in(labels: bytes) -> list[int]:
    """Their ids."""
    found: list[int] = _numbers(labels)[:, 0].tolist()
    return found


def unpacked(labels: bytes) -> dict[int, Held]:
    """Label id → what it holds, from five numbers of four bytes for each: id, ordinals given, chunks, edition."""
    rows = _numbers(labels).tolist()
    return {label_id: Held(given, chunks, (one, two)) for label_id, given, chunks, one, two in rows}


def _numbers(labels: bytes) -> NDArray[np.int32]:
    return np.frombuffer(labels, ">i4").reshape(-1, 5)
