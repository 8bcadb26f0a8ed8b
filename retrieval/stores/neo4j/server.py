"""Neo4j as this program reaches it: transactions with a deadline, and errors of our own."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from neo4j import (
    READ_ACCESS,
    WRITE_ACCESS,
    AsyncGraphDatabase,
    AsyncTransaction,
    NotificationMinimumSeverity,
    Query,
)
from neo4j.exceptions import AuthError, ConfigurationError, DriverError, Neo4jError

from policy.errors import Misconfigured, Unavailable
from retrieval.stores.neo4j.breaker import Breaker

Record = list[Any]
T = TypeVar("T")
_FETCHED = 1_000
"""Records at a time."""
_WRITERS_PATIENCE = 30
"""A batch is written in one transaction; nobody waits for it as for an answer."""
_GRACE_S = 0.25


class Neo4j:
    """One server or cluster. `timeout_s` holds for a whole read, a write gets 30 times as much.

    Reads fail at once while it is known not to answer (`Breaker`); writes, for which nobody waits, are tried.
    Raises Misconfigured where `url` cannot be meant.
    """

    def __init__(self, url: str, *, user: str, password: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._breaker = Breaker(self._probe)
        self._warming: Sequence[tuple[str, Mapping[str, Any]]] = ()
        try:
            self._driver = AsyncGraphDatabase.driver(
                url,
                auth=(user, password),
                connection_timeout=timeout_s,
                connection_acquisition_timeout=timeout_s,
                notifications_min_severity=NotificationMinimumSeverity.OFF,
                telemetry_disabled=True,
            )
        except (ConfigurationError, ValueError) as error:
            # Without its cause, which repeats the address.
            raise Misconfigured(
                "NEO4J_URL cannot be read: write bolt://HOST:PORT or neo4j://HOST:PORT, "
                "with the user in NEO4J_USER"
            ) from error

    async def close(self) -> None:
        """Closes what lies idle; a server that is gone is not waited for."""
        await self._breaker.close()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._driver.close()
        except (TimeoutError, DriverError, Neo4jError, OSError):
            return

    def check(self) -> None:
        """Raises Unavailable("neo4j", …) where it is known not to answer."""
        self._breaker.check()

    async def read(self, query: str, values: Mapping[str, Any]) -> list[Record]:
        """A statement that reads, in one round trip, until `timeout_s`. Raises Unavailable("neo4j", …)."""
        self.check()
        try:
            return await self._run(query, values, READ_ACCESS, self._timeout_s)
        except Unavailable as error:
            if not error.refused:
                self._breaker.lost(error)
            raise

    def warm_with(self, reads: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Statements that a server which is back must have answered before anybody's read goes to it.

        A server that was started anew plans each for the first time, which can take longer than a read may: reads
        would time out one after the other, and each would be taken for a new loss.
        """
        self._warming = reads

    async def ping(self) -> None:
        """Asks for nothing, as a read does. Raises Unavailable("neo4j", …), at once where that is known."""
        await self.read("RETURN 1", {})

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncTransaction]:
        """A transaction that writes and is committed at the end. Raises Unavailable("neo4j", …)."""
        seconds = self._timeout_s * _WRITERS_PATIENCE
        async with (
            _errors(seconds),
            self._driver.session(default_access_mode=WRITE_ACCESS) as session,
            await session.begin_transaction(timeout=seconds) as transaction,
        ):
            yield transaction
            await transaction.commit()

    async def stream(self, query: str) -> AsyncGenerator[Record, None]:
        """All records of a statement that reads. Limited is the wait for the next ones, not the whole."""
        seconds = self._timeout_s * _WRITERS_PATIENCE
        async with _errors(None), self._driver.session(default_access_mode=READ_ACCESS) as session:
            async with asyncio.timeout(seconds):
                result = await session.run(query)
            while True:
                async with asyncio.timeout(seconds):
                    records = await result.fetch(_FETCHED)
                if not records:
                    return
                for record in records:
                    yield list(record.values())

    async def run(self, query: str, values: Mapping[str, Any] | None = None) -> list[Record]:
        """A statement in a transaction of its own: for schema, and for what commits in batches."""
        return await self._run(
            query, values or {}, WRITE_ACCESS, self._timeout_s * _WRITERS_PATIENCE
        )

    async def _probe(self) -> None:
        await self._run("RETURN 1", {}, READ_ACCESS, self._timeout_s)
        for query, values in self._warming:
            await self._run(query, values, READ_ACCESS, self._timeout_s * _WRITERS_PATIENCE)

    async def _run(
        self, query: str, values: Mapping[str, Any], access: str, seconds: float
    ) -> list[Record]:
        async with _errors(seconds):
            return await _ended(self._asked(Query(query, timeout=seconds), values, access))

    async def _asked(self, query: Query, values: Mapping[str, Any], access: str) -> list[Record]:
        async with self._driver.session(default_access_mode=access) as session:
            return await (await session.run(query, dict(values))).values()


async def values(
    transaction: AsyncTransaction, query: str, parameters: Mapping[str, Any]
) -> list[Record]:
    """All records of a statement."""
    return await (await transaction.run(query, dict(parameters))).values()


async def _ended(call: Coroutine[Any, Any, T]) -> T:
    """The call's result. Where it is cancelled it gets a moment to end by itself.

    The driver (6.4) leaves its socket, and what became of it, to nobody where it is cancelled while it connects.
    """
    task = asyncio.create_task(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task], timeout=_GRACE_S)
        finally:
            task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
        raise


@asynccontextmanager
async def _errors(seconds: float | None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except AuthError as error:
        raise Unavailable(
            "neo4j", "Neo4j refuses who we are; see NEO4J_USER and NEO4J_PASSWORD"
        ) from error
    except (Neo4jError, ValueError, LookupError) as error:
        # The latter two from the driver, where bytes are none of its protocol.
        raise Unavailable(
            "neo4j",
            "the graph refuses or answers nonsense; the log tells the operator why",
            refused=isinstance(error, Neo4jError) and not error.is_retryable(),
        ) from error
    except (DriverError, OSError, TimeoutError) as error:
        raise Unavailable("neo4j", "the graph does not answer; nothing was done") from error
