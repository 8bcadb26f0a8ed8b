"""Records that are written at the same moment share a transaction: a commit costs more than a record."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from copilot.ledger.append import append_entries
from copilot.ledger.entry import Entry
from policy.errors import Unavailable
from retrieval.stores.postgres.database import Database, Role

_LANES = 2
"""Transactions at once: one is committed while the next gathers."""
_MOST = 64
"""Records of one transaction."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    entry: Entry
    written: asyncio.Future[None]


class Together:
    """Writes entries in the transactions of a few lanes, each of which takes all that waits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._lanes = set[asyncio.Task[None]]()

    async def write(self, entry: Entry) -> None:
        """Returns once the entry is durable; raises Unavailable where it is not, or may not be."""
        one = _Waiting(entry, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if len(self._lanes) < _LANES:
            self._open_lane()
        try:
            await one.written
        except asyncio.CancelledError:
            if one in self._waiting:  # nobody waits for it any more, and it is not under way
                self._waiting.remove(one)
            raise

    def _open_lane(self) -> None:
        lane = asyncio.create_task(self._drain())
        self._lanes.add(lane)
        lane.add_done_callback(self._lanes.discard)

    async def _drain(self) -> None:
        """Gives up its place in the very step in which it finds nothing: whoever comes then opens another."""
        lane = asyncio.current_task()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
            try:
                await self._write(batch)
            except BaseException as error:
                for one in batch:
                    _fail(one, error)
                if not isinstance(error, Exception):
                    raise
        if lane is not None:
            self._lanes.discard(lane)

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        """Where one of them is refused, each is written by itself, so that it alone fails."""
        try:
            await self._commit([one.entry for one in batch])
        except Unavailable as error:
            if len(batch) == 1 or not error.refused:
                raise
            for one in batch:
                try:
                    await self._write([one])
                except Unavailable as alone:
                    _fail(one, alone)
            return
        for one in batch:
            if not one.written.done():
                one.written.set_result(None)

    async def _commit(self, entries: Sequence[Entry]) -> None:
        """A kept answer is a second statement, so that the two need a transaction around them."""
        kept = any(entry.kept for entry in entries)
        begun = self._database.transaction if kept else self._database.statements
        async with begun(Role.LEDGER) as connection:
            await append_entries(connection, entries)


def _fail(one: _Waiting, error: BaseException) -> None:
    """Each gets an error of its own: a traceback shared by several would grow with each of them."""
    if one.written.done():
        return
    if isinstance(error, Unavailable):
        copy = Unavailable(error.dependency, error.message, refused=error.refused)
        copy.__cause__ = error
        one.written.set_exception(copy)
    else:
        one.written.set_exception(
            Unavailable("ledger", "the ledger was not written; nothing was released")
        )
