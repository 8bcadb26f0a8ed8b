"""The sealer: every committed record gets one place, in a tree that only grows and whose every head is signed."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio
import psycopg
import pytest
from psycopg.rows import dict_row

from copilot.ledger.bundled import export
from copilot.ledger.log import Ledger, append
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.merkle import (
    plan_consistency,
    plan_inclusion,
    verify_consistency,
    verify_inclusion,
)
from copilot.ledger.proofs.rotation import Rotation
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.records import Kind
from copilot.ledger.seal import Sealer
from copilot.ledger.stored import stored_log
from copilot.ledger.verify import verify
from copilot.readiness import OK
from policy.errors import Misconfigured, Unavailable
from policy.labels import Classification, Label
from retrieval.stores.postgres.database import Database, Role, serving_conninfo
from tests.integration.sealed import SIGNER, exported, forget, head, seal
from tests.integration.test_ledger import record
from tests.integration.test_row_level_security import serving

pytestmark = pytest.mark.anyio

OTHER = Signer(name=SIGNER.name, seed=b"o" * 32)
Rows = list[dict[str, Any]]


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def rows(url: str, query: str) -> Rows:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


async def write(ledger: Ledger, count: int) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(ledger.record, record())


async def test_sealers_that_seal_at_once_give_each_record_one_place(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    done = anyio.Event()

    async def sealing(sealer: Sealer) -> None:
        while not done.is_set():
            await sealer.seal()

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(sealing, Sealer(database, [SIGNER], most=7))
        for _ in range(10):
            await write(ledger, 16)
        done.set()
    await seal(database_url)
    result = await verify(database_url)
    assert (result.entries, result.sealed, result.problems) == (160, 160, [])
    assert result.checkpoints > 5
    assert rows(database_url, "SELECT FROM ledger_unsealed") == []


async def test_every_head_continues_every_earlier_one_and_every_record_is_in_each_later(
    ledger: Ledger, database_url: str
) -> None:
    for count in (1, 2, 1, 5, 3):
        await write(ledger, count)
        await seal(database_url)
    async with stored_log(database_url) as log:
        heads = await log.checkpoints(0, 12)
        assert [one.size for one in heads] == [1, 3, 4, 9, 12]
        leaves = [entry.row["hash"] async for batch in log.batches("leaves") for entry in batch]
        for second in heads:
            for first in (one for one in heads if one.size <= second.size):
                plan = plan_consistency(first.size, second.size)
                path = plan.proof(await log.subtrees(plan.subtrees))
                assert verify_consistency(
                    first=first.size,
                    second=second.size,
                    first_hash=first.root,
                    second_hash=second.root,
                    consistency_path=path,
                )
            for index in range(second.size):
                plan = plan_inclusion(index, second.size)
                path = plan.proof(await log.subtrees(plan.subtrees))
                assert verify_inclusion(
                    leaf_index=index,
                    tree_size=second.size,
                    leaf_hash=leaves[index],
                    inclusion_path=path,
                    root_hash=second.root,
                )


async def test_a_transaction_left_open_keeps_nothing_of_others_from_being_sealed(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    label_id = await ledger.label_id(record().label)
    async with database.transaction(Role.LEDGER) as connection:
        await append(connection, record(), label_id)
        await write(ledger, 3)
        assert await seal(database_url) == 3
    assert await seal(database_url) == 1
    assert (await verify(database_url)).problems == []


async def test_one_that_leads_and_hangs_loses_the_lead(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    """As a process that was stopped in the middle of sealing: it holds the lock, and does nothing."""
    conninfo = serving_conninfo(database_url, Role.SEALER, timeout_s=1)
    hanging = await psycopg.AsyncConnection.connect(conninfo)
    try:
        await hanging.execute("SELECT pg_try_advisory_xact_lock(7210016)")
        await write(ledger, 3)
        sealer = Sealer(database, [SIGNER])
        assert await sealer.seal() == 0
        for _ in range(200):
            if await sealer.seal():
                break
            await anyio.sleep(0.1)
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            await hanging.execute("SELECT 1")
    finally:
        await hanging.close()
    assert (await verify(database_url)).sealed == 3


async def test_what_is_undone_gets_no_place(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    label_id = await ledger.label_id(record().label)
    with suppress(ZeroDivisionError):
        async with database.transaction(Role.LEDGER) as connection:
            await append(connection, record(), label_id)
            raise ZeroDivisionError
    await write(ledger, 2)
    assert await seal(database_url) == 2


async def test_a_sealer_of_another_key_seals_nothing_and_says_which_is_missing(
    ledger: Ledger, database_url: str
) -> None:
    await write(ledger, 2)
    await seal(database_url)
    await write(ledger, 2)
    with pytest.raises(Misconfigured, match=r"the log is signed by example.com/ledger\+"):
        await seal(database_url, OTHER)
    assert len(rows(database_url, "SELECT FROM ledger_unsealed")) == 2


async def test_a_key_is_changed_by_signing_with_both_for_a_while(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    for keys in ([SIGNER], [SIGNER, OTHER], [OTHER]):
        await write(ledger, 2)
        assert await Sealer(database, keys).seal() == 2
    for held in (SIGNER.verifier_key, OTHER.verifier_key, None):
        result = await verify(database_url, trusted=held)
        assert (result.checkpoints, result.problems) == (3, [])
    found = rows(database_url, "SELECT from_size FROM ledger_keys ORDER BY 1")
    assert [one["from_size"] for one in found] == [0, 2]
    [stated] = rows(database_url, "SELECT envelope FROM ledger_rotations")
    rotation = Rotation.open(stated["envelope"])
    assert (rotation.old, rotation.new) == (SIGNER.verifier_key, OTHER.verifier_key)
    assert rotation.size == 2


async def test_a_log_written_anew_is_found_by_a_key_from_outside_whichever_keys_it_lists(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    """Whoever owns the database lists a key of their own, and lacks the log's."""
    await write(ledger, 2)
    await seal(database_url)
    forget(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("INSERT INTO ledger_keys VALUES (%s, 0)", [str(OTHER.verifier_key)])
        await write(ledger, 2)
        await seal(database_url, OTHER)
        found = (await verify(database_url, trusted=SIGNER.verifier_key)).problems
        assert found == [
            f"{OTHER.verifier_key.label} is among the log's keys, and nothing vouches for it",
            "the checkpoint of 2 entries: the note bears no signature by a known key",
        ]
        owner.execute("DELETE FROM ledger_keys WHERE verifier_key <> %s", [str(OTHER.verifier_key)])
    assert (await verify(database_url)).problems == []  # what no key from elsewhere can show
    assert (await verify(database_url, trusted=SIGNER.verifier_key)).problems


async def test_who_holds_a_replaced_key_alone_seals_nothing_any_more(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    """What it signed nobody would believe; it need not have been started anew since."""
    old, both = Sealer(database, [SIGNER]), Sealer(database, [SIGNER, OTHER])
    for sealer in (old, both):
        await write(ledger, 1)
        assert await sealer.seal() == 1
    await write(ledger, 1)
    with pytest.raises(Misconfigured, match="set COPILOT_LEDGER_KEY to the log's key"):
        await old.seal()
    assert await both.seal() == 1


async def test_keys_that_were_not_committed_are_named_again(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    sealer = Sealer(database, [SIGNER])
    await write(ledger, 1)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON ledger_checkpoints FROM copilot_sealer")
        with pytest.raises(Unavailable):
            await sealer.seal()
        owner.execute("GRANT INSERT ON ledger_checkpoints TO copilot_sealer")
    assert await sealer.seal() == 1
    assert len(rows(database_url, "SELECT FROM ledger_keys")) == 1


async def test_a_log_put_back_to_before_is_not_sealed_by_who_saw_more(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    sealer = Sealer(database, [SIGNER])
    await write(ledger, 3)
    await sealer.seal()
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(
            "TRUNCATE ledger_leaves, ledger_subtrees, ledger_checkpoints, ledger_published"
        )
    await write(ledger, 1)
    with pytest.raises(Unavailable, match="ends at 0, and this process has sealed 3"):
        await sealer.seal()


async def test_a_tree_that_lacks_a_subtree_is_not_built_upon(
    ledger: Ledger, database_url: str
) -> None:
    await write(ledger, 2)
    await seal(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM ledger_subtrees")
    await write(ledger, 1)
    with pytest.raises(Unavailable, match="lacks a subtree"):
        await seal(database_url)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE ledger_leaves SET hash = sha256('x')", id="a record"),
        pytest.param(
            "UPDATE ledger_checkpoints SET root = sha256('x'), note = note || 'x'", id="its head"
        ),
    ],
)
async def test_a_log_that_was_written_anew_is_not_signed_by_who_comes_next(
    database: Database, ledger: Ledger, database_url: str, change: str
) -> None:
    """Nor by who leads again, after another has: whoever owns the database has no key."""
    sealer = Sealer(database, [SIGNER])
    await write(ledger, 1)
    await seal(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(change.encode())
    assert await sealer.seal() == 0
    await write(ledger, 1)
    with pytest.raises(Unavailable, match="not what its head was signed for, and nothing more"):
        await sealer.seal()
    assert rows(database_url, "SELECT max(size) AS size FROM ledger_checkpoints") == [{"size": 1}]


async def test_what_waits_for_long_shows_in_readiness(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    sealer = Sealer(database, [SIGNER])
    await write(ledger, 2)
    assert await sealer.state() == OK
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE ledger_unsealed SET noted_at = noted_at - interval '1 minute'")
    assert (await sealer.state()).startswith("degraded: 2 records are not sealed, the oldest for 6")
    await sealer.seal()
    assert await sealer.state() == OK


async def test_a_watching_sealer_tells_how_long_records_wait_and_goes_on_after_a_failure(
    database: Database, ledger: Ledger, database_url: str
) -> None:
    sealer = Sealer(database, [SIGNER])
    told: list[float] = []
    sealer.watch(told.append)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON ledger_leaves FROM copilot_sealer")
        await write(ledger, 2)
        with anyio.fail_after(20):
            while not told or told[-1] < 0.5:  # noqa: ASYNC110
                await anyio.sleep(0.05)
        assert len(rows(database_url, "SELECT FROM ledger_unsealed")) == 2
        owner.execute("GRANT INSERT ON ledger_leaves TO copilot_sealer")
    with anyio.fail_after(20):
        while rows(database_url, "SELECT FROM ledger_unsealed"):  # noqa: ASYNC110
            await anyio.sleep(0.05)
        while told[-1] > 0:  # noqa: ASYNC110
            await anyio.sleep(0.05)
    await sealer.close()
    assert (await head(database_url)).size == 2


async def test_the_sealer_reads_hashes_and_no_record(ledger: Ledger, database_url: str) -> None:
    await write(ledger, 1)
    for table in ("ledger_entries", "ledger_openings", "ledger_acts", "answers", "documents"):
        with (
            serving(database_url, Role.SEALER, []) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"SELECT * FROM {table}")


async def test_an_auditor_sees_the_places_of_records_they_may_read_and_no_others(
    ledger: Ledger, database_url: str
) -> None:
    low = record()
    await ledger.record(low)
    await ledger.record(replace(low, label=Label(tenant="t1", classification=Classification.S)))
    await seal(database_url)
    label_id = await ledger.label_id(low.label)
    with serving(database_url, Role.AUDITOR, [label_id]) as connection:
        found = connection.execute("SELECT leaf_index FROM ledger_leaves").fetchall()
    assert [one["leaf_index"] for one in found] == [0]


async def test_a_bundle_of_the_log_holds_for_a_stranger(
    ledger: Ledger, database_url: str, tmp_path: Any
) -> None:
    await write(ledger, 3)
    await seal(database_url)
    async with stored_log(database_url) as log:
        newest = await log.newest()
    assert newest is not None
    await write(ledger, 4)
    found = await exported(database_url, tmp_path / "bundle")
    assert [one["index"] for one in found] == [*range(7)]
    report = verify_bundle(tmp_path / "bundle", SIGNER.verifier_key, [newest.note])
    assert (report.problems, report.records, report.held) == ([], 7, 1)
    other = verify_bundle(tmp_path / "bundle", OTHER.verifier_key)
    assert other.problems


async def test_a_log_without_an_entry_is_not_exported(
    ledger: Ledger, database_url: str, tmp_path: Any
) -> None:
    await write(ledger, 2)
    await seal(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM ledger_entries")
    async with stored_log(database_url) as log:
        with pytest.raises(Unavailable, match="entry 0 is gone: see `copilot ledger verify`"):
            await export(log, tmp_path / "bundle", by="the test", signers=[SIGNER])
    assert list(tmp_path.iterdir()) == []


async def test_an_erasure_is_sealed_before_a_bundle_shows_its_gap(
    ledger: Ledger, database_url: str, tmp_path: Any
) -> None:
    await write(ledger, 2)
    await seal(database_url)
    await ledger.record(record(kind=Kind.ERASURE))
    async with stored_log(database_url) as log:
        with pytest.raises(Unavailable, match="not sealed yet; try again"):
            await export(log, tmp_path / "bundle", by="the test", signers=[SIGNER])
    assert len(await exported(database_url, tmp_path / "bundle")) == 3
