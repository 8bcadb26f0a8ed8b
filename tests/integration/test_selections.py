"""A bundle of a part of the ledger, for whoever kept a checkpoint of the whole."""

from dataclasses import replace
from pathlib import Path

import pytest

from copilot.ledger import bundled
from copilot.ledger.bundled import export
from copilot.ledger.log import Ledger
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.note import Note
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.records import Kind
from copilot.ledger.stored import stored_log
from policy.errors import BadInput
from retrieval.stores.postgres.database import Database
from tests.integration.sealed import SIGNER, seal
from tests.integration.test_archive import AUGUST, archiver, clock, ledger
from tests.integration.test_ledger import record

__all__ = ["clock", "ledger"]
pytestmark = pytest.mark.anyio


async def test_whoever_holds_a_checkpoint_has_it_checked_with_a_selection_that_was_made_for_it(
    ledger: Ledger, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundled, "_EARLIER", 1)
    url, held = database.url, list[bytes]()
    for _ in range(3):
        async with stored_log(url) as log:
            held.append((await log.checkpoints(0, 2**60))[-1].note)
        await ledger.record(record(kind=Kind.DELETE, outcome="Deleted", details={}))
        await seal(url)
    sizes = [Checkpoint.parse(Note.parse(one).text).size for one in held]
    made = replace(archiver(ledger, url), held=sizes)
    assert await made.archive(AUGUST, tmp_path / "august") == 3
    async with stored_log(url) as log:
        await export(log, tmp_path / "rest", by="the test", signers=[SIGNER], held=sizes)
        await export(log, tmp_path / "without", by="the test", signers=[SIGNER])
        with pytest.raises(BadInput, match=r"no checkpoint of 99, which is held"):
            await export(log, tmp_path / "other", by="the test", signers=[SIGNER], held=[99])
    for name in ("august", "rest"):
        report = verify_bundle(tmp_path / name, SIGNER.verifier_key, held)
        assert (report.problems, report.held) == ([], 3)
    [one, two] = verify_bundle(tmp_path / "without", SIGNER.verifier_key, held).problems
    assert "made with `--checkpoint`" in one
    assert "made with `--checkpoint`" in two
