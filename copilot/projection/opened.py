"""The projection for a process: kept in step while the product is open, and left with nothing waiting."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from copilot.settings import Settings
from policy.errors import CopilotError, Misconfigured
from retrieval.ports import GraphStore
from retrieval.stores.postgres.database import Database

if TYPE_CHECKING:
    from copilot.projection.projector import Projector
    from retrieval.stores.neo4j.server import Neo4j

_LAST_BATCHES_S = 30.0
"""What a process that ends may still write; what is left waits for the next one."""
_log = logging.getLogger(__name__)


@asynccontextmanager
async def projected(settings: Settings, database: Database) -> AsyncIterator[GraphStore | None]:
    """The graph in Neo4j; None where none is configured.

    A Neo4j that is down fails nothing here: reads say so themselves, and what it lacks waits in the outbox.
    """
    if settings.neo4j_url is None:
        yield None
        return
    # Only who has a Neo4j need wait for its driver: a quarter of a second.
    from retrieval.stores.neo4j.graph import Neo4jGraph
    from retrieval.stores.postgres.projection import PostgresFence

    async with _server(settings) as server:
        projector = _projector(database, server)
        projector.follow()
        try:
            yield Neo4jGraph(server, PostgresFence(database))
        finally:
            # First, or its last batch would hold the lock and be broken off.
            await projector.close()
        await _last_batches(projector)


@asynccontextmanager
async def projector(settings: Settings, url: str) -> AsyncIterator["Projector"]:
    """The projector alone, for a command. Misconfigured where no Neo4j is."""
    async with opened(settings, url) as (_, one, _):
        yield one


@asynccontextmanager
async def opened(
    settings: Settings, url: str
) -> AsyncIterator[tuple[Database, "Projector", "Neo4j"]]:
    """Database, projector and Neo4j for a command. Misconfigured where no Neo4j is."""
    if settings.neo4j_url is None:
        raise Misconfigured("there is no Neo4j: set NEO4J_URL and NEO4J_PASSWORD")
    database = Database(url, timeout_s=settings.database_timeout_s)
    await database.open()
    try:
        async with _server(settings) as server:
            yield database, _projector(database, server), server
    finally:
        await database.close()


async def migrated(settings: Settings) -> list[str]:
    """Brings the configured Neo4j to this version; gives the names of what was applied."""
    from copilot.projection import schema

    async with _server(settings) as server:
        return await schema.migrate(server)


@asynccontextmanager
async def _server(settings: Settings) -> AsyncIterator["Neo4j"]:
    from retrieval.stores.neo4j.server import Neo4j

    assert settings.neo4j_url is not None  # asked by whoever calls
    server = Neo4j(
        settings.neo4j_url,
        user=settings.neo4j_user,
        password=settings.neo4j_password or "",
        timeout_s=settings.neo4j_timeout_s,
    )
    try:
        yield server
    finally:
        await server.close()


def _projector(database: Database, server: "Neo4j") -> "Projector":
    from copilot.projection import schema
    from copilot.projection.projector import Projector
    from retrieval.stores.neo4j.projection import Neo4jProjection

    return Projector(database, Neo4jProjection(server), check=partial(schema.check, server))


async def _last_batches(projector: "Projector") -> None:
    """So that a command's own changes are there when it has ended; filling is left to who has the time."""
    try:
        async with asyncio.timeout(_LAST_BATCHES_S):
            if (await projector.backlog()).state == "kept":
                await projector.catch_up()
    except (TimeoutError, CopilotError) as error:
        _log.warning("changes wait for the graph: %s", type(error).__name__)
