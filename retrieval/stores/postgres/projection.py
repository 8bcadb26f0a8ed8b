"""The fence before the projection: whether it has seen every restriction of the labels in a scope."""

import time
from collections import OrderedDict
from collections.abc import Callable

from policy.errors import Unavailable
from policy.scope import Scope
from retrieval.stores.neo4j.graph import Position
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("retrieval.stores.postgres", "projection.sql")
TRUSTED_S = 0.2
"""How old an answer may be while the tenant's epoch stands still; each question asks several times."""
_KEPT = 256


class PostgresFence:
    """Asks Postgres, under row-level security: what waits of labels outside the scope is not seen."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[tuple[str, int, tuple[int, ...]], tuple[float, Position]] = (
            OrderedDict()
        )

    async def position(self, scope: Scope) -> Position:
        """Raises Unavailable("neo4j", …) where the projection lacks a restriction, or is not whole."""
        key = (scope.tenant, scope.epoch, scope.label_ids)
        asked_at, known = self._known.get(key, (float("-inf"), None))
        # Asked anew after a change of our own, and where the epochs cannot be trusted.
        current = self._database.fences.epoch(scope.tenant) == scope.epoch
        if known is not None and current and self._clock() - asked_at <= TRUSTED_S:
            return known
        asked_at = self._clock()
        position = await self._ask(scope)
        self._known[key] = (asked_at, position)
        self._known.move_to_end(key)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return position

    async def _ask(self, scope: Scope) -> Position:
        ids = scope.label_ids
        async with self._database.transaction(Role.READER, ids) as connection:
            row = await (await connection.execute(_SQL.scoped("position", ids))).fetchone()
        if row is None or row["state"] != "kept":
            raise Unavailable("neo4j", "the graph is not filled yet and cannot be read")
        if row["behind"]:
            raise Unavailable("neo4j", "the graph has not yet taken in a deletion; try again")
        return Position(
            generation=row["generation"], token=row["token"], settled=bool(row["settled"])
        )
