"""Recording what the operator of an installation does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from copilot.app import engine_of
from copilot.changes import Changes
from copilot.operating import Operating
from copilot.settings import Settings
from policy.narrowed import NarrowedEngine
from retrieval.stores.postgres.database import Database


@asynccontextmanager
async def operating(settings: Settings, url: str) -> AsyncIterator[Operating]:
    """For records of one command."""
    async with _deciding(settings, url) as (database, engine):
        yield Operating(database, engine)


async def note_changes(settings: Settings, url: str) -> None:
    """Before anybody is served."""
    async with _deciding(settings, url) as (database, engine):
        await Changes(settings, database, engine).note()


@asynccontextmanager
async def _deciding(settings: Settings, url: str) -> AsyncIterator[tuple[Database, NarrowedEngine]]:
    database, engine = Database(url, timeout_s=settings.database_timeout_s), engine_of(settings)
    await database.open()
    try:
        yield database, engine
    finally:
        await database.close()
        await engine.close()
