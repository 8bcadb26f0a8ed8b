"""The keyword index: cut anew by `copilot migrate` where another version cut it, and never asked meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from copilot.migrate import check, migrate
from policy.embedded import EmbeddedEngine
from policy.errors import Misconfigured, Unavailable
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.search import PostgresPassages
from retrieval.terms import SCHEME
from tests.integration.test_ingest import HIGH, TEXT, C, S, U, World, document, opened

pytestmark = pytest.mark.anyio

GERMAN = "Das Konto 4411-2098-77 gehört der Hafenbehörde, und niemand sonst weiß davon."


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as world:
        await world.take(
            document(
                "a",
                (U, TEXT),
                (S, "Elsa Vance paid from DE89 3704 0044 0532 0130 00."),
                title="Tanker",
            ),
            document("b", (C, GERMAN), title="Das Konto"),
            document("c", (U, "Berth 7 is free. " * 200), title="Long"),
            who=HIGH,
        )
        yield world


@asynccontextmanager
async def scoped(url: str) -> AsyncIterator[tuple[PostgresPassages, Scope]]:
    database, engine = Database(url, timeout_s=5), EmbeddedEngine()
    await database.open()
    try:
        scope = await Scoper(engine, PostgresLabels(database)).scope(HIGH)
        yield PostgresPassages(database), scope
    finally:
        await database.close()
        await engine.close()


def index(world: World) -> list[Any]:
    """All rows of the keyword index."""
    return [
        world.rows("SELECT * FROM chunk_terms ORDER BY chunk_id"),
        world.rows("SELECT * FROM posting_blocks ORDER BY term, label_id, block"),
        world.rows("SELECT * FROM label_statistics ORDER BY label_id"),
    ]


def older(world: World) -> None:
    """An index as another version may have left it: with the same ordinals, and other terms."""
    world.owner.execute("UPDATE chunk_terms SET terms = '{tanker}', counts = '{1}', length = 1")
    world.owner.execute("DELETE FROM posting_blocks")
    world.owner.execute("UPDATE label_statistics SET terms = chunks")
    world.owner.execute("UPDATE keyword_index SET scheme = scheme - 1")


async def test_an_older_index_becomes_what_ingest_would_have_made(
    world: World, database_url: str
) -> None:
    before = index(world)
    assert any("=4411209877" in row["terms"] for row in before[0])
    older(world)
    assert index(world) != before
    chunks = len(before[0])
    assert await migrate(database_url) == [f"a new keyword index of {chunks} chunks"]
    assert index(world) == before
    assert await migrate(database_url) == []


async def test_an_older_index_is_not_served(world: World, database_url: str) -> None:
    await check(database_url)
    older(world)
    with pytest.raises(Misconfigured, match="run `copilot migrate`"):
        await check(database_url)


async def test_a_newer_index_is_neither_served_nor_touched(world: World, database_url: str) -> None:
    world.owner.execute("UPDATE keyword_index SET scheme = scheme + 1")
    for act in (check, migrate):
        with pytest.raises(Misconfigured, match="newer"):
            await act(database_url)


async def test_a_process_that_was_there_before_neither_asks_nor_writes(
    world: World, database_url: str
) -> None:
    world.owner.execute("UPDATE keyword_index SET scheme = %s", [SCHEME + 1])
    async with scoped(database_url) as (store, scope):
        with pytest.raises(Unavailable, match="another version"):
            await store.postings(["tanker"], scope=scope)
    before = index(world)
    with pytest.raises(Unavailable, match="another version"):
        await world.take(document("d", (U, "A new one.")), who=HIGH)
    assert index(world) == before
