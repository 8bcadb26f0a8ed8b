"""Scopes in the ledger: each stored once, named by its digest, and never missed by a record that names it."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest

from copilot.ledger.log import Ledger, Record, append
from copilot.ledger.records import Kind
from copilot.ledger.verify import verify
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import Scope, Scoper, WrittenScope
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.labels import PostgresLabels
from tests.integration.audited import page
from tests.integration.sealed import exported, seal
from tests.integration.test_row_level_security import serving
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio

U = Label(tenant="t1", classification=Classification.U)
S = replace(U, classification=Classification.S)
ANN = Asker(
    principal=Principal(sub="ann", tenant="t1", clearance=Classification.U), purpose="audit"
)


def written(*labels: Label) -> WrittenScope:
    texts = sorted(label.canonical() for label in labels)
    value = json.dumps(texts, separators=(",", ":")).encode()
    return WrittenScope(value=value, sha256=hashlib.sha256(value).digest(), labels=len(texts))


SCOPE = written(U, S)
NAMED = {"sha256": SCOPE.sha256.hex(), "labels": 2}
LABELS = json.loads(SCOPE.value)


def record(scope: WrittenScope | None = SCOPE, label: Label = U) -> Record:
    return Record(
        kind=Kind.SEARCH,
        asker=ANN,
        outcome="SearchResult",
        policy_revision="r1",
        label=label,
        scope=scope,
        details={"question": "Who?"},
    )


LISTING = replace(record(None), details={"scope": LABELS})
"""As records were written before: they stand in databases."""


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


@pytest.fixture
async def auditing(database: Database, ledger: Ledger) -> AsyncIterator[Scope]:
    """What an auditor may read who is cleared for the lowest."""
    for label in (U, S):
        await ledger.label_id(label)
    engine = EmbeddedEngine()
    auditor = replace(ANN.principal, sub="abe", roles=frozenset(["auditor"]), purposes=("audit",))
    yield await Scoper(engine, PostgresLabels(database)).scope(replace(ANN, principal=auditor))
    await engine.close()


def tampering(owner: Owner) -> None:
    """Switches off all that keeps an owner from changing scopes by mistake."""
    owner.execute("SET session_replication_role = replica")
    owner.execute("ALTER TABLE ledger_scopes DROP CONSTRAINT ledger_scopes_check")


def opened(owner: Owner) -> list[Any]:
    rows = owner.execute("SELECT value FROM ledger_openings WHERE name = 'scope'").fetchall()
    return [json.loads(row["value"]) for row in rows]


def stored(owner: Owner) -> list[bytes]:
    return [row["value"] for row in owner.execute("SELECT value FROM ledger_scopes").fetchall()]


async def test_the_labels_are_stored_once_and_records_name_their_digest(
    ledger: Ledger, owner: Owner, database_url: str
) -> None:
    for _ in range(3):
        await ledger.record(record())
    await ledger.record(record(written(U)))
    assert opened(owner).count(NAMED) == 3
    assert sorted(stored(owner)) == sorted([SCOPE.value, written(U).value])
    result = await verify(database_url)
    assert (result.entries, result.problems) == (4, [])


async def test_an_auditor_is_given_the_labels(
    database: Database, ledger: Ledger, auditing: Scope
) -> None:
    await ledger.record(record())
    await ledger.record(LISTING)
    for entry in (await page(database, auditing, first=9)).entries:
        assert entry.details is not None
        assert entry.details["scope"] == LABELS


async def test_a_record_that_lists_its_labels_itself_still_verifies(
    ledger: Ledger, owner: Owner, database_url: str, tmp_path: Path
) -> None:
    await ledger.record(LISTING)
    assert (opened(owner), stored(owner)) == ([LABELS], [])
    assert (await verify(database_url)).problems == []
    [entry] = await exported(database_url, tmp_path / "b")
    assert "scopes" not in entry


async def test_an_export_brings_each_scope_with_the_first_record_that_names_it(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    for scope in (SCOPE, SCOPE, written(S)):
        await ledger.record(record(scope))
    first, second, third = await exported(database_url, tmp_path / "b")
    assert "scopes" not in second
    for entry in (first, third):
        [(digest, value)] = entry["scopes"].items()
        assert json.loads(entry["openings"]["scope"]["value"])["sha256"] == digest
        assert hashlib.sha256(value.encode()).hexdigest() == digest


async def test_an_auditor_is_given_the_digest_of_labels_that_are_gone(
    database: Database, ledger: Ledger, auditing: Scope, owner: Owner
) -> None:
    await ledger.record(record())
    tampering(owner)
    owner.execute("DELETE FROM ledger_scopes")
    [entry] = (await page(database, auditing, first=9)).entries
    assert entry.details is not None
    assert entry.details["scope"] == NAMED


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE ledger_scopes SET value = '[]'", "was changed"),
        ("UPDATE ledger_scopes SET value = 'no json'", "was changed"),
        ("UPDATE ledger_scopes SET value = '[]', sha256 = sha256('[]')", "is not stored"),
        ("UPDATE ledger_scopes SET label_id = %(other)s", "is not stored"),
        ("DELETE FROM ledger_scopes", "is not stored"),
    ],
)
async def test_a_scope_that_is_missing_or_changed_is_found_and_named(
    ledger: Ledger, owner: Owner, database_url: str, change: str, problem: str
) -> None:
    await ledger.record(record(written(U), S))
    await ledger.record(record())
    values = {"u": await ledger.label_id(U), "other": await ledger.label_id(replace(U, tenant="x"))}
    await seal(database_url)
    tampering(owner)
    owner.execute(f"{change} WHERE label_id = %(u)s".encode(), values)
    assert (await verify(database_url)).problems == [
        f"entry 1: its scope {SCOPE.sha256.hex()} {problem}"
    ]


async def test_a_record_that_miscounts_its_labels_is_found(
    ledger: Ledger, database_url: str
) -> None:
    await ledger.record(record(replace(SCOPE, labels=3)))
    [problem] = (await verify(database_url)).problems
    assert "another number of labels" in problem


async def test_a_transaction_that_is_undone_leaves_neither(
    database: Database, ledger: Ledger, owner: Owner, database_url: str
) -> None:
    label_id = await ledger.label_id(U)
    with suppress(ZeroDivisionError):
        async with database.transaction(Role.LEDGER) as connection:
            await append(connection, record(), label_id)
            raise ZeroDivisionError
    assert (opened(owner), stored(owner)) == ([], [])
    await ledger.record(record())
    assert (opened(owner), stored(owner)) == ([NAMED], [SCOPE.value])
    assert (await verify(database_url)).problems == []


async def test_a_database_put_back_to_before_gets_the_scope_again(
    ledger: Ledger, owner: Owner, database_url: str
) -> None:
    """Under a process that has recorded it: nothing that is remembered stands for what is stored."""
    await ledger.record(record())
    owner.execute("SET session_replication_role = replica")
    owner.execute(
        "TRUNCATE ledger_entries, ledger_openings, ledger_acts, ledger_timeline, ledger_touched,"
        " ledger_unsealed, ledger_scopes"
    )
    await ledger.record(record())
    assert stored(owner) == [SCOPE.value]
    assert (await verify(database_url)).problems == []


async def test_where_no_scope_can_be_stored_nothing_is_recorded(
    ledger: Ledger, owner: Owner
) -> None:
    await ledger.record(record(written(U)))
    owner.execute("REVOKE INSERT ON ledger_scopes FROM copilot_ledger")
    with pytest.raises(Unavailable, match="nothing was released") as raised:
        await ledger.record(record())
    assert raised.value.dependency == "ledger"
    await ledger.record(record(written(U)))  # which is there
    assert len(opened(owner)) == 2


async def test_where_stored_scopes_do_not_stay_nothing_is_recorded(
    ledger: Ledger, owner: Owner
) -> None:
    owner.execute("CREATE RULE lost AS ON INSERT TO ledger_scopes DO INSTEAD NOTHING")
    with pytest.raises(Unavailable, match="keeps no scopes"):
        await ledger.record(record())
    assert opened(owner) == []


async def test_many_processes_record_a_new_scope_at_once(
    database_url: str, ledger: Ledger, owner: Owner
) -> None:
    processes = [Database(database_url, timeout_s=5, pool_size=4) for _ in range(4)]
    await ledger.label_id(U)
    for one in processes:
        await one.open()
    async with anyio.create_task_group() as tasks:
        for one in processes * 4:
            tasks.start_soon(Ledger(one).record, record())
    for one in processes:
        await one.close()
    assert stored(owner) == [SCOPE.value]
    result = await verify(database_url)
    assert (result.entries, result.problems) == (16, [])


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_whoever_stores_the_same_scope_waits_for_the_other_and_then_goes_on(
    database_url: str, ledger: Ledger, owner: Owner, end: str
) -> None:
    label_id = await ledger.label_id(U)
    with serving(database_url, Role.LEDGER, [], "t1") as other:
        other.execute(
            "INSERT INTO ledger_scopes VALUES (%s, %s, %s)", [label_id, SCOPE.sha256, SCOPE.value]
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ledger.record, record())
            await anyio.sleep(0.2)
            assert opened(owner) == []
            getattr(other, end)()
    assert (opened(owner), stored(owner)) == ([NAMED], [SCOPE.value])
    assert (await verify(database_url)).problems == []


async def test_an_auditor_reads_the_scopes_of_records_they_may_read_and_no_others(
    database_url: str, ledger: Ledger
) -> None:
    await ledger.record(record(written(U), U))
    await ledger.record(record(SCOPE, S))
    low, high = [await ledger.label_id(label) for label in (U, S)]
    for labels, expected in (([low], {written(U).value}), ([high], {SCOPE.value}), ([], set())):
        with serving(database_url, Role.AUDITOR, labels) as connection:
            rows = connection.execute("SELECT value FROM ledger_scopes").fetchall()
        assert {row["value"] for row in rows} == expected


async def test_the_same_scope_under_two_labels_is_stored_for_each(
    ledger: Ledger, owner: Owner
) -> None:
    """So that nobody learns from their own records that it stands in others."""
    for label in (U, S, U):
        await ledger.record(record(label=label))
    assert stored(owner) == [SCOPE.value, SCOPE.value]


async def test_nobody_puts_other_labels_under_a_digest(ledger: Ledger, database_url: str) -> None:
    label_id = await ledger.label_id(U)
    with (
        serving(database_url, Role.LEDGER, [], "t1") as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute(
            "INSERT INTO ledger_scopes VALUES (%s, %s, '[]')", [label_id, SCOPE.sha256]
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_scopes SET value = value",
        "DELETE FROM ledger_scopes",
        "TRUNCATE ledger_scopes",
    ],
)
async def test_the_owner_too_is_kept_from_changing_scopes_by_mistake(
    ledger: Ledger, owner: Owner, statement: str
) -> None:
    await ledger.record(record())
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        owner.execute(statement.encode())
