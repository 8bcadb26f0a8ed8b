"""The searches without governance, to measure what it costs: as the owner, with no label in any statement.

For benches alone: nothing that serves imports this.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from pgvector.psycopg import register_vector_async
from psycopg.rows import DictRow, dict_row

from policy.scope import Scope
from retrieval.embedding import Vectors
from retrieval.stores.postgres import graph, search
from retrieval.stores.postgres.queries import Queries

OwnConnection = psycopg.AsyncConnection[DictRow]
_LABELLED = re.compile(r"(?:\w+\.)?label_id = ANY\(\{labels\}\)")


async def connect(url: str) -> OwnConnection:
    """As the owner of the tables, whom row-level security does not hold; the caller closes it."""
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row)
    await register_vector_async(connection)
    return connection


class _Bare:
    """What both stores read with, in the place of a scoped transaction."""

    _queries: Queries

    def __init__(self, connection: OwnConnection) -> None:
        self._connection = connection

    async def _rows(
        self,
        name: str,
        scope: Scope,  # noqa: ARG002  nobody asks for it here
        values: Mapping[str, Any],
    ) -> list[dict[str, Any]]:
        return await _everything(self._connection, self._queries, name, values)


class BarePassages(_Bare, search.PostgresPassages):
    """`PassageStore` over everything."""

    _queries = search.SQL
    _words = None

    @asynccontextmanager
    async def reading(self, *, scope: Scope) -> AsyncIterator[None]:  # noqa: ARG002
        async with self._connection.transaction():
            yield

    async def _nearest(self, vector: Vectors, limit: int, scope: Scope) -> dict[str, float]:
        rows = await self._rows("nearest", scope, {"vector": vector, "limit": limit})
        return {row["chunk_id"]: row["similarity"] for row in rows}


class BareGraph(_Bare, graph.PostgresGraph):
    """`GraphStore` over everything."""

    _queries = graph.SQL
    _names = None


async def _everything(
    connection: OwnConnection, queries: Queries, name: str, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    text = _LABELLED.sub("true", queries[name].as_string()).encode()
    cursor = await connection.execute(text, values)
    return await cursor.fetchall()
