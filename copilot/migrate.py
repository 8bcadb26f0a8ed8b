"""Migrations: numbered plain SQL, forward only, checksummed, under one advisory lock."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from copilot.data_files import folder
from copilot.ingest.reindex import reindex, stale
from policy.errors import Misconfigured, Unavailable
from retrieval.stores.postgres.connections import Severable
from retrieval.stores.postgres.database import parameters

_LOCK = 7210000
_PATIENCE_S = 5
_HISTORY = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of `migrations/postgres`."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(path: Path | None = None) -> list[Migration]:
    """The files in the order of their numbers."""
    found = sorted((path or folder("migrations") / "postgres").glob("*.sql"))
    return [Migration(name=file.stem, sql=file.read_text("utf-8")) for file in found]


async def migrate(url: str, path: Path | None = None) -> list[str]:
    """Brings the database to this version; gives the names of what was applied.

    Raises Misconfigured where the history was edited, is newer than this program or a migration fails,
    and Unavailable where the server is, or where another migration does not end.
    """
    async with await _connect(url) as connection:
        await _lock(connection)
        await connection.execute(_HISTORY)
        cursor = await connection.execute("SELECT name, sha256 FROM migrations")
        pending = pending_of(migrations(path), dict(await cursor.fetchall()))
        for migration in pending:
            await _apply(connection, migration)
        applied = [migration.name for migration in pending]
        if path is None and await stale(connection) and (chunks := await _reindexed(connection)):
            applied.append(f"a new keyword index of {chunks} chunks")
        return applied


async def _reindexed(connection: psycopg.AsyncConnection[tuple[str, str]]) -> int:
    try:
        return await reindex(connection)
    except psycopg.Error as error:
        raise Unavailable(
            "postgres", "the keyword index could not be built anew; end what reads it and try again"
        ) from error


async def _connect(url: str) -> psycopg.AsyncConnection[tuple[str, str]]:
    parameters(url)
    try:
        return await Severable[TupleRow].connect(
            url, autocommit=True, options="-c lock_timeout=4000", connect_timeout=5
        )
    except psycopg.OperationalError as error:
        raise Unavailable("postgres", "cannot reach the database; see DATABASE_URL") from error


async def _lock(connection: psycopg.AsyncConnection[tuple[str, str]]) -> None:
    try:
        await connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    except psycopg.OperationalError as error:  # LockNotAvailable is one
        raise Unavailable(
            "postgres", "cannot begin to migrate: somebody else migrates this database; try again"
        ) from error


async def check(url: str) -> None:
    """Misconfigured where the database lacks a migration, or has another history than this version."""
    try:
        async with asyncio.timeout(_PATIENCE_S), await _connect(url) as connection:
            await _require(connection)
    except (TimeoutError, psycopg.OperationalError) as error:
        raise Unavailable("postgres", "the database does not answer; see DATABASE_URL") from error


async def _require(connection: psycopg.AsyncConnection[tuple[str, str]]) -> None:
    cursor = await connection.execute("SELECT to_regclass('migrations') IS NOT NULL")
    row = await cursor.fetchone()
    pending = migrations()
    if row and row[0]:
        cursor = await connection.execute("SELECT name, sha256 FROM migrations")
        pending = pending_of(migrations(), dict(await cursor.fetchall()))
    if not pending and await stale(connection):
        raise Misconfigured("the keyword index is of an older version; run `copilot migrate`")
    if pending:
        raise Misconfigured(
            f"the database lacks the migration {pending[0].name}; run `copilot migrate`"
        )


def pending_of(known: list[Migration], applied: dict[str, str]) -> list[Migration]:
    names = {migration.name for migration in known}
    if newer := sorted(set(applied) - names):
        raise Misconfigured(
            f"the database has the migration {newer[-1]}, which this version does not know; "
            "run the newer program"
        )
    for migration in known:
        if applied.get(migration.name, migration.sha256) != migration.sha256:
            raise Misconfigured(
                f"the migration {migration.name} was changed after it had been applied; "
                "restore the file and put the change into a new one"
            )
    return [migration for migration in known if migration.name not in applied]


async def _apply(
    connection: psycopg.AsyncConnection[tuple[str, str]], migration: Migration
) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO migrations (name, sha256) VALUES (%s, %s)",
                [migration.name, migration.sha256],
            )
    except psycopg.Error as error:
        raise Misconfigured(
            f"the migration {migration.name} failed and was undone: {str(error).splitlines()[0]}"
        ) from error
