"""The ledger: whoever changes anything in it is found out, and it tells nothing by itself."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest

from copilot.ledger import entry
from copilot.ledger.log import Ledger, Record, canonical, high_water
from copilot.ledger.proofs.merkle import hash_leaf, tree_root
from copilot.ledger.records import Kind
from copilot.ledger.verify import verify
from policy.embedded import EmbeddedEngine
from policy.errors import BadInput, Unavailable
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from tests.integration.audited import page
from tests.integration.sealed import at, erase, exported, forget, head, kept, seal
from tests.servers.postgres import Owner, owned

pytestmark = pytest.mark.anyio

SECRET = "the wedding is at noon"


def asker(sub: str = "ann", clearance: Classification = Classification.U) -> Asker:
    principal = Principal(
        sub=sub,
        tenant="t1",
        clearance=clearance,
        nationality="USA",
        roles=frozenset(["auditor"]),
        purposes=("investigation",),
    )
    return Asker(principal=principal, purpose="investigation")


def record(who: Asker | None = None, question: str = SECRET, **changes: Any) -> Record:
    who = who or asker()
    values: dict[str, Any] = {
        "kind": Kind.ASK,
        "asker": who,
        "outcome": "Answer",
        "policy_revision": "r1",
        "label": high_water(who),
        "details": {"question": question},
    }
    return Record(**(values | changes))


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    """Five entries, sealed."""
    ledger = Ledger(database)
    for number in range(5):
        await ledger.record(record(question=f"{SECRET} {number}"))
    assert await seal(database.url) == 5
    return ledger


@pytest.fixture
def owner(database_url: str, ledger: Ledger) -> Iterator[Owner]:
    """The owner of the tables, who can also switch off what keeps the others from changing them."""
    connection = owned(database_url)
    with connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


async def test_what_was_written_verifies(ledger: Ledger, database_url: str) -> None:
    result = await verify(database_url)
    assert (result.entries, result.sealed, result.erased, result.problems) == (5, 5, 0, [])
    held = await head(database_url)
    assert (held.size, held.root.hex()) == (5, result.root)


async def test_an_empty_ledger_verifies(database_url: str) -> None:
    result = await verify(database_url)
    assert (result.entries, result.problems) == (0, [])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            f"UPDATE ledger_entries SET leaf = leaf || ' ' WHERE ledger_id = {at(2)}", id="leaf"
        ),
        pytest.param(
            f"UPDATE ledger_entries SET leaf = convert_to('{{}}', 'UTF8') WHERE ledger_id = {at(2)}; "
            "UPDATE ledger_leaves SET hash = sha256('\\x00'::bytea || convert_to('{}', 'UTF8')) "
            "WHERE leaf_index = 2",
            id="leaf and its hash",
        ),
        pytest.param(
            "UPDATE ledger_openings SET value = '\"nothing\"' WHERE name = 'question'", id="opening"
        ),
        pytest.param("UPDATE ledger_openings SET salt = '' WHERE name = 'act'", id="salt"),
        pytest.param(
            "INSERT INTO ledger_openings SELECT ledger_id, 'more', label_id, salt, value, recorded_at "
            "FROM ledger_openings WHERE name = 'act'",
            id="an opening that nobody committed to",
        ),
        pytest.param("UPDATE ledger_acts SET sub = 'bob'", id="who"),
        pytest.param("UPDATE ledger_acts SET kind = 'read'", id="what"),
        pytest.param("UPDATE ledger_acts SET outcome = 'NotFound'", id="outcome"),
        pytest.param("UPDATE ledger_acts SET purpose = 'audit'", id="purpose"),
        pytest.param("UPDATE ledger_acts SET policy_revision = 'r0'", id="policy"),
        pytest.param("DELETE FROM ledger_acts", id="acts deleted"),
        pytest.param(
            "DELETE FROM ledger_openings WHERE name = 'act'; UPDATE ledger_acts SET sub = 'bob'",
            id="who, its opening erased",
        ),
        pytest.param(
            f"UPDATE ledger_entries SET tenant = 't2' WHERE ledger_id = {at(1)}", id="tenant"
        ),
        pytest.param(
            "UPDATE ledger_entries SET recorded_at = recorded_at - interval '1 day'", id="when"
        ),
        pytest.param("UPDATE ledger_openings SET label_id = 0", id="openings of no label"),
        pytest.param("UPDATE ledger_acts SET label_id = 0", id="acts of no label"),
        pytest.param("UPDATE ledger_entries SET label_id = 0", id="entries of no label"),
        pytest.param(
            "UPDATE ledger_leaves SET label_id = 0 WHERE leaf_index = 2", id="leaf of no label"
        ),
        pytest.param("DELETE FROM labels", id="labels deleted"),
        pytest.param(f"DELETE FROM ledger_entries WHERE ledger_id = {at(2)}", id="entry deleted"),
        pytest.param("DELETE FROM ledger_leaves WHERE leaf_index = 2", id="leaf deleted"),
        pytest.param("DELETE FROM ledger_leaves WHERE leaf_index = 0", id="first leaf deleted"),
        pytest.param("DELETE FROM ledger_leaves WHERE leaf_index = 4", id="last leaf deleted"),
        pytest.param(
            "UPDATE ledger_leaves SET leaf_index = 105 - leaf_index WHERE leaf_index IN (2, 3); "
            "UPDATE ledger_leaves SET leaf_index = leaf_index - 100 WHERE leaf_index > 100",
            id="leaves swapped",
        ),
        pytest.param(
            f"INSERT INTO ledger_entries SELECT 'new', tenant, label_id, recorded_at, leaf "
            f"FROM ledger_entries WHERE ledger_id = {at(4)}",
            id="entry inserted",
        ),
        pytest.param(
            f"UPDATE ledger_entries SET ledger_id = 'x' WHERE ledger_id = {at(3)}", id="another id"
        ),
        pytest.param("UPDATE ledger_subtrees SET hash = sha256('')", id="subtrees"),
        pytest.param("DELETE FROM ledger_subtrees WHERE level = 2", id="subtree deleted"),
        pytest.param("DELETE FROM ledger_checkpoints", id="checkpoint deleted"),
        pytest.param("UPDATE ledger_checkpoints SET root = sha256('')", id="root"),
        pytest.param("UPDATE ledger_checkpoints SET note = note || '— x AAAAAAA='", id="note"),
        pytest.param("DELETE FROM ledger_keys", id="keys deleted"),
    ],
)
async def test_a_change_is_found(owner: Owner, database_url: str, change: str) -> None:
    owner.execute(change.encode())
    assert (await verify(database_url)).problems


@pytest.mark.parametrize(
    "table", ["ledger_entries", "ledger_openings", "ledger_acts", "ledger_leaves"]
)
async def test_a_lowered_label_is_found(
    owner: Owner, ledger: Ledger, database_url: str, table: str
) -> None:
    """It would open what was said to more people."""
    other = await ledger.label_id(Label(tenant="t1", classification=Classification.C))
    owner.execute(f"UPDATE {table} SET label_id = {other}".encode())
    assert (await verify(database_url)).problems


async def test_a_log_cut_short_is_found_by_a_checkpoint_held_outside(
    owner: Owner, database_url: str, ledger: Ledger
) -> None:
    before = await kept(database_url)
    await ledger.record(record())
    await seal(database_url)
    held = await kept(database_url)
    cut = f"""DELETE FROM ledger_openings WHERE ledger_id = {at(5)};
              DELETE FROM ledger_acts WHERE ledger_id = {at(5)};
              DELETE FROM ledger_timeline WHERE ledger_id = {at(5)};
              DELETE FROM ledger_entries WHERE ledger_id = {at(5)};
              DELETE FROM ledger_leaves WHERE leaf_index = 5;
              DELETE FROM ledger_subtrees WHERE (level, index) = (1, 2);
              DELETE FROM ledger_checkpoints WHERE size = 6"""
    owner.execute(cut.encode())
    assert (await verify(database_url, [before])).problems == []
    assert (await verify(database_url, [held])).problems == [
        "the log ends at 5, before the checkpoint held outside, 6"
    ]


async def test_a_log_written_anew_is_found_by_a_checkpoint_held_outside(
    owner: Owner, database_url: str, database: Database
) -> None:
    held = await kept(database_url)
    forget(database_url)
    for _ in range(5):
        await Ledger(database).record(record(question="harmless"))
    await seal(database_url)
    assert (await verify(database_url)).problems == []
    assert (await verify(database_url, [held])).problems == [
        "the log of 5 entries differs from the checkpoint held outside"
    ]


async def test_a_log_that_grew_still_meets_its_checkpoint(
    ledger: Ledger, database_url: str
) -> None:
    held = await kept(database_url)
    await ledger.record(record())
    assert (await verify(database_url, [held])).problems == []
    await seal(database_url)
    assert (await verify(database_url, [held])).problems == []


async def test_what_was_erased_is_counted_and_the_rest_verifies(
    ledger: Ledger, database_url: str
) -> None:
    assert await erase(ledger, database_url, record(), "name = 'question'") == 5
    for _ in ("the erasure waits", "and is sealed"):
        result = await verify(database_url)
        assert (result.erased, result.problems) == (5, [])
        await seal(database_url)


async def test_the_owner_too_is_kept_from_changing_entries_by_mistake(
    owner: Owner,
) -> None:
    owner.execute("SET session_replication_role = origin")
    for table in ("entries", "leaves", "subtrees", "checkpoints", "keys"):
        column = {"entries": "tenant", "keys": "verifier_key"}.get(table, "hash")
        column = "root" if table == "checkpoints" else column
        for statement in (
            f"UPDATE ledger_{table} SET {column} = {column}",
            f"DELETE FROM ledger_{table}",
            f"TRUNCATE ledger_{table} CASCADE",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                owner.execute(statement.encode())


async def test_a_leaf_tells_nothing_of_what_it_commits_to(
    owner: Owner,
) -> None:
    rows = owner.execute("SELECT leaf FROM ledger_entries").fetchall()
    leaves = [json.loads(row["leaf"]) for row in rows]
    for leaf in leaves:
        assert set(leaf) == {"version", "id", "commitments"}
        assert all(len(bytes.fromhex(value)) == 32 for value in leaf["commitments"].values())


async def test_equal_acts_have_different_commitments(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Without its salt nobody can try out what was asked."""
    ledger = Ledger(database)
    for _ in range(2):
        await ledger.record(record())
    leaves = [one["leaf"] for one in await exported(database_url, tmp_path / "b")]
    first, second = (leaf["commitments"]["question"] for leaf in leaves)
    assert first != second


async def test_an_export_holds_all_that_is_needed_to_verify(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    entries = await exported(database_url, tmp_path / "b")
    assert [entry["index"] for entry in entries] == [0, 1, 2, 3, 4]
    root = tree_root(hash_leaf(canonical(entry["leaf"])) for entry in entries)
    assert root == (await head(database_url)).root
    assert json.loads(entries[0]["openings"]["question"]["value"]) == f"{SECRET} 0"


async def test_many_writers_leave_no_gap_and_no_fork(database: Database, database_url: str) -> None:
    ledger = Ledger(database)

    async def write() -> None:
        for _ in range(5):
            await ledger.record(record())

    async with anyio.create_task_group() as tasks:
        for _ in range(16):
            tasks.start_soon(write)
    result = await verify(database_url)
    assert (result.entries, result.problems) == (80, [])


async def test_a_record_that_is_not_durable_is_an_error(owner: Owner, ledger: Ledger) -> None:
    owner.execute("DROP FUNCTION append_ledger_entries")
    with pytest.raises(Unavailable) as caught:
        await ledger.record(record())
    assert caught.value.dependency == "ledger"


async def test_a_leaf_of_before_erasures_were_signed_is_taken_no_more(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever may append could say what went, and need no key for it."""
    monkeypatch.setattr(entry, "FORMS", (1,))
    with pytest.raises(Unavailable, match="the ledger takes no records"):
        await ledger.record(record())
    monkeypatch.undo()
    await ledger.record(record())


@pytest.fixture
async def scoper(database: Database) -> AsyncIterator[Scoper]:
    engine = EmbeddedEngine()
    yield Scoper(engine, PostgresLabels(database))
    await engine.close()


async def scope(scoper: Scoper, clearance: Classification) -> Scope:
    return await scoper.scope(asker("auditor", clearance))


async def test_auditors_see_what_their_attributes_allow(
    database: Database, ledger: Ledger, scoper: Scoper
) -> None:
    high = asker("zoe", Classification.TS)
    other = Asker(
        principal=Principal(sub="bob", tenant="t2", clearance=Classification.U), purpose="x"
    )
    secret_id = await ledger.record(record(high))
    await ledger.record(record(other))
    low_page = await page(database, await scope(scoper, Classification.S), first=50)
    assert {entry.sub for entry in low_page.entries} == {"ann"}
    assert {entry.tenant for entry in low_page.entries} == {"t1"}
    high_page = await page(database, await scope(scoper, Classification.TS), first=50)
    assert high_page.entries[0].ledger_id == secret_id
    assert high_page.entries[0].details is not None
    assert high_page.entries[0].details["question"] == SECRET


async def test_what_is_hidden_changes_no_page(
    database: Database, ledger: Ledger, scoper: Scoper
) -> None:
    low = await scope(scoper, Classification.S)
    before = await page(database, low, first=3)
    hidden = await ledger.record(record(asker("zoe", Classification.TS)))
    low = await scope(scoper, Classification.S)
    assert await page(database, low, first=3) == before
    # A cursor that the auditor cannot have is as good as one that does not exist.
    refusals = []
    for cursor in (hidden, "no-such-entry"):
        with pytest.raises(BadInput, match="`after`") as refused:
            await page(database, low, first=3, after=cursor)
        refusals.append(refused.value.message)
    assert refusals[0] == refusals[1]


async def test_pages_follow_one_another_while_new_entries_come(
    database: Database, ledger: Ledger, scoper: Scoper
) -> None:
    low = await scope(scoper, Classification.U)
    expected = [entry.ledger_id for entry in (await page(database, low, first=50)).entries]
    seen: list[str] = []
    after: str | None = None
    while True:
        found = await page(database, low, first=2, after=after)
        seen += [entry.ledger_id for entry in found.entries]
        await ledger.record(record())
        after = found.next_cursor
        if after is None:
            break
    assert seen == expected


async def test_pages_are_filtered_by_person_and_kind(
    database: Database, ledger: Ledger, scoper: Scoper
) -> None:
    wanted = await ledger.record(record(asker("bob"), kind=Kind.SEARCH))
    await ledger.record(record(asker("bob")))
    low = await scope(scoper, Classification.U)
    [entry] = (await page(database, low, first=50, sub="bob", kind="search")).entries
    assert entry.ledger_id == wanted


async def test_an_erased_entry_stays_and_has_no_details(
    owner: Owner, database: Database, scoper: Scoper
) -> None:
    owner.execute("DELETE FROM ledger_openings")
    entries = (await page(database, await scope(scoper, Classification.U), first=50)).entries
    assert [entry.details for entry in entries] == [None] * 5
