"""Recording what the operator of an installation does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from copilot.app import engine_of
from copilot.changes import Changes
from copilot.operating import Operating
from copilot.settings import Settings
from retrieval.stores.postgres.database import Database


@asynccontextmanager
async def operating(settings: Settings, url: str) -> AsyncIterator[Operating]:
    """For records of one command."""
    database, engine = Database(url, timeout_s=settings.database_timeout_s), engine_of(settings)
    await database.open()
    try:
        yield Operating(database, engine)
    finally:
        await database.close()
        await engine.close()


async def note_changes(settings: Settings, url: str) -> None:
    """Before anybody is served."""
    database, engine = Database(url, timeout_s=settings.database_timeout_s), engine_of(settings)
    await database.open()
    try:
        await Changes(settings, database, engine).note()
    finally:
        await database.close()
        await engine.close()
