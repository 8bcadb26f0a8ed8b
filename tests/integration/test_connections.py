"""Connections end when their time is up, whatever the server does, and the next act finds one that serves."""

import asyncio
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from copilot.commands.operate import doctor
from copilot.migrate import check, migrate
from copilot.settings import Settings
from policy.errors import Misconfigured, Unavailable
from retrieval.stores.postgres.database import Database, Role
from tests.servers.besieged import through
from tests.servers.chaos import Fault, Kind, Postgres, Proxy, unix

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

TIMEOUT_S = 0.6
AT_ONCE_S = 0.8
MALFORMED = "postgresql://ann:secret@:::/x?nonsense"


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    with Proxy(Postgres, unix(str(conninfo_to_dict(database_url)["host"]))) as opened:
        yield opened


@pytest.fixture
async def database(proxy: Proxy, database_url: str) -> AsyncIterator[Database]:
    opened = Database(through(proxy, database_url), timeout_s=TIMEOUT_S, pool_size=2)
    await opened.open()
    yield opened
    await opened.close()


async def one(database: Database, statement: str = "SELECT 1 AS one") -> object:
    async with database.transaction(Role.READER) as connection:
        cursor = await connection.execute(statement.encode())
        return await cursor.fetchone()


async def many(database: Database, statement: str) -> None:
    """Twenty times in one transaction."""
    async with database.transaction(Role.READER) as connection:
        for _ in range(20):
            await connection.execute(statement.encode())


async def test_a_connection_is_used_again(database: Database) -> None:
    query = "SELECT pg_backend_pid() AS pid"
    assert await one(database, query) == await one(database, query)


async def test_a_transaction_has_one_time_limit_for_all_of_it(database: Database) -> None:
    """Each statement is quick enough by itself, and the server would go on."""
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await many(database, "SELECT pg_sleep(0.1)")
    assert time.monotonic() - began < TIMEOUT_S + AT_ONCE_S


async def test_whoever_gives_up_is_free_at_once_though_the_server_hangs(
    database: Database, proxy: Proxy
) -> None:
    await one(database)
    proxy.strike(Fault(kind=Kind.HANG))
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await one(database)
    assert time.monotonic() - began < 0.1 + AT_ONCE_S


async def test_every_connection_that_hung_is_replaced_by_the_next_act(
    database: Database, proxy: Proxy
) -> None:
    """Two lay idle when the server vanished without a word: one that fails speaks for both."""
    await asyncio.gather(one(database), one(database))
    proxy.strike(Fault(kind=Kind.HANG))
    with pytest.raises(Unavailable):
        await one(database)
    proxy.heal()
    began = time.monotonic()
    await asyncio.gather(one(database), one(database))
    assert time.monotonic() - began < AT_ONCE_S


async def test_a_server_that_was_down_for_long_serves_the_first_act_after(
    database: Database, proxy: Proxy
) -> None:
    """Nothing waits for a retry that somebody else has planned."""
    await one(database)
    proxy.strike(Fault(kind=Kind.DOWN))
    for _ in range(20):
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await one(database)
        assert time.monotonic() - began < AT_ONCE_S
    proxy.heal()
    await one(database)


async def test_a_server_that_restarted_is_not_noticed(
    database: Database, database_url: str
) -> None:
    await asyncio.gather(one(database), one(database))
    _leave(database_url)
    await asyncio.sleep(0.05)
    assert await one(database) == {"one": 1}


async def test_whoever_waits_for_a_connection_in_use_waits_no_longer_than_the_timeout(
    database: Database,
) -> None:
    async def hold(seconds: float) -> None:
        with suppress(Unavailable):  # who holds on for longer than the timeout is cut off
            async with database.transaction(Role.READER):
                await asyncio.sleep(seconds)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(hold(TIMEOUT_S * 0.8))
        await asyncio.sleep(TIMEOUT_S * 0.5)
        assert await one(database) == {"one": 1}
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(hold(TIMEOUT_S * 3))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await one(database)
        assert time.monotonic() - began < TIMEOUT_S + AT_ONCE_S


async def test_failures_use_no_connection_up(database: Database, proxy: Proxy) -> None:
    """More of each kind than there are connections."""
    for kind in (Kind.PARTIAL, Kind.GARBAGE, Kind.EMPTY, Kind.NONSENSE, Kind.HANG):
        proxy.strike(Fault(kind=kind))
        for _ in range(3):
            with pytest.raises(Unavailable):
                await one(database, "SELECT now()")
        proxy.heal()
        assert await one(database) == {"one": 1}


async def test_who_is_cut_off_within_a_transaction_holds_its_locks_no_longer(
    database: Database, proxy: Proxy, database_url: str
) -> None:
    """The server is told nothing: it hears no more of a client that a router has forgotten."""
    await one(database)  # opens the connection
    proxy.strike(Fault(kind=Kind.HANG, after=6))
    with pytest.raises(Unavailable):
        await many(database, "SELECT pg_advisory_xact_lock(7210001)")
    with psycopg.connect(database_url) as other:
        other.execute("SET lock_timeout = '3s'")
        other.execute("SELECT pg_advisory_xact_lock(7210001)")


async def cut_off_within_a_pipeline(database: Database, proxy: Proxy, statement: str) -> None:
    async with database.transaction(Role.READER) as connection:
        wire = connection.pgconn
        wire.enter_pipeline_mode()
        wire.send_query_params(statement.encode(), None)
        wire.send_flush_request()
        wire.flush()
        await asyncio.sleep(0.1)
        proxy.strike(Fault(kind=Kind.HANG))
        await asyncio.sleep(TIMEOUT_S * 1.5)


async def test_nor_does_who_is_cut_off_between_the_messages_of_one_statement(
    database: Database, proxy: Proxy, database_url: str
) -> None:
    """As within a pipeline: the server has done what it was asked and waits for the rest."""
    with pytest.raises(Unavailable):
        await cut_off_within_a_pipeline(database, proxy, "SELECT pg_advisory_xact_lock(7210002)")
    with psycopg.connect(database_url) as other:
        other.execute("SET lock_timeout = '3s'")
        other.execute("SELECT pg_advisory_xact_lock(7210002)")


async def test_what_the_database_refuses_is_unavailable_and_a_constraint_is_not(
    database: Database,
) -> None:
    for statement in ("SELECT * FROM ledger_acts", "SELECT nonsense", "SELECT 'x'::int"):
        with pytest.raises(Unavailable, match="the log tells"):
            await one(database, statement)
    with pytest.raises(psycopg.IntegrityError):
        async with database.transaction(Role.LEDGER, tenant="t") as connection:
            await connection.execute("INSERT INTO labels (tenant, canonical) VALUES ('t', NULL)")


async def test_a_malformed_url_is_said_to_be_one_and_is_not_repeated() -> None:
    for opening in (lambda: check(MALFORMED), lambda: migrate(MALFORMED)):
        with pytest.raises(Misconfigured, match="DATABASE_URL") as caught:
            await opening()
        assert "secret" not in str(caught.value)
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        Database(MALFORMED, timeout_s=1)


async def test_the_doctor_says_so_of_a_malformed_url(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await doctor(replace(settings, database_url=MALFORMED), Namespace()) == 1
    said = capsys.readouterr().err
    assert "postgres: DATABASE_URL cannot be read" in said
    assert "product: DATABASE_URL cannot be read" in said
    assert "secret" not in said


async def test_the_doctor_waits_for_no_database_that_hangs(
    proxy: Proxy,
    database_url: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("copilot.commands.operate._DOCTORS_PATIENCE_S", TIMEOUT_S)
    monkeypatch.setattr("copilot.migrate._PATIENCE_S", TIMEOUT_S)
    proxy.strike(Fault(kind=Kind.HANG))
    began = time.monotonic()
    hanging = replace(settings, database_url=through(proxy, database_url))
    assert await doctor(hanging, Namespace()) == 1
    assert time.monotonic() - began < 2 * TIMEOUT_S + AT_ONCE_S
    told = capsys.readouterr().err
    assert "postgres: no answer within" in told
    assert "vectors: no answer within" in told


async def test_the_check_at_start_ends_in_time(
    proxy: Proxy, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copilot.migrate._PATIENCE_S", TIMEOUT_S)
    proxy.strike(Fault(kind=Kind.HANG, after=1))
    began = time.monotonic()
    with pytest.raises(Unavailable, match="DATABASE_URL"):
        await check(through(proxy, database_url))
    assert time.monotonic() - began < TIMEOUT_S + AT_ONCE_S


async def test_nothing_begins_on_what_is_closed(database: Database) -> None:
    await one(database)
    await database.close()
    with pytest.raises(Unavailable):
        await one(database)


def _leave(database_url: str) -> None:
    """As a restart does: every session but this ends."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
