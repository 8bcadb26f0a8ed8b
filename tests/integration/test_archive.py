"""Months of the ledger: made ahead, archived and dropped, while what is left and what went still verify."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from psycopg.rows import dict_row

from copilot.ledger import entry as entries
from copilot.ledger.archive import Archiver
from copilot.ledger.archived import digest
from copilot.ledger.bundled import export
from copilot.ledger.log import Ledger, append
from copilot.ledger.month import Month
from copilot.ledger.months import Months
from copilot.ledger.proofs.merkle import plan_inclusion, verify_inclusion
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.records import Kind
from copilot.ledger.stored import stored_log
from copilot.ledger.verify import verify
from copilot.migrate import migrate, migrations
from policy.errors import BadInput, Unavailable
from retrieval.stores.postgres.connections import Connection
from retrieval.stores.postgres.database import Database, Role
from tests.integration.sealed import SIGNER, head, seal
from tests.integration.test_ledger import record
from tests.servers import postgres as postgres_server

pytestmark = pytest.mark.anyio

AUGUST = Month.parse("2026-08")
OPENINGS = """INSERT INTO ledger_openings (ledger_id, name, label_id, salt, value)
              SELECT %s, unnest(%s::text[]), %s, unnest(%s::bytea[]), unnest(%s::bytea[])"""
CITED = """UPDATE documents SET document_id = 'another';
           INSERT INTO chunks (chunk_id, part_id, label_id, start_at, end_at, text, embedding)
           SELECT 'c', part_id, label_id, 0, 5, text, array_fill(1::real, ARRAY[384])::vector FROM parts;
           UPDATE ledger_openings SET name = 'answer', value = '[{"chunk_id":"c"}]'
           WHERE name = 'document_id' AND recorded_at < '2026-09-01 00:00+00'"""
STOOD = """SELECT v.leaf_index, v.hash, e.ledger_id, e.tenant, e.label_id, e.recorded_at, e.leaf, a.kind, a.sub,
                  (SELECT json_agg(json_build_array(o.name, o.label_id, o.salt, o.value) ORDER BY o.name)
                   FROM ledger_openings o WHERE o.ledger_id = e.ledger_id) AS openings,
                  (SELECT json_agg(t ORDER BY thing) FROM ledger_touched t WHERE t.ledger_id = e.ledger_id) AS touched,
                  (SELECT json_agg(t) FROM ledger_timeline t WHERE t.ledger_id = e.ledger_id) AS timeline
           FROM ledger_leaves v JOIN ledger_entries e USING (ledger_id) JOIN ledger_acts a USING (ledger_id)
           ORDER BY v.leaf_index"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime]:
    """What the records take for now, under `now`."""
    times = {"now": datetime.now(UTC)}

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Clock":
            return cls.fromtimestamp(times["now"].timestamp(), tz)

    monkeypatch.setattr(entries, "datetime", Clock)
    return times


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, timeout_s=5)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def ledger(database: Database, clock: dict[str, datetime]) -> Ledger:
    """Three records of August and two of now, with one of August that was written late; sealed and published."""
    ledger = Ledger(database)
    for month, name in [(8, "a"), (8, "b"), (11, "c"), (8, "d"), (11, "e")]:
        clock["now"] = datetime(2026, month, 14, tzinfo=UTC)
        said = {"document_id": f"d-{name}"}
        await ledger.record(record(kind=Kind.DELETE, outcome="Deleted", details=said))
    await seal(database.url)
    execute(database.url, "INSERT INTO ledger_published VALUES ('elsewhere', 5, now(), '{}')")
    clock["now"] = datetime.now(UTC)
    return ledger


def execute(url: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def without_triggers(url: str, statement: str) -> None:
    execute(url, f"SET session_replication_role = replica; {statement}")


def archiver(ledger: Ledger, url: str) -> Archiver:
    async def recorded(connection: Connection, said: Mapping[str, Any]) -> None:
        act = record(kind=Kind.ARCHIVE, outcome="Archived", details=said)
        await append(connection, act, await ledger.label_id(act.label))

    return Archiver(url=url, signers=[SIGNER], recorded=recorded)


async def archived(ledger: Ledger, url: str, folder: Path, month: Month = AUGUST) -> int:
    return await archiver(ledger, url).archive(month, folder)


def there(url: str) -> int:
    """Rows of August in any table, whichever partition they lie in."""
    tables = execute(url, "SELECT unnest(ledger_month_tables()) AS name")
    counts = [
        execute(
            url,
            f"SELECT count(*) AS n FROM {one['name']} WHERE recorded_at < '2026-09-01 00:00+00'",
        )
        for one in tables
    ]
    return sum(count["n"] for [count] in counts)


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
    before, held = execute(url, STOOD), await head(url)
    assert len(before) == 3
    assert all(one["touched"] and one["timeline"] for one in before)
    assert "0024_ledger_months" in await migrate(url)
    assert execute(url, STOOD) == before
    result = await verify(url, [held])
    assert (result.problems, result.sealed, result.root) == ([], 3, held.root.hex())
    months = execute(url, "SELECT DISTINCT tableoid::regclass::text AS part FROM ledger_openings")
    assert {one["part"][-7:] for one in months} == {"1999_05", "2025_12", "2026_01"}
    postgres_server.drop(postgres, url)


async def test_what_was_archived_verifies_and_so_does_what_is_left(
    ledger: Ledger, database: Database, tmp_path: Path
) -> None:
    url, folder = database.url, tmp_path / "august"
    held = await head(url)
    assert await archived(ledger, url, folder) == 3
    assert there(url) == 0
    runs = """SELECT run FROM ledger_openings, eight_word_runs(opened_text(value)) run
              WHERE name IN ('archive', 'archives')"""
    assert execute(url, runs) == []  # so nobody has them erased
    await ledger.record(record(kind=Kind.DELETE, outcome="Deleted", details={}))
    await seal(url)
    alone = await verify(url, [held])
    assert (alone.problems, alone.entries, alone.archived) == ([], 7, 3)
    assert "3 archived, 3 of them known by their hashes alone" in alone.summary()
    with_archive = await verify(url, [held], archives=[folder])
    assert (with_archive.problems, with_archive.archived_checked) == ([], 3)
    assert "alone" not in with_archive.summary()
    report = verify_bundle(folder, SIGNER.verifier_key)
    assert (report.problems, report.contents.problems, report.records) == ([], [], 3)
    async with stored_log(url) as log:
        later = await log.newest()
        assert later is not None
        for index in range(later.size):  # each leaf has its proof, archived or not
            plan = plan_inclusion(index, later.size)
            [leaf] = (await log.subtrees([(0, index)])).values()
            assert verify_inclusion(
                leaf_index=index,
                tree_size=later.size,
                leaf_hash=leaf,
                inclusion_path=plan.proof(await log.subtrees(plan.subtrees)),
                root_hash=later.root,
            )
        await export(log, tmp_path / "rest", by="the test", signers=[SIGNER])
    rest = verify_bundle(tmp_path / "rest", SIGNER.verifier_key, [later.note])
    assert (rest.problems, rest.contents.problems) == ([], [])
    assert (rest.records, rest.whole) == (4, False)


async def test_the_record_of_an_archive_may_be_archived_since_the_next_one_tells_of_both(
    ledger: Ledger, database: Database, tmp_path: Path, clock: dict[str, datetime]
) -> None:
    url = database.url
    clock["now"] = datetime(2026, 10, 3, tzinfo=UTC)
    await archived(ledger, url, tmp_path / "august")
    clock["now"] = datetime.now(UTC)
    await seal(url)
    without_triggers(url, "UPDATE ledger_published SET size = 6")
    await archived(ledger, url, tmp_path / "october", Month.parse("2026-10"))
    assert (
        execute(
            url,
            "SELECT 1 FROM ledger_acts WHERE kind = 'archive' AND recorded_at < now() - interval '9 days'",
        )
        == []
    )
    result = await verify(url, archives=[tmp_path / "august", tmp_path / "october"])
    assert (result.problems, result.archived, result.archived_checked) == ([], 4, 4)
    clock["now"] = datetime(2026, 8, 2, tzinfo=UTC)  # and a record that came late
    await ledger.record(record(kind=Kind.DELETE, outcome="Deleted", details={}))
    clock["now"] = datetime.now(UTC)
    await seal(url)
    without_triggers(url, "UPDATE ledger_published SET size = 8")
    assert await archived(ledger, url, tmp_path / "late") == 1
    folders = [tmp_path / "august", tmp_path / "october", tmp_path / "late"]
    result = await verify(url, archives=folders)
    assert (result.problems, result.archived, result.archived_checked) == ([], 5, 5)
    without_triggers(url, "DELETE FROM ledger_archives WHERE month = '2026-10-01'")
    assert (await verify(url)).problems


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM ledger_entries WHERE ledger_id = '{left}'",
        "DELETE FROM ledger_archives",
        "UPDATE ledger_archives SET leaves = leaves - int8multirange(int8range(0, 1))",
        "UPDATE ledger_archives SET leaves = leaves + int8multirange(int8range(2, 3))",
        "UPDATE ledger_archives SET hashes = sha256('')",
        "UPDATE ledger_archives SET statement = sha256('')",
        "UPDATE ledger_archives SET month = '2026-07-01'",
        "INSERT INTO ledger_archives SELECT sha256(''), month, '{[2,3)}', hash FROM ledger_archives, "
        "LATERAL (SELECT sha256(hash) AS hash FROM ledger_leaves WHERE leaf_index = 2) h; "
        "DELETE FROM ledger_entries WHERE ledger_id = '{left}'",
        "DELETE FROM ledger_openings WHERE name = 'archives'",
        "UPDATE ledger_leaves SET hash = sha256('') WHERE leaf_index = 0",
        "bundle",
    ],
)
async def test_an_archive_excuses_nothing_but_what_it_holds(
    ledger: Ledger, database: Database, tmp_path: Path, change: str
) -> None:
    url, folder = database.url, tmp_path / "august"
    await archived(ledger, url, folder)
    await seal(url)
    [left] = execute(url, "SELECT ledger_id FROM ledger_leaves WHERE leaf_index = 2")
    if change == "bundle":
        lines = folder / "records.ndjson"
        lines.write_bytes(lines.read_bytes().replace(b"d-a", b"d-z"))
        assert (await verify(url)).problems == []
    else:
        without_triggers(url, change.replace("{left}", left["ledger_id"]))
        assert (await verify(url)).problems
    assert (await verify(url, archives=[folder])).problems


async def test_a_record_that_states_another_archive_does_not_make_it_hold(
    ledger: Ledger, database: Database, tmp_path: Path
) -> None:
    """Who owns the database and may write records says that one more leaf was in the bundle."""
    url, folder = database.url, tmp_path / "august"
    await archived(ledger, url, folder)
    await seal(url)
    without_triggers(
        url, "UPDATE ledger_archives SET leaves = leaves + int8multirange(int8range(2, 3))"
    )
    for table in ("openings", "acts", "entries"):
        which = "(SELECT ledger_id FROM ledger_leaves WHERE leaf_index = 2)"
        without_triggers(url, f"DELETE FROM ledger_{table} WHERE ledger_id = {which}")
    async with stored_log(url) as log:
        stated = digest(await log.archives())
    said = {"archive": {}, "archives": stated}
    await ledger.record(record(kind=Kind.ARCHIVE, outcome="Archived", details=said))
    found = (await verify(url, archives=[folder])).problems
    assert found == ["the leaves archived of 2026-08 are not those that were archived"]


async def test_a_bundle_of_something_else_is_no_archive(
    ledger: Ledger, database: Database, tmp_path: Path
) -> None:
    async with stored_log(database.url) as log:
        await export(log, tmp_path / "whole", by="the test", signers=[SIGNER])
    assert "no archive of this log" in str(
        (await verify(database.url, archives=[tmp_path / "whole"])).problems
    )
    with pytest.raises(BadInput, match="cannot read the archive"):
        await verify(database.url, archives=[tmp_path / "nothing"])


@pytest.mark.parametrize("why", ["published", "hold", "cited", "sealed", "over"])
async def test_nothing_is_dropped_that_must_stay(
    ledger: Ledger, database: Database, tmp_path: Path, why: str, clock: dict[str, datetime]
) -> None:
    url, month = database.url, AUGUST
    if why == "published":
        without_triggers(url, "DELETE FROM ledger_published")
    elif why == "sealed":
        clock["now"] = datetime(2026, 8, 31, 23, 59, tzinfo=UTC)
        await ledger.record(record())
    elif why == "over":
        month = Month.parse(f"{datetime.now(UTC):%Y-%m}")
    else:
        hold = """
            INSERT INTO documents (tenant, document_id, label_id, title, source, metadata, content_sha256, ingested_by)
            SELECT 't1', 'd-a', min(label_id), '', '', '{}', '', 'ann' FROM labels;
            INSERT INTO parts (part_id, document_key, label_id, position, text)
            SELECT 'p', document_key, label_id, 0, 'words' FROM documents;
            INSERT INTO legal_holds (part_id, label_id, held_by) SELECT part_id, label_id, 'ann' FROM parts"""
        without_triggers(url, hold)
        if why == "cited":
            without_triggers(url, CITED)
    before = there(url)
    said = {
        "published": "outside",
        "hold": "legal hold",
        "cited": "legal hold",
        "sealed": "not sealed",
        "over": "over",
    }
    with pytest.raises(BadInput, match=said[why]):
        await archived(ledger, url, tmp_path / "august", month)
    assert not (tmp_path / "august").exists()
    assert there(url) == before


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


async def test_nothing_is_dropped_that_the_bundle_does_not_hold(
    ledger: Ledger, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written or erased while the bundle is made ends the archiving, and so does a record that fails."""
    url, before = database.url, there(database.url)
    late = archiver(ledger, url)
    verified = Archiver._verified

    def meanwhile(self: Archiver, *given: Any) -> Any:
        without_triggers(url, "DELETE FROM ledger_openings WHERE name = 'document_id'")
        return verified(self, *given)

    monkeypatch.setattr(Archiver, "_verified", meanwhile)
    with pytest.raises(Unavailable, match="has changed"):
        await late.archive(AUGUST, tmp_path / "one")
    monkeypatch.undo()
    execute(url, "DROP FUNCTION append_ledger_entries")
    with pytest.raises(Unavailable, match="takes no records"):
        await late.archive(AUGUST, tmp_path / "two")
    assert there(url) == before - 3
    assert execute(url, "SELECT 1 FROM ledger_archives") == []


async def test_an_id_that_comes_again_in_another_month_is_found_and_stops_nobody(
    ledger: Ledger, database: Database
) -> None:
    url = database.url
    execute(
        url,
        """SELECT append_ledger_entries(json_build_array(json_build_object(
               'ledger_id', e.ledger_id, 'tenant', tenant, 'label_id', e.label_id, 'at', now(),
               'leaf', convert_from(leaf, 'UTF8'), 'kind', kind, 'sub', sub, 'purpose', purpose, 'outcome', outcome,
               'policy_revision', policy_revision, 'openings', '[]'::json)))
           FROM ledger_entries e JOIN ledger_acts a USING (ledger_id)
           WHERE e.recorded_at < '2026-09-01 00:00+00' LIMIT 1""",
    )
    await ledger.record(record())
    await seal(url)
    await seal(url)
    assert execute(url, "SELECT 1 FROM ledger_unsealed") == []
    result = await verify(url)
    assert result.sealed >= 6
    assert result.problems


def test_a_month_is_written_as_a_month() -> None:
    assert (AUGUST.since, AUGUST.until) == (
        datetime(2026, 8, 1, tzinfo=UTC),
        datetime(2026, 9, 1, tzinfo=UTC),
    )
    assert Month.parse("2026-12").until == datetime(2027, 1, 1, tzinfo=UTC)
    for wrong in ("2026-13", "2026-8", "0000-01", "august", "2026-08-01", " 2026-08"):
        with pytest.raises(BadInput, match="is no month"):
            Month.parse(wrong)
