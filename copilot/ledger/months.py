"""Months of the ledger are made before they begin, by whoever serves."""

import asyncio
import logging

from policy.errors import CopilotError
from retrieval.background import Background
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

logger = logging.getLogger(__name__)
_SQL = Queries("copilot.ledger", "months.sql")
_EVERY_S = 3600.0


class Months:
    """Nobody waits for it: records for which no month was made lie among the others of that sort, until one is."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._background = Background()

    async def make(self) -> None:
        """This month and the two that follow; Unavailable where others are in the way."""
        async with self._database.transaction(Role.SEALER) as connection:
            await connection.execute(_SQL["make"])

    def watch(self) -> None:
        """Begins to make them, again and again: there are two months to try once more."""
        self._background.begin(self._watch)

    async def close(self) -> None:
        await self._background.stop()

    async def _watch(self) -> None:
        while True:
            try:
                await self.make()
            except CopilotError as error:
                logger.warning("no months of the ledger are made: %s", error.message)
            await asyncio.sleep(_EVERY_S)
