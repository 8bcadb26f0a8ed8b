"""Records written at one moment share a transaction, and none shares another's failure."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import psycopg
import pytest

from copilot.ledger import append
from copilot.ledger.entry import Entry
from copilot.ledger.together import Together
from policy.errors import Unavailable
from retrieval.stores.postgres.database import Database, Role
from tests.unit.logged import record

pytestmark = pytest.mark.anyio


class Refusing(psycopg.DataError):
    """A server that answered, and takes one record for wrong."""


class Done:
    rowcount = 1


class Store:
    """A database whose transactions take as long as `open` is not set. Keeps what was committed, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.refused = set[str]()
        self.down: BaseException | None = None
        self.lost_at_commit = False
        self.under_way = 0
        self.most_under_way = 0

    @asynccontextmanager
    async def transaction(self, role: Role) -> AsyncIterator["Store"]:
        assert role is Role.LEDGER
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self._written: list[str] = []
        try:
            await self.open.wait()
            written: list[str] = []
            self._written = written
            yield self
            if self.lost_at_commit:
                raise Unavailable("postgres", "the database does not answer; nothing was done")
            self.batches.append(written)
        finally:
            self.under_way -= 1

    statements = transaction

    async def execute(self, query: object, values: dict[str, Any]) -> Done:
        assert query == append._SQL["append"]
        ledger_ids = [one["ledger_id"] for one in json.loads(values["entries"])]
        if self.down is not None:
            raise self.down
        if self.refused & set(ledger_ids):
            raise Refusing
        self._written += ledger_ids
        return Done()


def entry() -> Entry:
    return Entry.of(record(), 7)


def written_to(store: Store) -> Together:
    return Together(cast(Database, store))


async def outcomes(together: Together, entries: Sequence[Entry]) -> list[BaseException | None]:
    return await asyncio.gather(*map(together.write, entries), return_exceptions=True)


async def test_what_comes_while_others_are_written_shares_a_transaction() -> None:
    store, entries = Store(), [entry() for _ in range(200)]
    assert await outcomes(written_to(store), entries) == [None] * 200
    assert sorted(one for batch in store.batches for one in batch) == sorted(
        one.ledger_id for one in entries
    )
    assert len(store.batches) <= 5
    assert store.most_under_way <= 2


async def test_one_alone_is_written_at_once() -> None:
    store, one = Store(), entry()
    await written_to(store).write(one)
    assert store.batches == [[one.ledger_id]]


async def test_a_record_that_is_refused_fails_alone() -> None:
    store, entries = Store(), [entry() for _ in range(20)]
    store.refused = {entries[3].ledger_id, entries[11].ledger_id}
    found = await outcomes(written_to(store), entries)
    assert [at for at, one in enumerate(found) if one is not None] == [3, 11]
    assert all(isinstance(found[at], Unavailable) for at in (3, 11))
    assert sum(map(len, store.batches)) == 18


async def test_a_database_that_is_down_is_asked_once_for_all() -> None:
    store, entries = Store(), [entry() for _ in range(20)]
    store.down = psycopg.OperationalError("gone")
    found = await outcomes(written_to(store), entries)
    assert all(isinstance(one, Unavailable) and one.dependency == "ledger" for one in found)
    assert len({id(one) for one in found}) == 20
    assert store.batches == []


async def test_what_may_have_been_committed_is_not_written_again() -> None:
    store, entries = Store(), [entry() for _ in range(20)]
    store.lost_at_commit = True
    found = await outcomes(written_to(store), entries)
    assert all(isinstance(one, Unavailable) for one in found)
    store.lost_at_commit = False
    await asyncio.sleep(0)
    assert store.batches == []


async def test_a_defect_reaches_everybody_as_a_ledger_that_did_not_write() -> None:
    store, entries = Store(), [entry() for _ in range(3)]
    store.down = ZeroDivisionError()
    found = await outcomes(written_to(store), entries)
    assert [getattr(one, "dependency", None) for one in found] == ["ledger"] * 3


async def test_after_a_failure_the_next_is_written() -> None:
    store = Store()
    together = written_to(store)
    store.down = psycopg.OperationalError("gone")
    await outcomes(together, [entry()])
    store.down = None
    assert await outcomes(together, [entry(), entry()]) == [None, None]


async def test_whoever_leaves_before_it_is_under_way_leaves_nothing() -> None:
    store = Store()
    store.open.clear()
    together = written_to(store)
    first = []
    for _ in range(2):  # one after the other, so that each takes a lane
        first.append(asyncio.create_task(together.write(entry())))
        await asyncio.sleep(0.01)
    assert store.under_way == 2
    gone, stays = entry(), entry()
    leaving = asyncio.create_task(together.write(gone))
    staying = asyncio.create_task(together.write(stays))
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.sleep(0.01)
    store.open.set()
    await asyncio.gather(*first, staying)
    everything = [one for batch in store.batches for one in batch]
    assert stays.ledger_id in everything
    assert gone.ledger_id not in everything
