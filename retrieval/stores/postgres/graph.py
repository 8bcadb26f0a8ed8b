"""The graph in Postgres: mentions and relations, with the scope inside every hop."""

from collections.abc import Mapping, Sequence
from typing import Any

from policy.scope import Scope
from retrieval.ports import MOST_LINKS, Around, Definition, EntityLink, Neighbour
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

SQL = Queries("retrieval.stores.postgres", "graph.sql")


class PostgresGraph:
    """`GraphStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def linked(self, names: Sequence[str], *, scope: Scope) -> dict[str, str]:
        tokens = sorted({token for name in names for token in name.split()})
        values = {"names": list(names), "tokens": tokens, "most": MOST_LINKS}
        rows = await self._rows("linked", scope, values)
        return {row["entity_id"]: row["key"] for row in rows}

    async def around(
        self,
        chunk_ids: Sequence[str],
        entity_ids: Sequence[str],
        keys: Sequence[str],
        near: Sequence[str],
        *,
        scope: Scope,
    ) -> Around:
        values = {
            "chunks": list(chunk_ids),
            "entities": list(entity_ids),
            "keys": list(keys),
            "near": list(near),
            "most": MOST_LINKS,
        }
        lists: dict[str, list[tuple[str, str, str, int]]] = {}
        for row in await self._rows("around", scope, values):
            found = (row["source"], row["target"], row["name"], int(row["degree"]))
            lists.setdefault(row["list"], []).append(found)
        inside: dict[str, list[str]] = {}
        for chunk, entity, _, _ in sorted(lists.get("inside", ())):
            inside.setdefault(chunk, []).append(entity)
        return Around(
            inside=inside,
            mentions=[
                EntityLink(entity_id=entity, name=name, chunk_id=chunk, degree=degree)
                for entity, chunk, name, degree in sorted(lists.get("mentions", ()))
            ],
            definitions=[
                Definition(key=key, chunk_id=chunk)
                for key, chunk, _, _ in sorted(lists.get("definitions", ()))
            ],
        )

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
