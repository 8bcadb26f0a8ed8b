"""What auditors look things up in is held against the records: verification finds who was taken out of it."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from copilot.ledger.log import Ledger
from copilot.ledger.verify import verify
from retrieval.stores.postgres.database import Database
from tests.integration.audited import answered, ingested, opened, read, searched
from tests.integration.dated import clocked
from tests.integration.sealed import at, seal
from tests.servers.postgres import Owner, owned

pytestmark = pytest.mark.anyio

OTHER = "find it by other things than its record tells"
WHEN = "find it by another person or time than its record tells"
NONE = "by some thing, and there is no such act"


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """A search, a question with its end, one without an end, and an answer that waits to be sealed."""
    database = Database(database_url, timeout_s=5)
    await database.open()
    ledger = Ledger(database)
    await ledger.record(searched("ann", "d1", "d2"))
    begun = await ledger.record(opened("bob", "d1", "d2"))
    await ledger.record(opened("cy", "d1"))
    await ledger.record(ingested("dot", "d3"))
    await ledger.record(answered("bob", "d1", opening=begun))
    await seal(database_url)
    await ledger.record(read("eve", "d1"))
    yield ledger
    await database.close()


@pytest.fixture
def owner(database_url: str, ledger: Ledger) -> Iterator[Owner]:
    """Who can switch off what keeps the lists in step."""
    with owned(database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


async def test_lists_that_tell_what_the_records_do_hold(ledger: Ledger, database_url: str) -> None:
    assert (await verify(database_url)).problems == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (f"DELETE FROM ledger_touched WHERE ledger_id = {at(0)}", f"entry 0: auditors {OTHER}"),
        (
            f"UPDATE ledger_touched SET sub = 'mallory' WHERE ledger_id = {at(0)}",
            f"entry 0: auditors {OTHER}",
        ),
        (
            f"UPDATE ledger_touched SET shown = NOT shown WHERE ledger_id = {at(3)}",
            f"entry 3: auditors {OTHER}",
        ),
        (
            f"INSERT INTO ledger_touched SELECT * FROM ledger_touched WHERE ledger_id = {at(4)}",
            f"entry 4: auditors {OTHER}",
        ),
        (f"DELETE FROM ledger_touched WHERE ledger_id = {at(2)}", f"entry 2: auditors {OTHER}"),
        (
            f"INSERT INTO ledger_touched SELECT * FROM ledger_things(ARRAY[{at(1)}]) LIMIT 1",
            f"entry 1: auditors {OTHER}",
        ),
        (
            f"INSERT INTO ledger_touched SELECT * FROM ledger_things(ARRAY[{at(1)}])",
            f"entry 1: auditors {OTHER}",
        ),
        ("DELETE FROM ledger_touched WHERE sub = 'eve'", OTHER),
        ("UPDATE ledger_touched SET ledger_id = 'x7' WHERE sub = 'ann'", NONE),
        ("DELETE FROM ledger_timeline WHERE sub = 'ann'", WHEN),
        ("UPDATE ledger_timeline SET sub = 'mallory' WHERE sub = 'eve'", WHEN),
        ("UPDATE ledger_timeline SET recorded_at = now() WHERE sub = 'bob'", WHEN),
        ("INSERT INTO ledger_timeline SELECT * FROM ledger_timeline WHERE sub = 'ann'", WHEN),
    ],
)
async def test_lists_that_tell_otherwise_are_found(
    owner: Owner, database_url: str, change: str, problem: str
) -> None:
    owner.execute(change.encode())
    found = (await verify(database_url)).problems
    assert found
    assert any(problem in one for one in found)


async def test_a_month_that_is_going_into_an_archive_keeps_no_question_from_its_end(
    ledger: Ledger, owner: Owner
) -> None:
    owner.execute("SELECT make_ledger_month('2026-05-01')")
    with owner.transaction():
        owner.execute("SELECT still_ledger_month('2026-05-01')")
        begun = await ledger.record(opened("fay", "d1"))
        await ledger.record(answered("fay", "d2", opening=begun))
    listed = "SELECT count(*) AS n FROM ledger_touched WHERE ledger_id = %s"
    assert owner.execute(listed, [begun]).fetchone() == {"n": 0}


async def test_an_end_that_comes_hours_later_is_no_false_alarm(
    ledger: Ledger, owner: Owner, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine slept in between: what was given stays listed, which errs on the safe side."""
    clock = clocked(monkeypatch)
    clock["now"] = datetime.now(UTC) - timedelta(hours=3)
    begun = await ledger.record(opened("fay", "d1"))
    clock["now"] = datetime.now(UTC)
    await ledger.record(answered("fay", "d2", opening=begun))
    await seal(database_url)
    assert (await verify(database_url)).problems == []


@pytest.mark.parametrize("value", ["'{'", r"'\xff'", "convert_to(repeat('[', 100000), 'UTF8')"])
async def test_what_cannot_be_read_is_said_and_ends_nothing(
    owner: Owner, database_url: str, value: str
) -> None:
    owner.execute(
        f"UPDATE ledger_openings SET value = {value} WHERE name = 'contexts' AND ledger_id = {at(0)}"
    )
    found = (await verify(database_url)).problems
    assert "entry 0: contexts does not match its commitment" in found
    assert any(one.startswith("entry 0 to entry 4: an opening among them") for one in found)
