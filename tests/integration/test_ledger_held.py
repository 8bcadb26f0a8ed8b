"""Checkpoints that were kept while the log's key was changed, held against the log by its operator's command."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from copilot.commands import ledger
from copilot.ledger.log import Ledger
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.settings import Settings
from retrieval.stores.postgres.database import Database
from tests.integration.test_ledger import record
from tests.unit.commands.product import typed

pytestmark = pytest.mark.anyio

OLD, NEW = (Signer(name="example.com/log", seed=one * 32) for one in (b"o", b"n"))
KEYS = {"before": [OLD], "between": [OLD, NEW], "after": [NEW]}


@pytest.fixture
async def kept(
    settings: Settings, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Mapping[str, Path]:
    """By when the log's checkpoint was printed."""
    files = {name: tmp_path / name for name in KEYS}
    for name, file in files.items():
        await Ledger(database).record(record())
        held = replace(settings, ledger_key=" ".join(one.secret() for one in KEYS[name]))
        assert await ledger.checkpoint(held, typed("ledger", "checkpoint")) == 0
        file.write_text(capsys.readouterr().out, "utf-8")
    return files


async def verified(settings: Settings, key: Signer, *files: Path) -> int:
    held = [one for file in files for one in ("--checkpoint", file)]
    now = replace(settings, ledger_key=NEW.secret())
    return await ledger.verify(now, typed("ledger", "verify", "--key", key.verifier_key, *held))


@pytest.mark.parametrize("key", [OLD, NEW], ids=["old", "new"])
async def test_a_checkpoint_of_before_or_after_a_change_of_the_key_is_met_with_either_key(
    settings: Settings,
    kept: Mapping[str, Path],
    capsys: pytest.CaptureFixture[str],
    key: Signer,
) -> None:
    assert await verified(settings, key, *kept.values()) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("key", [OLD, NEW], ids=["old", "new"])
async def test_a_checkpoint_that_was_changed_is_named(
    settings: Settings,
    kept: Mapping[str, Path],
    capsys: pytest.CaptureFixture[str],
    key: Signer,
) -> None:
    file = kept["before"]
    origin, _, rest = file.read_text("utf-8").split("\n", 2)
    file.write_text(f"{origin}\n1000\n{rest}", "utf-8")
    assert await verified(settings, key, *kept.values()) == 1
    problem, summary = capsys.readouterr().err.splitlines()
    assert problem.startswith(f"{file}: signature line 1 is not a signature by {origin}+")
    assert summary.startswith("ledger NOT verified: 1 problems")


async def test_an_export_is_made_for_who_kept_a_checkpoint_of_before_the_change(
    settings: Settings, kept: Mapping[str, Path], tmp_path: Path
) -> None:
    now = replace(settings, ledger_key=NEW.secret())
    before = ("--checkpoint", kept["before"])
    assert await ledger.export(now, typed("ledger", "export", tmp_path / "all", *before)) == 0
    report = verify_bundle(tmp_path / "all", NEW.verifier_key, [kept["before"].read_bytes()])
    assert (report.problems, report.held) == ([], 1)
