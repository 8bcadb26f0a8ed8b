"""The graph in Postgres: mentions and relations, with the scope inside every hop."""

from collections.abc import Mapping, Sequence
from typing import Any

from policy.scope import Scope
from retrieval.ports import (
    MOST_LINKS,
    MOST_NEIGHBOURS,
    MOST_RELATIONS,
    MOST_STATED,
    Around,
    Definition,
    KnownEntity,
    Neighbour,
    mentioned,
    step_order,
)
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.named import Named
from retrieval.stores.postgres.names_in_step import Names
from retrieval.stores.postgres.queries import Queries

SQL = Queries("retrieval.stores.postgres", "graph.sql")


class PostgresGraph:
    """`GraphStore` on Postgres; with `names` it looks names up in memory, where all of the scope is."""

    def __init__(self, database: Database, names: Names | None = None) -> None:
        self._database = database
        self._names = names

    async def caught_up(self) -> None:
        """Returns once the names that were asked for are in memory."""
        if self._names is not None:
            await self._names.caught_up()

    async def linked(self, names: Sequence[str], *, scope: Scope) -> dict[str, str]:
        if named := await self._named(scope):
            return named.linked(names)
        rows = await self._rows("linked", scope, {"names": list(names), "most": MOST_LINKS})
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
        if named := await self._named(scope):
            return named.around(chunk_ids, entity_ids, keys, near)
        values = {
            "chunks": list(chunk_ids),
            "entities": list(entity_ids),
            "keys": "\n".join(keys),  # a thousand or so, each of plain words: quicker than an array
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
            mentions=mentioned(
                (entity, name, degree, chunk)
                for entity, chunk, name, degree in lists.get("mentions", ())
            ),
            definitions=[
                Definition(key=key, chunk_id=chunk)
                for key, chunk, _, _ in sorted(lists.get("definitions", ()))
            ],
        )

    async def neighbours(
        self, entity_ids: Sequence[str], near: Sequence[str] = (), *, scope: Scope
    ) -> list[Neighbour]:
        values = {
            "entities": list(entity_ids),
            "near": list(near),
            "most": MOST_NEIGHBOURS,
            "most_relations": MOST_RELATIONS,
            "stated": MOST_STATED,
        }
        rows = await self._rows("neighbours", scope, values)
        return sorted((Neighbour(**row) for row in rows), key=step_order)

    async def entities(
        self, words: Sequence[str], limit: int, *, after: str = "", scope: Scope
    ) -> list[KnownEntity]:
        values = {"words": sorted(set(words)), "limit": limit, "after": after}
        rows = await self._rows("entities", scope, values)
        return [KnownEntity(**row) for row in rows]

    async def _named(self, scope: Scope) -> Named | None:
        return await self._names.of(scope) if self._names else None

    async def _rows(
        self, name: str, scope: Scope, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        ids = scope.label_ids
        async with self._database.transaction(Role.READER, ids) as connection:
            cursor = await connection.execute(SQL.scoped(name, ids), values)
            return await cursor.fetchall()
