"""An embedded Postgres with more room, for as long as a large corpus is written into it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from retrieval.stores.postgres.embedded import leave, start

_ROOM = {"shared_buffers": "2GB", "max_wal_size": "4GB", "checkpoint_timeout": "20min"}


@asynccontextmanager
async def roomy(data_dir: Path) -> AsyncIterator[None]:
    """Starts the server anew for it, and again afterwards, so that what is measured runs as the product sets it up.

    Ids are digests, so that rows go everywhere in their indexes: with Postgres's own 128 MB each page is read and
    written again for a row, and checkpoints come one after the other. Where others use the server it stays up, and
    has the room of its log alone.
    """
    every = (
        sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in _ROOM.items()
    )
    await _anew(data_dir, *every)
    try:
        yield
    finally:
        await _anew(data_dir, sql.SQL("ALTER SYSTEM RESET ALL"))


async def _anew(data_dir: Path, *statements: sql.SQL | sql.Composed) -> None:
    async with await psycopg.AsyncConnection.connect(start(data_dir), autocommit=True) as owner:
        for statement in (*statements, sql.SQL("SELECT pg_reload_conf()")):
            await owner.execute(statement)
    leave(data_dir)
    start(data_dir)
