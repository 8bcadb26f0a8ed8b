"""The projection for a process: kept in step while the product is open, and left with nothing waiting."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from copilot.projection.backlog import Backlog
from copilot.readiness import DEGRADED, OK
from copilot.settings import Settings
from policy.errors import CopilotError, Misconfigured, Unavailable
from retrieval.ports import GraphStore
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.names_in_step import Names

if TYPE_CHECKING:
    from copilot.projection.projector import Projector
    from retrieval.stores.neo4j.server import Neo4j

_LATE_S = 30.0
_LAST_BATCHES_S = 30.0
"""What a process that ends may still write; what is left waits for the next one."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Projected:
    """The graph in Neo4j, as a process reads it."""

    graph: GraphStore
    check: Callable[[], Awaitable[None]]
    """Raises Unavailable where nobody can read it now."""
    behind: Callable[[], Awaitable[str]]
    """For readiness, where it can be read: whether what was asked has arrived."""


@asynccontextmanager
async def projected(
    settings: Settings,
    database: Database,
    names: Names,
    tell: Callable[[Backlog], None] | None = None,
) -> AsyncIterator[Projected | None]:
    """The graph in Neo4j, with `names` in memory before it; None where none is configured.

    `tell` is told every few seconds what waits for it.

    A Neo4j that is down fails nothing here: reads say so themselves, and what it lacks waits in the outbox.
    """
    if settings.neo4j_url is None:
        yield None
        return
    # Only who has a Neo4j need wait for its driver: a quarter of a second.
    from retrieval.stores.neo4j.graph import Neo4jGraph
    from retrieval.stores.postgres.projection import PostgresFence

    async with reached(settings) as server:
        projector = _projector(database, server, tell)
        projector.follow()
        try:
            graph = Neo4jGraph(server, PostgresFence(database), names)
            yield Projected(
                graph=graph,
                check=partial(_check, projector, server),
                behind=partial(_behind, projector),
            )
        finally:
            # First, or its last batch would hold the lock and be broken off.
            await projector.close()
        await _last_batches(projector)


async def _check(projector: "Projector", server: "Neo4j") -> None:
    if (await projector.backlog()).state != "kept":
        raise Unavailable("neo4j", "the graph is not filled yet and cannot be read")
    await server.ping()


async def _behind(projector: "Projector") -> str:
    waiting = await projector.backlog()
    if waiting.records_seconds < _LATE_S:
        return OK
    return (
        f"{DEGRADED}{waiting.records} records wait for the provenance graph, "
        f"the oldest for {waiting.records_seconds:.0f} s"
    )


@asynccontextmanager
async def projector(settings: Settings, url: str) -> AsyncIterator["Projector"]:
    """The projector alone, for a command. Misconfigured where no Neo4j is."""
    async with opened(settings, url) as (_, one, _):
        yield one


@asynccontextmanager
async def opened(
    settings: Settings, url: str
) -> AsyncIterator[tuple[Database, "Projector", "Neo4j"]]:
    """Database, projector and Neo4j for a command. Misconfigured where no Neo4j is; what is lost of it is named."""
    database = Database(url, timeout_s=settings.database_timeout_s)
    await database.open()
    try:
        async with reached(settings) as server:
            yield database, _projector(database, server), server
    except Unavailable as error:
        if error.dependency != "neo4j":
            raise
        place = urlsplit(settings.neo4j_url or "").netloc.rpartition("@")[2]
        where = f"{error.message} (Neo4j at {place}, by NEO4J_URL: see that it runs there)"
        raise Unavailable("neo4j", where, refused=error.refused) from error
    finally:
        await database.close()


async def filled(settings: Settings, url: str) -> None:
    """Brings Neo4j to what Postgres holds, from nothing where it is empty.

    Misconfigured where it holds what another database projects; that is left alone.
    """
    from copilot.projection import schema

    async with opened(settings, url) as (_, one, server):
        await schema.migrate(server)
        await one.catch_up()


async def migrated(settings: Settings) -> list[str]:
    """Brings the configured Neo4j to this version; gives the names of what was applied."""
    from copilot.projection import schema

    async with reached(settings) as server:
        return await schema.migrate(server)


@asynccontextmanager
async def reached(settings: Settings) -> AsyncIterator["Neo4j"]:
    """The configured Neo4j, closed at the end; it need not be there. Misconfigured where none is."""
    from retrieval.stores.neo4j.server import Neo4j

    if settings.neo4j_url is None:
        raise Misconfigured("there is no Neo4j: set NEO4J_URL and NEO4J_PASSWORD")
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


def _projector(
    database: Database, server: "Neo4j", tell: Callable[[Backlog], None] | None = None
) -> "Projector":
    from copilot.projection import schema
    from copilot.projection.projector import Projector
    from retrieval.stores.neo4j.projection import Neo4jProjection

    check = partial(schema.check, server)
    return Projector(database, Neo4jProjection(server), check=check, tell=tell)


async def _last_batches(projector: "Projector") -> None:
    """So that a command's own changes are there when it has ended; filling is left to who has the time."""
    try:
        async with asyncio.timeout(_LAST_BATCHES_S):
            if (await projector.backlog()).state == "kept":
                await projector.catch_up()
    except (TimeoutError, CopilotError) as error:
        _log.warning("changes wait for the graph: %s", type(error).__name__)
