"""A large corpus whose filling broke off goes on where it ended, and comes out as if nothing had happened."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from copilot.bench.recombined import Passage, base, fill, filling
from copilot.ingest import writer
from copilot.testing import FakeEmbedder
from retrieval.stores.postgres.queries import Queries
from tests.servers import postgres as postgres_server

pytestmark = pytest.mark.anyio

CHUNKS, BATCH = 300, 32
NAMES = ["Alder", "Marlpit", "Kestrel", "Sable", "Heron", "Drell", "Corvane", "Pell"]
STORED = Queries("copilot.bench.ingest", "store.sql")["content"]


class Killed(Exception):
    """What ends a filling."""


async def passages() -> Sequence[Passage]:
    texts = [
        (name, f"{name} is a ship. It was built beside {other}. {name} owes EUR 500 to {other}.")
        for name, other in zip(NAMES, NAMES[1:] + NAMES[:1], strict=True)
    ]
    return await base(texts, FakeEmbedder())


async def filled(url: str, chunks: int = CHUNKS, **how: Any) -> None:
    async with filling(url) as (database, scope):
        await fill(database, scope, await passages(), chunks, batch=BATCH, **how)


async def stored(url: str) -> Any:
    """A digest of all of it but drawn keys and times."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return await (await connection.execute(STORED)).fetchone()


async def test_a_filling_that_broke_off_between_two_batches_comes_to_the_same_corpus(
    postgres: str, database_url: str
) -> None:
    await filled(database_url)
    other, done = postgres_server.clone(postgres), []

    def end(chunks: int) -> None:
        done.append(chunks)
        if len(done) == 3:
            raise Killed

    with pytest.raises(Killed):
        await filled(other, written=end)
    assert await stored(other) != await stored(database_url)
    await filled(other, written=done.append)
    assert await stored(other) == await stored(database_url)
    assert sum(done) == CHUNKS, "nothing is written twice"
    await filled(other)
    assert await stored(other) == await stored(database_url), "what is full stays as it is"
    postgres_server.drop(postgres, other)


async def test_a_filling_that_broke_off_within_a_batch_comes_to_the_same_corpus(
    postgres: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(database_url)
    other, place, begun = postgres_server.clone(postgres), writer.place, asyncio.Event()

    async def placed(*given: Any) -> bool:
        found = await place(*given)
        if len(given[2]) < BATCH:
            begun.set()
            await asyncio.sleep(60)
        return found

    monkeypatch.setattr(writer, "place", placed)
    task = asyncio.create_task(filled(other, CHUNKS - 5))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    await filled(other)
    assert await stored(other) == await stored(database_url)
    postgres_server.drop(postgres, other)
