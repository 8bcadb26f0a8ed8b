"""Upkeep: months of the ledger made before they begin, and marks by which an erasure finds records."""

import asyncio
import logging
import time
from contextlib import suppress

from policy.errors import CopilotError
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

logger = logging.getLogger(__name__)
_SQL = Queries("copilot.ledger", "upkeep.sql")
_EVERY_S = 0.5
_MOST = 50
"""Records marked at a time: at most 100 a second in each process, so that whoever writes hardly feels it."""
_MONTHS_S = 3600.0


class Upkeep:
    """Nobody waits for it. Without it records go among those of no month, and an erasure goes through all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watching: asyncio.Task[None] | None = None
        self._made_at: float | None = None

    def watch(self) -> None:
        """Begins to do both, again and again."""
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Ends what goes on in the background; what is left is done by whoever comes next."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def make_months(self) -> None:
        """Makes the partitions of this month and the two that follow; Unavailable where others are in the way."""
        async with self._database.transaction(Role.SEALER) as connection:
            await connection.execute(_SQL["months"])

    async def mark(self, most: int = _MOST) -> int:
        """Marks the next sealed records; gives how many, none as well while an erasure is on its way."""
        async with self._database.transaction(Role.SEALER) as connection:
            row = await (await connection.execute(_SQL["mark"], {"most": most})).fetchone()
        assert row is not None  # a function of one value
        records: int = row["records"]
        return records

    async def _watch(self) -> None:
        failing = False
        while True:
            try:
                await self._step()
                failing = False
            except CopilotError as error:
                if not failing:  # once, and not twice a second
                    logger.warning("the ledger's upkeep waits: %s", error.message)
                failing = True
            await asyncio.sleep(_EVERY_S)

    async def _step(self) -> None:
        now = time.monotonic()
        if self._made_at is None or now - self._made_at > _MONTHS_S:
            self._made_at = (
                now  # where others are in the way now, there are two months to try again
            )
            await self.make_months()
        await self.mark()
