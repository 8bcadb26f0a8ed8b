"""Auditors take proofs to verifiers of their own: of entries that they may see, and of no others."""

import psycopg
import pytest

from copilot.ledger.log import Ledger
from copilot.ledger.proofs.checkpoint import open_checkpoint
from copilot.ledger.proofs.merkle import verify_inclusion
from copilot.ledger.prove import LedgerProof, Prover
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from policy.labels import Classification
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from tests.integration.sealed import SIGNER, seal
from tests.integration.test_ledger import asker, record

pytestmark = pytest.mark.anyio

KEY = SIGNER.verifier_key


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


async def scope(database: Database) -> Scope:
    engine = EmbeddedEngine()
    found = await Scoper(engine, PostgresLabels(database)).scope(asker("auditor"))
    await engine.close()
    return found


def holds(proof: LedgerProof) -> bool:
    head = open_checkpoint(proof.checkpoint.encode(), origin=KEY.name, keys=[KEY]).checkpoint
    assert (head.size, head.root.hex()) == (proof.tree_size, proof.root_hash)
    return verify_inclusion(
        leaf_index=proof.leaf_index,
        tree_size=head.size,
        leaf_hash=bytes.fromhex(proof.leaf_hash),
        inclusion_path=[bytes.fromhex(one) for one in proof.inclusion_path],
        root_hash=head.root,
    )


async def test_each_entry_that_an_auditor_sees_is_proved_among_those_that_they_do_not(
    database: Database, ledger: Ledger
) -> None:
    high = asker("zoe", Classification.TS)
    low = [await ledger.record(record()) for _ in range(4)]
    hidden = [await ledger.record(record(high)) for _ in range(5)]
    await seal(database.url)
    low += [await ledger.record(record()) for _ in range(2)]
    await seal(database.url)
    prover, visible = Prover(database), await scope(database)
    for index, ledger_id in zip((0, 1, 2, 3, 9, 10), low, strict=True):
        proof = await prover.proof(visible, ledger_id)
        assert proof is not None
        assert (proof.ledger_id, proof.leaf_index, proof.tree_size) == (ledger_id, index, 11)
        assert holds(proof)
    for ledger_id in (*hidden, "no-such-entry"):
        assert await prover.proof(visible, ledger_id) is None


async def test_an_entry_that_is_not_sealed_yet_has_no_proof(
    database: Database, ledger: Ledger
) -> None:
    ledger_id = await ledger.record(record())
    prover, visible = Prover(database), await scope(database)
    assert await prover.proof(visible, ledger_id) is None
    await seal(database.url)
    assert await prover.proof(visible, ledger_id) is not None


async def test_a_log_that_lost_a_subtree_says_that_it_can_prove_nothing(
    database: Database, ledger: Ledger
) -> None:
    ids = [await ledger.record(record()) for _ in range(4)]
    await seal(database.url)
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM ledger_subtrees WHERE (level, index) = (1, 1)")
    with pytest.raises(Unavailable, match="can prove nothing"):
        await Prover(database).proof(await scope(database), ids[0])


async def test_checkpoints_come_page_by_page_the_newest_first(
    database: Database, ledger: Ledger
) -> None:
    prover = Prover(database)
    assert (await prover.checkpoints(first=2)).heads == ()
    for _ in range(5):
        await ledger.record(record())
        await seal(database.url)
    sizes, before = [], None
    while True:
        page = await prover.checkpoints(first=2, before=before)
        sizes += [one.size for one in page.heads]
        for one in page.heads:
            open_checkpoint(one.checkpoint.encode(), origin=KEY.name, keys=[KEY])
        before = page.next_size
        if before is None:
            break
    assert sizes == [5, 4, 3, 2, 1]
