"""Months of the ledger go into archives, while what is left and what went still verify."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from copilot.ledger.archive import Archiver
from copilot.ledger.archived import digest
from copilot.ledger.bundled import export
from copilot.ledger.log import Ledger, append
from copilot.ledger.month import Month
from copilot.ledger.proofs.merkle import plan_inclusion, verify_inclusion
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.records import Kind
from copilot.ledger.stored import stored_log
from copilot.ledger.verify import verify
from policy.errors import BadInput, Unavailable
from retrieval.stores.postgres.connections import Connection
from retrieval.stores.postgres.database import Database
from tests.integration.audited import opened
from tests.integration.dated import clocked, execute
from tests.integration.sealed import SIGNER, at, erase, kept, published, seal
from tests.integration.test_ledger import record

pytestmark = pytest.mark.anyio

AUGUST = Month.parse("2026-08")
CITED = """UPDATE documents SET document_id = 'another';
           INSERT INTO chunks (chunk_id, part_id, label_id, start_at, end_at, text, embedding)
           SELECT 'c', part_id, label_id, 0, 5, text, array_fill(1::real, ARRAY[384])::vector FROM parts;
           UPDATE ledger_openings SET name = 'answer', value = '[{"chunk_id":"c"}]'
           WHERE name = 'document_id' AND recorded_at < '2026-09-01 00:00+00'"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime]:
    return clocked(monkeypatch)


@pytest.fixture
async def ledger(database: Database, clock: dict[str, datetime]) -> Ledger:
    """Three records of August and two of now, with one of August that was written late; sealed and published."""
    ledger = Ledger(database)
    for month, name in [(8, "a"), (8, "b"), (11, "c"), (8, "d"), (11, "e")]:
        clock["now"] = datetime(2026, month, 14, tzinfo=UTC)
        said = {"document_id": f"d-{name}"}
        one = record(kind=Kind.DELETE, outcome="Deleted", details=said)
        await ledger.record(replace(one, asker=replace(one.asker, reason=f"case {name}")))
    await seal(database.url)
    execute(database.url, "INSERT INTO ledger_published VALUES ('elsewhere', 5, now(), '{}')")
    clock["now"] = datetime.now(UTC)
    return ledger


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


async def test_what_was_archived_verifies_and_so_does_what_is_left(
    ledger: Ledger, database: Database, tmp_path: Path
) -> None:
    url, folder = database.url, tmp_path / "august"
    held = await kept(url)
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


async def test_an_archive_of_leaves_that_the_log_lacks_excuses_nothing(
    ledger: Ledger, database: Database
) -> None:
    """Who owns the database and may write records states one far ahead, and takes an opening out."""
    url = database.url
    ahead = "'2026-07-01', '{[1000000000,1000000001)}', sha256('')"
    execute(
        url, f"INSERT INTO ledger_archives (statement, month, leaves, hashes) VALUES ('x', {ahead})"
    )
    async with stored_log(url) as log:
        stated = digest(await log.archives())
    said = {"archive": {}, "archives": stated}
    await ledger.record(record(kind=Kind.ARCHIVE, outcome="Archived", details=said))
    await seal(url)
    without_triggers(url, "DELETE FROM ledger_openings WHERE name = 'reason'")
    found = await verify(url)
    assert found.problems == ["the leaves archived of 2026-07 are not those that were archived"]
    assert (found.elsewhere, found.ungiven) == (5, 1)


async def test_an_archive_that_is_given_twice_counts_once(
    ledger: Ledger, database: Database, tmp_path: Path
) -> None:
    await archived(ledger, database.url, tmp_path / "august")
    copytree(tmp_path / "august", tmp_path / "copy")
    await seal(database.url)
    found = await verify(database.url, archives=[tmp_path / "august", tmp_path / "copy"])
    assert (found.problems, found.archived_checked, found.ungiven) == ([], 3, 0)


async def test_a_question_whose_end_was_archived_is_listed_under_neither(
    ledger: Ledger, database: Database, tmp_path: Path, clock: dict[str, datetime]
) -> None:
    """It began in the last second of September, and September is still there."""
    url, october = database.url, datetime(2026, 10, 1, tzinfo=UTC)
    clock["now"] = october - timedelta(seconds=1)
    begun = await ledger.record(opened("ann", "d1"))
    clock["now"] = october + timedelta(seconds=1)
    end: dict[str, Any] = {"question": "", "contexts": [], "prompt": None, "routing": None}
    end["opening"] = begun
    await ledger.record(record(outcome="NotFound", details=end))
    clock["now"] = datetime.now(UTC)
    await seal(url)
    published(url)
    await archived(ledger, url, tmp_path / "october", Month.parse("2026-10"))
    await seal(url)
    assert (await verify(url)).problems == []
    assert (await verify(url, archives=[tmp_path / "october"])).problems == []


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


async def test_an_erasure_that_was_archived_explains_what_is_gone_where_its_bundle_is_given(
    ledger: Ledger, database: Database, tmp_path: Path, clock: dict[str, datetime]
) -> None:
    """Of a record here and of one that lies in the archive as well; what came after it, it does not explain."""
    url, folder = database.url, tmp_path / "august"
    clock["now"] = datetime(2026, 8, 20, tzinfo=UTC)
    await erase(ledger, url, record(), f"name = 'reason' AND ledger_id IN ({at(0)}, {at(2)})")
    clock["now"] = datetime.now(UTC)
    await ledger.record(record())
    await seal(url)
    without_triggers(url, "UPDATE ledger_published SET size = 7")
    await archived(ledger, url, folder)
    await seal(url)
    alone = await verify(url)
    assert (alone.problems, alone.erased, alone.elsewhere) == ([], 1, 1)
    assert (
        "1 openings erased, 1 of them by no record but perhaps an archived one" in alone.summary()
    )
    both = await verify(url, archives=[folder])
    assert (both.problems, both.erased, both.elsewhere) == ([], 2, 0)
    later = f"name = 'question' AND ledger_id = {at(6)}"
    without_triggers(url, f"DELETE FROM ledger_openings WHERE {later}")
    for given in ([], [folder]):
        found = (await verify(url, archives=given)).problems
        assert found == ["entry 6: question is gone, and no erasure says why"]


async def test_what_was_taken_before_it_was_archived_is_found_with_the_bundle(
    ledger: Ledger, database: Database, tmp_path: Path
) -> None:
    url, folder = database.url, tmp_path / "august"
    which = f"name = 'reason' AND ledger_id = {at(1)}"
    without_triggers(url, f"DELETE FROM ledger_openings WHERE {which}")
    await archived(ledger, url, folder)
    await seal(url)
    assert (await verify(url, archives=[folder])).problems == [
        "entry 1: reason is gone, and no erasure says why"
    ]


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
        "UPDATE ledger_leaves SET label_id = 0 WHERE leaf_index = 0",
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
    for table in ("openings", "acts", "timeline", "touched", "entries"):
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


async def test_nothing_is_dropped_that_the_bundle_does_not_hold(
    ledger: Ledger, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written or erased while the bundle is made ends the archiving, and so does a record that fails."""
    url, before = database.url, there(database.url)
    late = archiver(ledger, url)
    verified = Archiver._verified

    def meanwhile(self: Archiver, *given: Any) -> Any:
        without_triggers(url, "DELETE FROM ledger_openings WHERE name = 'reason'")
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
