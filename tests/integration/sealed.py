"""The ledger of a test, sealed: as its sealer, its auditor and its operator see it."""

import json
from pathlib import Path
from typing import Any

from copilot.ledger.bundled import export
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.note import Note
from copilot.ledger.seal import Sealer
from copilot.ledger.stored import stored_log
from retrieval.stores.postgres.database import Database

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
    """The newest checkpoint, as somebody would keep it outside."""
    async with stored_log(url) as log:
        newest = await log.newest()
    assert newest is not None
    return Checkpoint.parse(Note.parse(newest.note).text)


async def exported(url: str, folder: Path) -> list[dict[str, Any]]:
    """The records of a bundle of everything, once it is sealed."""
    await seal(url)
    async with stored_log(url) as log:
        await export(log, folder, by="the test", signers=[SIGNER])
    lines = (folder / "records.ndjson").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def at(index: int) -> str:
    """SQL for the id of the entry in this place."""
    return f"(SELECT ledger_id FROM ledger_leaves WHERE leaf_index = {index})"
