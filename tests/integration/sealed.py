"""The ledger of a test, sealed: as its sealer, its auditor and its operator see it; and what is erased of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from copilot.ledger.bundled import export
from copilot.ledger.held import Held
from copilot.ledger.log import Ledger, Record
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.records import Kind
from copilot.ledger.seal import Sealer
from copilot.ledger.stored import stored_log
from retrieval.stores.postgres.database import Database
from tests.integration.dated import execute

SIGNER = Signer(name="example.com/ledger", seed=b"s" * 32)


async def seal(url: str, signer: Signer = SIGNER) -> int:
    """Gives how many records were sealed."""
    database = Database(url, timeout_s=5)
    await database.open()
    try:
        return await Sealer(database, [signer]).seal()
    finally:
        await database.close()


async def head(url: str) -> Checkpoint:
    """What the newest checkpoint says."""
    return (await kept(url)).said


async def kept(url: str) -> Held:
    """The newest checkpoint, as somebody would keep it outside."""
    async with stored_log(url) as log:
        newest = await log.newest()
    assert newest is not None
    return Held.parse(newest.note, "kept")


async def exported(url: str, folder: Path) -> list[dict[str, Any]]:
    """The records of a bundle of everything, once it is sealed."""
    await seal(url)
    async with stored_log(url) as log:
        await export(log, folder, by="the test", signers=[SIGNER])
    lines = (folder / "records.ndjson").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


async def erase(ledger: Ledger, url: str, like: Record, which: str) -> int:
    """Takes these openings away, and records it as `like` is; gives how many went."""
    gone = execute(url, f"DELETE FROM ledger_openings WHERE {which} RETURNING ledger_id, name")
    erased = [{"ledger_id": one["ledger_id"], "names": [one["name"]], "answers": 0} for one in gone]
    erasure = {"id": "d", "labels": [], "parts": [], "erasure_id": "0" * 32}
    said = {"erasure": erasure, "erased": erased}
    record = replace(like, kind=Kind.ERASURE, outcome="Erased", details=said, signers=[SIGNER])
    await ledger.record(record)
    return len(gone)


def at(index: int) -> str:
    """SQL for the id of the entry in this place."""
    return f"(SELECT ledger_id FROM ledger_leaves WHERE leaf_index = {index})"


def forget(url: str) -> None:
    """Takes the whole log out, as its owner could."""
    execute(
        url,
        """SET session_replication_role = replica;
           TRUNCATE ledger_entries, ledger_openings, ledger_acts, ledger_timeline, ledger_touched, answers,
               ledger_leaves, ledger_subtrees, ledger_checkpoints, ledger_published""",
    )


def published(url: str) -> None:
    """Notes that all that is sealed lies outside."""
    execute(
        url,
        "INSERT INTO ledger_published SELECT 'elsewhere', max(size), now(), '{}' FROM ledger_checkpoints",
    )
