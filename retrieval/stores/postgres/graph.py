"""The graph in Postgres: mentions and relations, with the scope inside every hop."""

from collections.abc import Mapping, Sequence
from typing import Any

from policy.scope import Scope
from retrieval.ports import MOST_LINKS, Definition, EntityLink, Neighbour
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

SQL = Queries("retrieval.stores.postgres", "graph.sql")


class PostgresGraph:
    """`GraphStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def linked(self, tokens: Sequence[str], *, scope: Scope) -> dict[str, str]:
        rows = await self._rows("linked", scope, {"tokens": list(tokens)})
        return {row["entity_id"]: row["key"] for row in rows}

    async def entities_in(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in await self._rows("entities_in", scope, {"chunks": list(chunk_ids)}):
            found.setdefault(row["chunk_id"], []).append(row["entity_id"])
        return found

    async def mentions(
        self, entity_ids: Sequence[str], near: Sequence[str], *, scope: Scope
    ) -> list[EntityLink]:
        values = {"entities": list(entity_ids), "near": list(near), "most": MOST_LINKS}
        return [EntityLink(**row) for row in await self._rows("mentions", scope, values)]

    async def defined(
        self, keys: Sequence[str], near: Sequence[str], *, scope: Scope
    ) -> list[Definition]:
        values = {"keys": list(keys), "near": list(near), "most": MOST_LINKS}
        return [Definition(**row) for row in await self._rows("defined", scope, values)]

    async def neighbours(self, entity_ids: Sequence[str], *, scope: Scope) -> list[Neighbour]:
        rows = await self._rows("neighbours", scope, {"entities": list(entity_ids)})
        return [Neighbour(**row) for row in rows]

    async def _rows(
        self, name: str, scope: Scope, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        ids = scope.label_ids
        async with self._database.transaction(Role.READER, ids) as connection:
            cursor = await connection.execute(SQL.scoped(name, ids), values)
            return await cursor.fetchall()
