"""Auditors by the name of a model: what it was given, whether or not something came of it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from copilot.ledger.records import Kind
from copilot.migrate import migrations
from tests.integration.audited import Log, answered, auditing, record
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio


@pytest.fixture
async def log(database_url: str) -> AsyncIterator[Log]:
    async with auditing(database_url) as log:
        yield log


async def test_models_are_found_that_answered_and_that_were_consulted(log: Log) -> None:
    consulted = [{"model": {"provider": "p", "model": "judge-2"}, "outcome": "used"}]
    answer, asked = await log.take(
        answered("ann", "d1"),
        record("bob", Kind.SEARCH, "SearchResult", contexts=[], consulted=consulted),
    )
    assert await log.ids(model="extractive-1") == [answer]
    assert await log.ids(model="judge-2") == [asked]


async def test_models_are_found_whose_call_came_to_nothing(log: Log, owner: Owner) -> None:
    failed = [{"provider": "p", "model": "writer-1"}]
    given = replace(answered("ann", "d1"), outcome="BrokenOff")
    given = replace(given, details={**given.details, "failed_calls": failed})
    earlier, later = await log.take(given, given)
    assert await log.ids(model="writer-1") == [later, earlier]
    # Records of before the migration: it looks at them as well, and at no other twice.
    [migration] = [one for one in migrations() if one.name == "0033_failed_calls"]
    count = "SELECT count(*) AS n FROM ledger_touched"
    [before] = owner.execute(count).fetchall()
    thing = "ledger_thing('t1', 'model', 'writer-1')"
    owner.execute(f"DELETE FROM ledger_touched WHERE ledger_id = '{earlier}' AND thing = {thing}")
    assert await log.ids(model="writer-1") == [later]
    owner.execute(migration.sql[migration.sql.index("INSERT INTO ledger_touched") :].encode())
    assert await log.ids(model="writer-1") == [later, earlier]
    assert owner.execute(count).fetchall() == [before]


@pytest.mark.parametrize("outcome", ["Opened", "Consulting"])
async def test_models_are_found_that_were_to_be_called_and_never_said_how_it_ended(
    log: Log, owner: Owner, outcome: str
) -> None:
    told = {"contexts": [], "routing": {"provider": "p", "model": "writer-1", "refused": []}}
    begun, none = await log.take(
        record("ann", Kind.ASK, outcome, **told),
        record("ann", Kind.ASK, outcome, contexts=[], routing=None),
    )
    assert await log.ids(model="writer-1") == [begun]
    owner.execute("DELETE FROM ledger_touched")
    [migration] = [one for one in migrations() if one.name == "0033_failed_calls"]
    owner.execute(migration.sql[migration.sql.index("INSERT INTO ledger_touched") :].encode())
    assert await log.ids(model="writer-1") == [begun]
    assert none not in await log.ids(model="writer-1")
