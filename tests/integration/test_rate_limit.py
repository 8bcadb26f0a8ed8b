"""The rate of a person is one for all replicas, and nobody else's affair."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import psycopg
import pytest

from copilot.rate_limit import RateLimit
from policy.errors import Unavailable
from policy.labels import Classification
from policy.principal import Principal
from retrieval.stores.postgres.database import Database, Role, serving_conninfo

pytestmark = pytest.mark.anyio

ANN = Principal(sub="ann", tenant="t1", clearance=Classification.S, nationality="USA")
LEE = replace(ANN, sub="lee")
NAMESAKE = replace(ANN, tenant="t2")


@pytest.fixture
async def replicas(database_url: str) -> AsyncIterator[list[Database]]:
    """Two processes' connections to one database."""
    async with AsyncExitStack() as stack:
        opened = [Database(database_url, timeout_s=5.0) for _ in range(2)]
        for one in opened:
            await one.open()
            stack.push_async_callback(one.close)
        yield opened


async def test_a_full_bucket_gives_what_a_minute_brings_and_then_says_how_long_to_wait(
    replicas: list[Database],
) -> None:
    limit = RateLimit(replicas[0], 600)
    assert [await limit.take(ANN, 200) for _ in range(3)] == [0, 0, 0]
    assert 19.5 < await limit.take(ANN, 200) <= 20
    assert await limit.take(ANN, 300) > 29


async def test_it_fills_again_evenly(replicas: list[Database]) -> None:
    limit = RateLimit(replicas[0], 6000)
    assert await limit.take(ANN, 6000) == 0
    wait_s = await limit.take(ANN, 20)
    assert 0 < wait_s <= 0.2
    await asyncio.sleep(wait_s + 0.01)
    assert await limit.take(ANN, 20) == 0


async def test_all_replicas_count_together_and_lose_nothing(replicas: list[Database]) -> None:
    limits = [RateLimit(one, 1000) for one in replicas]
    tries = [limits[i % 2].take(ANN, 100) for i in range(30)]
    taken = [wait_s for wait_s in await asyncio.gather(*tries) if wait_s == 0]
    assert len(taken) == 10


async def test_what_one_person_does_changes_nothing_for_another(replicas: list[Database]) -> None:
    limit = RateLimit(replicas[0], 600)
    assert await limit.take(ANN, 600) == 0
    assert await limit.take(ANN, 600) > 0
    for other in (LEE, NAMESAKE):
        assert await limit.take(other, 600) == 0


async def test_a_cost_above_the_limit_takes_a_full_bucket(replicas: list[Database]) -> None:
    limit = RateLimit(replicas[0], 100)
    assert await limit.take(ANN, 900) == 0
    assert 59 < await limit.take(ANN, 900) <= 60


async def test_a_limit_that_was_lowered_holds_at_once(replicas: list[Database]) -> None:
    assert await RateLimit(replicas[0], 60_000).take(ANN, 1) == 0
    assert await RateLimit(replicas[0], 100).take(ANN, 100) == 0
    assert await RateLimit(replicas[0], 100).take(ANN, 100) > 0


async def test_any_name_has_a_bucket_and_the_table_names_nobody(
    replicas: list[Database], database_url: str
) -> None:
    limit = RateLimit(replicas[0], 100)
    for sub in ("x" * 10_000, "nul\0", "half \ud800", "é"):
        assert await limit.take(replace(ANN, sub=sub), 100) == 0
        assert await limit.take(replace(ANN, sub=sub), 100) > 0
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT length(bucket) FROM rate_limits").fetchall()
    assert rows == [(32,)] * 4


async def test_no_limit_asks_nobody() -> None:
    unreachable = Database("postgresql://127.0.0.1:1/none", timeout_s=0.2)
    assert await RateLimit(unreachable, 0).take(ANN, 10**9) == 0


async def test_where_it_cannot_be_counted_nobody_passes() -> None:
    database = Database("postgresql://127.0.0.1:1/none", timeout_s=0.2)
    await database.open()
    try:
        with pytest.raises(Unavailable):
            await RateLimit(database, 100).take(ANN, 1)
    finally:
        await database.close()


@pytest.mark.parametrize("role", list(Role))
async def test_who_serves_can_neither_read_nor_fill_a_bucket(database_url: str, role: Role) -> None:
    with psycopg.connect(serving_conninfo(database_url, role, 10), autocommit=True) as connection:
        for statement in (
            "SELECT * FROM rate_limits",
            "UPDATE rate_limits SET level = 1000000",
            "DELETE FROM rate_limits",
            "INSERT INTO rate_limits VALUES ('x', 1, now())",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


async def test_it_is_kept_without_a_write_ahead_log(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT relpersistence FROM pg_class WHERE relname = 'rate_limits'"
        ).fetchone()
    assert row == ("u",)
