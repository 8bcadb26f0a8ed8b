"""A database whose graph is projected into a real Neo4j, with every part at hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from copilot.projection import schema
from copilot.projection.projector import Projector
from copilot.projection.verify import compare
from policy.embedded import EmbeddedEngine
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.stores.neo4j.graph import Neo4jGraph
from retrieval.stores.neo4j.projection import Neo4jProjection
from retrieval.stores.neo4j.server import Neo4j
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.projection import PostgresFence
from tests.integration.test_ingest import World, opened
from tests.servers.neo4j import Neo4jServer

TOKENS = "anton drell alder shipping ltd vance elsa tanker quay harbour lane secret meeting".split()


@dataclass(kw_only=True)
class GraphWorld:
    """`world` changes content in Postgres; `projector` carries it over; `graph` reads it."""

    world: World
    database: Database
    server: Neo4j
    scoper: Scoper

    def __post_init__(self) -> None:
        self.projection = Neo4jProjection(self.server)
        self.projector = self.another_projector()
        self.graph = Neo4jGraph(self.server, PostgresFence(self.database))

    def another_projector(self) -> Projector:
        return Projector(self.database, Neo4jProjection(self.server))

    async def scope(self, who: Asker) -> Scope:
        return await self.scoper.scope(who)

    async def seen(self, who: Asker) -> Any:
        """All that somebody finds in Neo4j."""
        return await everything(self.graph, await self.scope(who))

    async def expected(self, who: Asker) -> Any:
        """All that they find in Postgres."""
        return await everything(PostgresGraph(self.database), await self.scope(who))

    async def differences(self) -> tuple[str, ...]:
        found = await compare(self.database, self.projection)
        assert bool(found.differences) == bool(found.different)
        return found.differences

    async def cypher(self, query: str, **values: Any) -> list[list[Any]]:
        return await self.server.run(query, values)

    async def held(self) -> set[str]:
        """Every text that stands in any node or edge of Neo4j."""
        nodes = await self.cypher("MATCH (n) WHERE NOT n:Migration RETURN properties(n)")
        edges = await self.cypher("MATCH ()-[r]->() RETURN properties(r)")
        return {
            value
            for [properties] in (*nodes, *edges)
            for value in properties.values()
            if isinstance(value, str)
        }


async def everything(graph: Any, scope: Scope) -> list[Any]:
    linked = await graph.linked(TOKENS, scope=scope)
    entities = sorted(linked)
    mentions = (await graph.around([], entities, [], [], scope=scope)).mentions
    chunks = sorted({chunk for one in mentions for chunk in one.chunk_ids})
    keys = sorted(linked.values())
    return [
        linked,
        mentions,
        await graph.around(chunks, [], keys, chunks, scope=scope),
        await graph.neighbours(entities, scope=scope),
    ]


@asynccontextmanager
async def graph_world(
    url: str, neo4j: Neo4jServer, *, timeout_s: float = 10, filled: bool = True
) -> AsyncIterator[GraphWorld]:
    """Begins with an empty Neo4j, `filled` from what the database holds."""
    database = Database(url, timeout_s=5)
    await database.open()
    server = Neo4j(neo4j.url, user="neo4j", password=neo4j.password, timeout_s=timeout_s)
    engine = EmbeddedEngine()
    try:
        await schema.migrate(server)
        await server.run("MATCH (n) WHERE NOT n:Migration DETACH DELETE n")
        async with opened(url) as world:
            scoper = Scoper(engine, PostgresLabels(database))
            made = GraphWorld(world=world, database=database, server=server, scoper=scoper)
            if filled:
                await made.projector.rebuild()
            yield made
    finally:
        await engine.close()
        await server.close()
        await database.close()
