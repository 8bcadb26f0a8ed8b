"""The publisher: brings the newest checkpoint out of the database, to where its owner cannot change it."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from copilot.ledger.destinations import Destination, Published
from copilot.ledger.proofs.merkle import plan_consistency
from copilot.ledger.tree import subtree_hashes
from copilot.readiness import DEGRADED, OK
from policy.errors import CopilotError, Unavailable
from retrieval.background import Background
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

logger = logging.getLogger(__name__)
_SQL = Queries("copilot.ledger", "publish.sql")
_LATE = 3
"""Intervals that a destination may be behind before readiness says so."""


class Publisher:
    """Publishes every `every_s` seconds. Several processes may: what one has published, the others leave."""

    def __init__(
        self, database: Database, destinations: Sequence[Destination], every_s: float
    ) -> None:
        self._database = database
        self._destinations = {one.name: one for one in destinations}
        self._every_s = every_s
        self._failing = set[str]()
        self._background = Background()

    def watch(self) -> None:
        """Begins to publish."""
        self._background.begin(self._watch)

    async def close(self) -> None:
        """Ends what goes on in the background."""
        await self._background.stop()

    async def publish(self) -> list[str]:
        """Brings the newest checkpoint to each destination that lacks it; gives the names of those that took it.

        Unavailable where the database does not answer. A destination that fails is logged, and tried again next time.
        """
        async with self._database.transaction(Role.SEALER) as connection:
            due = await _rows(connection, "due", names=list(self._destinations))
        taken = await asyncio.gather(*map(self._put, due))
        return [row["name"] for row, done in zip(due, taken, strict=True) if done]

    async def state(self) -> str:
        """For readiness: what is not published can be rewritten by who has the key."""
        async with self._database.transaction(Role.SEALER) as connection:
            late = await _rows(connection, "late", names=list(self._destinations))
        behind = [
            f"{row['name']} for {row['waits_s']:.0f} s"
            for row in late
            if row["waits_s"] > _LATE * self._every_s
        ]
        return f"{DEGRADED}no checkpoint reaches {', '.join(behind)}" if behind else OK

    async def _put(self, row: dict[str, Any]) -> bool:
        name, size = row["name"], row["size"]
        one = Published(size=size, note=row["note"], known=row["known"], proof=self._proof)
        try:
            signed = await self._destinations[name].put(one)
            async with self._database.transaction(Role.SEALER) as connection:
                values = {"name": name, "size": size, "cosignatures": signed}
                await connection.execute(_SQL["published"], values)
        except Unavailable as error:
            if name not in self._failing:  # once, and not each time
                logger.warning("a checkpoint is not published: %s", error.message)
            self._failing.add(name)
            return False
        self._failing.discard(name)
        return True

    async def _proof(self, first: int, second: int) -> list[bytes]:
        plan = plan_consistency(first, second)
        async with self._database.transaction(Role.SEALER) as connection:
            found = await subtree_hashes(connection, plan.subtrees)
        try:
            return plan.proof(found)
        except KeyError as error:
            raise Unavailable("ledger", f"the log of {second} leaves lacks a subtree") from error

    async def _watch(self) -> None:
        while True:
            try:
                await self.publish()
            except CopilotError as error:
                logger.warning("checkpoints are not published: %s", error.message)
            await asyncio.sleep(self._every_s)


async def _rows(connection: Connection, block: str, **values: Any) -> list[dict[str, Any]]:
    return await (await connection.execute(_SQL[block], values)).fetchall()
