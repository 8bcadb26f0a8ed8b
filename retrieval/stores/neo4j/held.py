"""A write of the projection: of two writers the later one has the higher number, and the other is refused."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from neo4j import AsyncTransaction

from policy.errors import Unavailable
from retrieval.stores.neo4j.graph import Position
from retrieval.stores.neo4j.queries import Queries
from retrieval.stores.neo4j.server import Neo4j, values

_CYPHER = Queries("retrieval.stores.neo4j", "projection.cypher")
_ROWS = 2000

Row = Mapping[str, Any]


@asynccontextmanager
async def held(server: Neo4j, position: Position) -> AsyncIterator[AsyncTransaction]:
    """One transaction: all of it or nothing. Raises Unavailable("neo4j", …), also where a later writer was there."""
    async with server.writing() as transaction:
        numbers = {"generation": position.generation, "token": position.token}
        if not await values(transaction, _CYPHER["hold"], numbers):
            raise Unavailable(
                "neo4j",
                "the graph in Neo4j is kept by another database, or was written by somebody later; "
                "where it is this one's, run `copilot graph rebuild`",
            )
        yield transaction


async def put(transaction: AsyncTransaction, statement: str, rows: Sequence[Row]) -> None:
    """Runs the statement over the rows, so many at a time that a message stays small."""
    for first in range(0, len(rows), _ROWS):
        await values(transaction, statement, {"rows": rows[first : first + _ROWS]})
