"""The catalogue of a tenant's labels and people is read again whenever it has changed, or may have."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import pytest
from psycopg import sql

from policy.labels import Classification
from policy.principal import Grant
from policy.scope import Scoper
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.fences import Fences
from retrieval.stores.postgres.labels import PostgresLabels
from tests.unit.governed import asker, label
from tests.unit.policy.fakes import ListedLabels

pytestmark = pytest.mark.anyio

GRANT = {
    "grant_id": "g1",
    "sub": "ann",
    "clearance": "TS",
    "compartments": ["ORION"],
    "authorities": [],
    "not_after": 1_900_000_000,
}


class KnownFences(Fences):
    """Knows what the test says; nothing where it says nothing."""

    def __init__(self) -> None:
        self.at: int | None = None

    def epoch(self, tenant: str) -> int | None:
        return self.at


class Store(Database):
    """A tenant's labels and people as tables would hold them; counts who asks."""

    def __init__(self) -> None:
        self.fences = self.known = KnownFences()
        self.transactions: list[tuple[Role, str]] = []
        self.labels = {1: label("U")}
        self.tables: dict[str, list[dict[str, Any]]] = {"revocations": [], "grants": []}
        self.epoch = 1
        self.held: anyio.Event | None = None
        """Those who have read the epoch wait for it before they read the rest."""
        self.commit: anyio.Event | None = None
        """Transactions that begin now wait for it at their end."""

    @asynccontextmanager
    async def transaction(
        self, role: Role, label_ids: Sequence[int] = (), *, tenant: str = ""
    ) -> AsyncIterator[Connection]:
        self.transactions.append((role, tenant))
        commit = self.commit
        yield cast(Connection, Reading(self))
        if commit:
            await commit.wait()


class Reading:
    """One transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows: list[dict[str, Any]] = []

    async def execute(self, query: sql.SQL, values: Mapping[str, Any]) -> "Reading":
        text = query.as_string(None)
        assert values == {"tenant": "t1"}
        if "label_epochs" in text:
            self.rows = [{"epoch": self.store.epoch}]
            return self
        if held := self.store.held:
            await held.wait()
        if "FROM labels" in text:
            self.rows = [
                {"label_id": i, "value": one.to_json()} for i, one in self.store.labels.items()
            ]
        else:
            [name] = [name for name in self.store.tables if f"FROM {name}" in text]
            self.rows = self.store.tables[name]
        return self

    async def fetchall(self) -> list[dict[str, Any]]:
        return self.rows

    async def fetchone(self) -> dict[str, Any] | None:
        return self.rows[0] if self.rows else None


@pytest.fixture
def store() -> Store:
    return Store()


async def test_a_catalogue_says_what_there_is_and_what_the_records_say_of_people(
    store: Store,
) -> None:
    store.tables |= {"revocations": [{"sub": "bob"}], "grants": [GRANT, GRANT | {"sub": "cat"}]}
    catalog = await PostgresLabels(store).catalog("t1")
    grant = Grant(
        grant_id="g1",
        clearance=Classification.TS,
        compartments=frozenset(["ORION"]),
        authorities=frozenset(),
        not_after=1_900_000_000,
    )
    assert (catalog.epoch, catalog.labels) == (1, {1: label("U")})
    assert catalog.revoked == frozenset(["bob"])
    assert catalog.grants == {"ann": (grant,), "cat": (grant,)}
    assert store.transactions == [(Role.READER, "t1")]


async def test_a_cached_scope_asks_no_database_while_the_fence_is_known(store: Store) -> None:
    engine = ListedLabels({label("U")})
    scoper = Scoper(engine, PostgresLabels(store))
    store.known.at = 1
    first = await scoper.scope(asker())
    asked = len(engine.asked), len(store.transactions)
    for _ in range(100):
        assert await scoper.scope(asker()) is first
        assert await scoper.standing(asker()) == asker()
    assert (len(engine.asked), len(store.transactions)) == asked == (1, 1)


async def test_where_the_fence_is_not_known_the_database_is_asked_each_time(store: Store) -> None:
    labels = PostgresLabels(store)
    kept = await labels.catalog("t1")
    assert await labels.catalog("t1") is kept  # the epoch has not moved
    assert len(store.transactions) == 2
    store.tables["revocations"], store.epoch = [{"sub": "ann"}], 2
    assert (await labels.catalog("t1")).revoked == frozenset(["ann"])


async def test_a_fence_that_has_moved_has_the_catalogue_read_again(store: Store) -> None:
    labels = PostgresLabels(store)
    store.known.at = 1
    await labels.catalog("t1")
    store.labels[2], store.epoch, store.known.at = label("S"), 2, 2
    assert set((await labels.catalog("t1")).labels) == {1, 2}


async def test_who_read_slowly_does_not_undo_what_others_know_since(store: Store) -> None:
    labels = PostgresLabels(store)
    store.held = anyio.Event()
    found: dict[str, frozenset[str]] = {}

    async def read(name: str) -> None:
        found[name] = (await labels.catalog("t1")).revoked

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read, "slow")
        await anyio.wait_all_tasks_blocked()
        slow, store.held, store.epoch, store.commit = store.held, None, 2, anyio.Event()
        rest, store.tables = store.tables, store.tables | {"revocations": [{"sub": "ann"}]}
        tasks.start_soon(read, "quick")
        await anyio.wait_all_tasks_blocked()
        store.tables = rest  # what the slow one saw
        slow.set()
        await anyio.wait_all_tasks_blocked()
        store.commit.set()
    store.tables = store.tables | {"revocations": [{"sub": "ann"}]}
    assert found == {"slow": frozenset(), "quick": frozenset(["ann"])}
    store.known.at = 2
    assert (await labels.catalog("t1")).revoked == frozenset(["ann"])
