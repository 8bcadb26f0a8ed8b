"""Opening the product for a command: a migrated database and everything built on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from copilot.acts import Copilot
from copilot.app import build, database_url
from copilot.migrate import check, migrate
from copilot.settings import Settings
from retrieval.embedding import Embedder


async def ready_url(settings: Settings) -> str:
    """The database's URL, once it has every migration.

    The embedded database is migrated here; a configured one is migrated by `copilot migrate` alone.
    """
    url = database_url(settings)
    if settings.database_url is None:
        await migrate(url)
    else:
        await check(url)
    return url


@asynccontextmanager
async def opened(
    settings: Settings,
    embedder: Embedder | None = None,
    *,
    sealing: bool = False,
    noting: bool = False,
) -> AsyncIterator[Copilot]:
    """The product over the embedded data directory or the configured servers; the rest as `build` says."""
    settings = replace(settings, database_url=await ready_url(settings))
    async with build(settings, embedder=embedder, sealing=sealing, noting=noting) as copilot:
        yield copilot
