"""Connections: one pool for each serving role, and transactions that carry a scope."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

import psycopg
from pgvector.psycopg import register_vector_async
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from policy.errors import Unavailable

Connection = AsyncConnection[DictRow]


class Role(StrEnum):
    """The database roles that serve; none of them owns a table or bypasses row-level security."""

    READER = "copilot_reader"
    WRITER = "copilot_writer"
    LEDGER = "copilot_ledger"
    AUDITOR = "copilot_auditor"


_WRITERS_PATIENCE = 24
"""A document of ten megabytes is written in one transaction; nobody waits for it as for an answer."""


class Database:
    """Pools to one database. `url` is the owner's: it migrates, and the roles below it serve."""

    def __init__(self, url: str, *, timeout_s: float, pool_size: int = 8) -> None:
        self.url = url
        self._timeout_s = timeout_s
        self._pools = {role: self._pool(role, pool_size) for role in Role}

    def _pool(self, role: Role, size: int) -> AsyncConnectionPool[Connection]:
        return AsyncConnectionPool(
            serving_conninfo(self.url, role, self._timeout_s),
            connection_class=AsyncConnection[DictRow],
            kwargs={"row_factory": dict_row, "prepare_threshold": None},
            configure=register_vector_async,
            min_size=0,
            max_size=size,
            timeout=self._timeout_s,
            open=False,
            check=AsyncConnectionPool.check_connection,
        )

    async def open(self) -> None:
        for pool in self._pools.values():
            await pool.open()

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.close(timeout=self._timeout_s)

    @asynccontextmanager
    async def transaction(
        self, role: Role, label_ids: Sequence[int] = ()
    ) -> AsyncIterator[Connection]:
        """One transaction as `role`, in which row-level security shows these labels and no others.

        Raises Unavailable("postgres", …) where the server is down, slow or breaks off.
        """
        try:
            async with self._pools[role].connection() as connection, connection.transaction():
                await _set_scope(connection, label_ids)
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise Unavailable(
                "postgres", "the database does not answer; nothing was done"
            ) from error


async def _set_scope(connection: Connection, label_ids: Sequence[int]) -> None:
    ids = "{" + ",".join(str(int(label_id)) for label_id in label_ids) + "}"
    await connection.execute("SELECT set_config('copilot.label_ids', %s, true)", [ids])


def serving_conninfo(url: str, role: Role, timeout_s: float) -> str:
    """The connection string that serves as `role`.

    Over a local socket (the embedded server) the role logs in itself. Elsewhere the given user, a member
    of the role, takes it on at connection time, so that RESET ROLE leads back to it.
    """
    given = conninfo_to_dict(url)
    patience = timeout_s * (_WRITERS_PATIENCE if role is Role.WRITER else 1)
    options = f"-c statement_timeout={int(patience * 1000)}"
    connect = max(2, int(timeout_s))
    if str(given.get("host") or "").startswith("/") and not given.get("password"):
        return make_conninfo(url, user=role, options=options, connect_timeout=connect)
    return make_conninfo(url, options=f"{options} -c role={role}", connect_timeout=connect)
