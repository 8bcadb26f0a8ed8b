"""Verifying, checkpoints and exports of the ledger."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copilot.commands import ledger
from copilot.ledger.verify import Checkpoint, Verification
from copilot.settings import Settings
from policy.errors import BadInput
from tests.unit.commands.product import typed

pytestmark = pytest.mark.anyio


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[Verification]:
    """What verification finds: the last of the list."""
    found = [Verification(entries=3, erased=1, head="ab" * 32)]
    held: list[Checkpoint | None] = []

    async def ready_url(settings: Settings) -> str:
        return "postgres://db"

    async def verify(url: str, checkpoint: Checkpoint | None = None) -> Verification:
        held.append(checkpoint)
        assert url == "postgres://db"
        if checkpoint and checkpoint.position > found[-1].entries:
            return replace(found[-1], problems=["the log ends before the checkpoint"])
        return found[-1]

    async def checkpoint(url: str) -> Checkpoint:
        return Checkpoint(position=3, chain_hash="ab" * 32)

    async def export(url: str) -> AsyncIterator[dict[str, Any]]:
        for position in (1, 2):
            yield {"position": position, "reason": "für Ærø"}

    monkeypatch.setattr(ledger, "ready_url", ready_url)
    for function in (verify, checkpoint, export):
        monkeypatch.setattr(f"copilot.ledger.verify.{function.__name__}", function)
    return found


async def test_a_ledger_that_holds_is_said_in_one_line_with_its_erasures(
    verified: list[Verification], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ledger.verify(settings, typed("ledger", "verify")) == 0
    expected = f"ledger verified: 3 entries, 1 openings erased, head {'ab' * 8}…\n"
    assert capsys.readouterr() == (expected, "")


async def test_a_ledger_that_does_not_hold_ends_with_1_and_at_most_twenty_problems(
    verified: list[Verification], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    verified.append(Verification(entries=30, problems=[f"entry {n} is wrong" for n in range(30)]))
    assert await ledger.verify(settings, typed("ledger", "verify")) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("is wrong\n") == 21
    assert "ledger NOT verified: 30 problems" in printed.err


@pytest.mark.parametrize("problems", [[], ["entry 1 is out of order"]])
async def test_verification_as_json_is_one_document(
    verified: list[Verification],
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    problems: list[str],
) -> None:
    verified.append(Verification(entries=3, head="ab", problems=problems))
    code = await ledger.verify(settings, typed("ledger", "verify", "--json"))
    assert code == len(problems)
    assert json.loads(capsys.readouterr().out) == {
        "verified": not problems,
        "entries": 3,
        "erased": 0,
        "head": "ab",
        "problems": problems,
    }


async def test_a_checkpoint_that_was_printed_can_be_held_against_the_ledger(
    verified: list[Verification],
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await ledger.checkpoint(settings, typed("ledger", "checkpoint")) == 0
    path = tmp_path / "checkpoint.json"
    path.write_text(capsys.readouterr().out, "utf-8")
    options = typed("ledger", "verify", "--checkpoint", path)
    assert await ledger.verify(settings, options) == 0
    verified.append(Verification(entries=2))
    assert await ledger.verify(settings, options) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot read the checkpoint"),
        ("{", "a checkpoint is JSON"),
        ('{"position": 3}', "a checkpoint is JSON"),
        ("[]", "a checkpoint is JSON"),
        ('{"position": "three", "chain_hash": ""}', "a checkpoint is JSON"),
    ],
)
async def test_a_checkpoint_that_is_none_is_refused(
    verified: list[Verification], settings: Settings, tmp_path: Path, text: str | None, said: str
) -> None:
    path = tmp_path / "checkpoint.json"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match=said):
        await ledger.verify(settings, typed("ledger", "verify", "--checkpoint", path))


async def test_an_export_is_one_line_of_json_for_each_entry(
    verified: list[Verification], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ledger.export(settings, typed("ledger", "export")) == 0
    printed = capsys.readouterr().out
    assert [json.loads(line)["position"] for line in printed.splitlines()] == [1, 2]
    assert "für Ærø" in printed
