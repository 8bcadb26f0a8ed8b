"""The connections of the serving roles, each opened by whoever needs it, within their own deadline.

Nothing is retried in the background: a server that is down is said to be down at once, and one that is
back is found by the next act. A deadline cuts the socket, because a server that hangs does not answer a
request to cancel either.
"""

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeVar

import psycopg
from pgvector.psycopg import register_vector_async
from psycopg import AsyncConnection
from psycopg.errors import ConnectionTimeout
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, Row, dict_row

T = TypeVar("T")


class Severable(AsyncConnection[Row]):
    """A connection that can be left at any moment, also while the server says nothing."""

    async def cancel_safe(self, *, timeout: float = 0.0) -> None:  # noqa: ARG002, ASYNC109
        """What psycopg calls where an act is cancelled within a query: it asks nobody."""
        self.cut()

    def cut(self) -> None:
        """Ends the connection under whoever waits for it, who gets an OperationalError."""
        with (
            suppress(OSError, psycopg.OperationalError),
            socket.socket(fileno=os.dup(self.fileno())) as wire,
        ):
            wire.shutdown(socket.SHUT_RDWR)

    def rested(self) -> bool:
        """Whether it can serve: a server that is asked nothing sends nothing, unless it takes leave."""
        if self.closed or self.pgconn.transaction_status != TransactionStatus.IDLE:
            return False
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return not poll.poll(0)


Connection = Severable[DictRow]
_PREPARED = 1
"""Times that a connection has run a statement before it keeps the plan: to plan a thousand labels takes longer
than to look them up."""


class Connections:
    """At most `size` connections for each name, which stands for a connection string."""

    def __init__(self, conninfos: Mapping[str, str], size: int) -> None:
        self._conninfos = conninfos
        self._slots = {name: asyncio.Semaphore(size) for name in conninfos}
        self._idle: dict[str, list[Connection]] = {name: [] for name in conninfos}
        self._open = False

    def open(self) -> None:
        """Lets connections be asked for; the first act opens the first."""
        self._open = True

    async def close(self) -> None:
        """Closes what lies idle; what is in use is closed when it comes back."""
        self._open = False
        await self._forget()

    @asynccontextmanager
    async def connection(self, name: str, deadline: float) -> AsyncIterator[Connection]:
        """A connection until `deadline` (the loop's time), when it is cut.

        Raises psycopg.OperationalError where there is none, or none by then.
        """
        async with self._slot(name, deadline):
            connection = await self._rested(name) or await self._connected(name, deadline)
            try:
                with _cut_at(deadline, connection):
                    yield connection
            except (psycopg.OperationalError, psycopg.InterfaceError):
                # What ended this one has most likely ended those that lie idle.
                await self._forget()
                raise
            finally:
                await self._give_back(name, connection)

    @asynccontextmanager
    async def _slot(self, name: str, deadline: float) -> AsyncIterator[None]:
        if not self._open:
            raise psycopg.OperationalError("the connections are closed")
        await _by(deadline, self._slots[name].acquire(), "every connection is in use")
        try:
            yield
        finally:
            self._slots[name].release()

    async def _rested(self, name: str) -> Connection | None:
        idle = self._idle[name]
        while idle:
            if (connection := idle.pop()).rested():
                return connection
            await connection.close()
        return None

    async def _connected(self, name: str, deadline: float) -> Connection:
        connecting = Connection.connect(
            self._conninfos[name],
            autocommit=True,  # whoever wants a transaction begins it
            row_factory=dict_row,
            prepare_threshold=_PREPARED,
        )
        connection = await _by(deadline, connecting, "no connection came about")
        try:
            with _cut_at(deadline, connection):
                await register_vector_async(connection)
                await _limit_transactions(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _give_back(self, name: str, connection: Connection) -> None:
        if self._open and connection.rested():
            self._idle[name].append(connection)
        else:
            await connection.close()

    async def _forget(self) -> None:
        for idle in self._idle.values():
            while idle:
                await idle.pop().close()


async def _limit_transactions(connection: Connection) -> None:
    """A client cut off between the messages of one statement is neither idle nor in a statement.

    Such a transaction would hold its locks for hours; Postgres 17 and later can limit it as a whole.
    """
    if connection.pgconn.server_version >= 170_000:
        await connection.execute(
            "SELECT set_config('transaction_timeout', current_setting('statement_timeout'), false)"
        )


async def _by(deadline: float, work: Awaitable[T], otherwise: str) -> T:
    try:
        async with asyncio.timeout_at(deadline):
            return await work
    except TimeoutError as error:
        raise ConnectionTimeout(otherwise) from error


@contextmanager
def _cut_at(deadline: float, connection: Connection) -> Iterator[None]:
    timer = asyncio.get_running_loop().call_at(deadline, connection.cut)
    try:
        yield
    finally:
        timer.cancel()
