"""Transactions under the serving roles, each with a scope and a deadline."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from policy.errors import Misconfigured, Unavailable
from retrieval.stores.postgres.connections import Connection, Connections
from retrieval.stores.postgres.fences import Fences

__all__ = ["Connection", "Database", "Role", "parameters", "serving_conninfo"]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A transaction that one task reads in."""

    database: "Database"
    task: asyncio.Task[object] | None
    label_ids: tuple[int, ...]
    connection: Connection
    remembered: dict[str | bytes, Any] = field(default_factory=dict)


_reading: ContextVar[_Reading | None] = ContextVar("reading", default=None)


class Role(StrEnum):
    """The database roles that serve; none of them owns a table or bypasses row-level security."""

    READER = "copilot_reader"
    WRITER = "copilot_writer"
    LEDGER = "copilot_ledger"
    AUDITOR = "copilot_auditor"
    PROJECTOR = "copilot_projector"
    """Reads the names under every label, and no text."""
    SEALER = "copilot_sealer"
    """Puts the hashes of records in order, and reads no record."""


_WRITERS_PATIENCE = 24
"""A document of ten megabytes is written in one transaction; nobody waits for it as for an answer."""


class Database:
    """One database. `url` is the owner's: it migrates, and the roles below it serve.

    `timeout_s` holds for a whole transaction, from the wait for a connection to the commit. Raises
    Misconfigured where `url` cannot be read.
    """

    def __init__(self, url: str, *, timeout_s: float, pool_size: int = 8) -> None:
        self.url = url
        self.fences = Fences(self._epochs)
        self._timeout_s = timeout_s
        self._connections = Connections(
            {role: serving_conninfo(url, role, timeout_s) for role in Role}, pool_size
        )

    async def open(self) -> None:
        self._connections.open()

    async def close(self) -> None:
        await self.fences.close()
        await self._connections.close()

    @asynccontextmanager
    async def transaction(
        self, role: Role, label_ids: Sequence[int] = (), *, tenant: str = ""
    ) -> AsyncIterator[Connection]:
        """One transaction as `role`, in which row-level security shows these labels and no others.

        `tenant` opens what is the tenant's as a whole: the list of its labels and the standing of its people.
        Within `reading` of the same labels it is that one.

        Raises Unavailable("postgres", …) where the server is down, slow, breaks off, refuses or talks nonsense;
        a broken constraint is the caller's affair.
        """
        with _told():
            if shared := self._shared(role, label_ids, tenant):
                yield shared
                return
            async with (
                self._connection(role) as connection,
                _begun(connection, tuple(label_ids), tenant),
            ):
                yield connection

    @asynccontextmanager
    async def statements(self, role: Role) -> AsyncIterator[Connection]:
        """Each statement is a transaction of its own, in which row-level security shows nothing. Raises as above.

        A transaction is begun and committed in two messages more, each of which costs more than most statements take.
        """
        with _told():
            async with self._connection(role) as connection:
                yield connection

    def _connection(self, role: Role) -> AbstractAsyncContextManager[Connection]:
        deadline = asyncio.get_running_loop().time() + _patience(role, self._timeout_s)
        return self._connections.connection(role, deadline)

    @asynccontextmanager
    async def reading(self, label_ids: Sequence[int]) -> AsyncIterator[None]:
        """One transaction for all that the current task, and no other, reads as READER under these labels."""
        async with self.transaction(Role.READER, label_ids) as connection:
            token = _reading.set(
                _Reading(self, asyncio.current_task(), tuple(label_ids), connection)
            )
            try:
                yield
            finally:
                _reading.reset(token)

    def remembered(self, label_ids: Sequence[int]) -> dict[str | bytes, Any]:
        """What was put there within this `reading` of these labels; outside of one nothing stays."""
        held = self._reading(label_ids)
        return held.remembered if held else {}

    def _shared(self, role: Role, label_ids: Sequence[int], tenant: str) -> Connection | None:
        """The connection of `reading`, where it shows just what is asked for."""
        held = self._reading(label_ids) if role is Role.READER and not tenant else None
        return held.connection if held else None

    def _reading(self, label_ids: Sequence[int]) -> _Reading | None:
        held = _reading.get()
        if held is None or held.database is not self or held.task is not asyncio.current_task():
            return None
        return held if held.label_ids == tuple(label_ids) else None

    async def _epochs(self) -> dict[str, int]:
        async with self.transaction(Role.READER) as connection:
            cursor = await connection.execute("SELECT tenant, epoch FROM label_epochs")
            return {row["tenant"]: row["epoch"] for row in await cursor.fetchall()}


_TAKES_NOTHING = {
    psycopg.errors.ReadOnlySqlTransaction: "it is read-only",
    psycopg.errors.DiskFull: "its disk is full",
}


def why(error: BaseException) -> str:
    """What anybody may be told of why a database takes nothing, after a colon; else nothing."""
    told = (f": {text}" for kind, text in _TAKES_NOTHING.items() if isinstance(error, kind))
    return next(told, "")


@contextmanager
def _told() -> Iterator[None]:
    """Says in our words what went wrong; a broken constraint is the caller's affair."""
    try:
        yield
    except psycopg.IntegrityError:
        raise
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        said = f"takes nothing{told}" if (told := why(error)) else "does not answer"
        raise Unavailable("postgres", f"the database {said}; nothing was done") from error
    except (psycopg.Error, ValueError) as error:  # the latter, where a value is none of its type
        said = f"takes nothing{told}" if (told := why(error)) else "refuses or answers nonsense"
        raise Unavailable(
            "postgres",
            f"the database {said}; the log tells the operator why",
            refused=isinstance(error, psycopg.Error),
        ) from error


@asynccontextmanager
async def _begun(
    connection: Connection, label_ids: tuple[int, ...], tenant: str
) -> AsyncIterator[None]:
    """A transaction with its scope, begun in one message: each costs more than most statements take."""
    await connection.execute(_begin(label_ids, tenant), prepare=False)
    try:
        yield
    except BaseException:
        with suppress(psycopg.Error):  # what went wrong before says more
            await connection.rollback()
        raise
    await connection.commit()


@lru_cache(maxsize=64)
def _begin(label_ids: tuple[int, ...], tenant: str) -> sql.Composed:
    return _BEGIN.format(*map(sql.Literal, (*scope_settings(label_ids), tenant)))


_BEGIN = sql.SQL(
    """BEGIN; SELECT set_config('copilot.label_ids', {}, true), set_config('copilot.label_bits', {}, true),
                  set_config('copilot.tenant', {}, true)"""
)


def scope_settings(label_ids: tuple[int, ...]) -> tuple[str, str]:
    """The ids as an array's text, and as hex of bytes in which the bit of each is set."""
    ids = [int(label_id) for label_id in label_ids]
    bits = sum(1 << label_id for label_id in set(ids))
    return (
        "{" + ",".join(map(str, ids)) + "}",
        bits.to_bytes(bits.bit_length() // 8 + 1, "little").hex(),
    )


def serving_conninfo(url: str, role: Role, timeout_s: float) -> str:
    """The connection string that serves as `role`; Misconfigured where `url` is none.

    Over a local socket (the embedded server) the role logs in itself. Elsewhere the given user, a member
    of the role, takes it on at connection time, so that RESET ROLE leads back to it.
    """
    given = parameters(url)
    patience = int(_patience(role, timeout_s) * 1000)
    # The second, because a client that was cut off would else hold its locks for hours.
    options = f"-c statement_timeout={patience} -c idle_in_transaction_session_timeout={patience}"
    # One plan for a statement, whatever its values: the labels stand in its text.
    options += " -c plan_cache_mode=force_generic_plan"
    if str(given.get("host") or "").startswith("/") and not given.get("password"):
        return make_conninfo(url, user=role, options=options)
    return make_conninfo(url, options=f"{options} -c role={role}")


def parameters(url: str) -> Mapping[str, object]:
    """What a connection string says; Misconfigured where it cannot be read. It may hold a password."""
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Without its cause, which repeats the string.
        raise Misconfigured(_MALFORMED) from None


_MALFORMED = (
    "DATABASE_URL cannot be read: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
    "with %40 for an @ in the password"
)


def _patience(role: Role, timeout_s: float) -> float:
    return timeout_s * (_WRITERS_PATIENCE if role in {Role.WRITER, Role.PROJECTOR} else 1)
