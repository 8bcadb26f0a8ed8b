"""The ledger lies in months, which are made ahead of the records."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import anyio
import psycopg
import pytest

from copilot.ledger import entry as entries
from copilot.ledger.log import Ledger, append
from copilot.ledger.month import Month
from copilot.ledger.months import Months
from copilot.ledger.verify import verify
from copilot.migrate import migrate, migrations
from policy.errors import BadInput, Unavailable
from retrieval.stores.postgres.database import Database, Role
from tests.integration.dated import clocked, execute
from tests.integration.sealed import kept, seal
from tests.integration.test_ledger import record
from tests.servers import postgres as postgres_server

pytestmark = pytest.mark.anyio

OPENINGS = """INSERT INTO ledger_openings (ledger_id, name, label_id, salt, value)
              SELECT %s, unnest(%s::text[]), %s, unnest(%s::bytea[]), unnest(%s::bytea[])"""
STOOD = """SELECT v.leaf_index, v.hash, e.ledger_id, e.tenant, e.label_id, e.recorded_at, e.leaf, a.kind, a.sub,
                  (SELECT json_agg(json_build_array(o.name, o.label_id, o.salt, o.value) ORDER BY o.name)
                   FROM ledger_openings o WHERE o.ledger_id = e.ledger_id) AS openings,
                  (SELECT json_agg(t ORDER BY thing) FROM ledger_touched t WHERE t.ledger_id = e.ledger_id) AS touched,
                  (SELECT json_agg(t) FROM ledger_timeline t WHERE t.ledger_id = e.ledger_id) AS timeline
           FROM ledger_leaves v JOIN ledger_entries e USING (ledger_id) JOIN ledger_acts a USING (ledger_id)
           ORDER BY v.leaf_index"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime]:
    return clocked(monkeypatch)


async def test_a_log_that_is_put_into_months_loses_nothing(
    postgres: str, tmp_path: Path, clock: dict[str, datetime]
) -> None:
    for file in migrations():
        if file.name < "0024":
            (tmp_path / f"{file.name}.sql").write_text(file.sql)
    url = postgres_server.clone(postgres, "/template0")
    await migrate(url, tmp_path)
    label = record().label
    [row] = execute(
        url,
        "INSERT INTO labels (tenant, canonical, value) VALUES ('t1', %s, %s) RETURNING label_id",
        *(label.canonical(), json.dumps(label.to_json())),
    )
    for at in ("2025-12-31T23:59:59.999999", "2026-01-01T00:00:00", "1999-05-05T05:05:05"):
        clock["now"] = datetime.fromisoformat(at).replace(tzinfo=UTC)
        one = entries.Entry.of(
            record(details={"question": at, "document_id": "d1"}), row["label_id"]
        )
        append = "SELECT append_ledger_entries(%s::text[], '{t1}', %s::int[], %s::timestamptz[], %s::bytea[])"
        execute(url, append, [one.ledger_id], [one.label_id], [one.at], [one.leaf])
        salts, values = zip(*one.openings.values(), strict=True)
        execute(url, OPENINGS, one.ledger_id, [*one.openings], one.label_id, [*salts], [*values])
        act = (
            "INSERT INTO ledger_acts VALUES (%s, %s, 'ask', 'ann', 'investigation', 'Answer', 'r1')"
        )
        execute(url, act, one.ledger_id, one.label_id)
    await seal(url)
    before, held = execute(url, STOOD), await kept(url)
    assert len(before) == 3
    assert all(one["touched"] and one["timeline"] for one in before)
    assert "0024_ledger_months" in await migrate(url)
    assert execute(url, STOOD) == before
    result = await verify(url, [held])
    assert (result.problems, result.sealed, result.root) == ([], 3, held.said.root.hex())
    months = execute(url, "SELECT DISTINCT tableoid::regclass::text AS part FROM ledger_openings")
    assert {one["part"][-7:] for one in months} == {"1999_05", "2025_12", "2026_01"}
    postgres_server.drop(postgres, url)


async def test_a_record_for_which_no_month_was_made_is_written_and_moves_in_later(
    database: Database, clock: dict[str, datetime]
) -> None:
    clock["now"] = datetime(2031, 3, 31, 23, 59, 59, tzinfo=UTC)
    await Ledger(database).record(record())
    await Months(database).make()
    where = "SELECT DISTINCT tableoid::regclass::text AS part FROM ledger_openings"
    assert execute(database.url, where) == [{"part": "ledger_openings_other"}]
    execute(database.url, "SELECT make_ledger_month('2031-03-05 00:00+00')")
    assert execute(database.url, where) == [{"part": "ledger_openings_2031_03"}]
    await seal(database.url)
    result = await verify(database.url)
    assert (result.problems, result.sealed) == ([], 1)
    for change in ("DELETE FROM {}", "UPDATE {} SET tenant = ''", "TRUNCATE {}"):
        for table in ("ledger_entries", "ledger_entries_other", "ledger_entries_2031_03"):
            if table.endswith("other") and "TRUNCATE" not in change:
                continue  # there is nothing left in it
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                execute(database.url, change.format(table))


async def test_a_month_is_made_later_where_others_are_in_the_way_who_do_not_wait_for_it(
    database: Database,
) -> None:
    url, ledger, month = database.url, Ledger(database), "now() + interval '1 month'"
    label_id = await ledger.label_id(record().label)
    execute(url, f"SELECT drop_ledger_month({month})")
    async with database.transaction(Role.LEDGER) as writing:
        await append(writing, record(details={"document_id": "d1"}), label_id)
        begun = time.monotonic()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(in_the_way, database)
            await anyio.sleep(0.02)
            await ledger.record(record())
        assert time.monotonic() - begun < 2
    await Months(database).make()
    made = f"SELECT to_regclass(ledger_partition('ledger_entries', {month})) IS NOT NULL AS made"
    assert execute(url, made) == [{"made": True}]
    assert len(execute(url, "SELECT 1 FROM ledger_entries")) == 2


async def test_a_month_is_made_while_a_record_that_touches_nothing_is_written(
    database: Database,
) -> None:
    label_id = await Ledger(database).label_id(record().label)
    execute(database.url, "SELECT drop_ledger_month(now() + interval '1 month')")
    async with database.transaction(Role.LEDGER) as writing:
        await append(writing, record(), label_id)
        await Months(database).make()


async def in_the_way(database: Database) -> None:
    with pytest.raises(Unavailable):
        await Months(database).make()


def test_a_month_is_written_as_a_month() -> None:
    august = Month.parse("2026-08")
    assert (august.since, august.until) == (
        datetime(2026, 8, 1, tzinfo=UTC),
        datetime(2026, 9, 1, tzinfo=UTC),
    )
    assert Month.parse("2026-12").until == datetime(2027, 1, 1, tzinfo=UTC)
    for wrong in ("2026-13", "2026-8", "0000-01", "august", "2026-08-01", " 2026-08"):
        with pytest.raises(BadInput, match="is no month"):
            Month.parse(wrong)
