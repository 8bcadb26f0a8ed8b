"""The graph of a database under test: that in Postgres, or a projection into a Neo4j that is there for nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from copilot.projection import schema
from copilot.projection.opened import reached
from copilot.projection.projector import Projector
from copilot.settings import Settings
from policy.errors import Misconfigured
from retrieval.ports import GraphStore
from retrieval.stores.neo4j.graph import Neo4jGraph
from retrieval.stores.neo4j.projection import Neo4jProjection
from retrieval.stores.neo4j.server import Neo4j
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.projection import PostgresFence


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A graph to be read; `settle` brings it to what the database holds now."""

    store: GraphStore
    settle: Callable[[], Awaitable[None]]


Graphs = Callable[[Database], AbstractAsyncContextManager[Graph]]


@asynccontextmanager
async def in_postgres(database: Database) -> AsyncIterator[Graph]:
    """Which is always what the database holds."""

    async def nothing() -> None:
        return

    yield Graph(store=PostgresGraph(database), settle=nothing)


class InNeo4j:
    """Fills the one graph that the server has anew for each database; another one waits meanwhile."""

    def __init__(self, server: Neo4j) -> None:
        self._server = server
        self._taken = asyncio.Lock()

    @asynccontextmanager
    async def __call__(self, database: Database) -> AsyncIterator[Graph]:
        projector = Projector(database, Neo4jProjection(self._server))
        async with self._taken:
            await projector.rebuild()
            store = Neo4jGraph(self._server, PostgresFence(database))
            yield Graph(store=store, settle=projector.catch_up)


@asynccontextmanager
async def scratch(settings: Settings) -> AsyncIterator[InNeo4j]:
    """The Neo4j of the settings, without a graph now and afterwards. Misconfigured where it holds one."""
    async with reached(settings) as server, _emptied(server):
        yield InNeo4j(server)


@asynccontextmanager
async def _emptied(server: Neo4j) -> AsyncIterator[None]:
    projection = Neo4jProjection(server)
    if await projection.generation() is not None:
        raise Misconfigured(
            "NEO4J_URL names a Neo4j that holds a graph, which this suite would empty: name another one"
        )
    await schema.migrate(server)
    try:
        yield
    finally:
        while await projection.empty():
            pass
