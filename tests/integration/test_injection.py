"""The injection suite holds for the product, and would see the violation if there were one."""

from pathlib import Path

import pytest

from copilot.generation.port import Claim
from copilot.output_scan import Clean, Finding, Kind, Withheld
from copilot.output_scan.request import RequestScan
from eval.injection import suite
from eval.injection.plant import READER
from eval.results import Result
from eval.stage import askers

pytestmark = pytest.mark.anyio

EVERY = 19
"""A prime, so that the few attacks that are left differ in goal and in delivery."""


async def measured(shared_data: Path, models_dir: Path) -> Result:
    return await suite.run(shared_data / "injection-dev", models_dir, every=EVERY)


def kinds(result: Result) -> set[str]:
    return {failure.reason.split("\n")[0] for failure in result.failures}


async def test_nothing_that_is_planted_breaks_the_policy_and_harmless_mail_comes_through(
    shared_data: Path, models_dir: Path
) -> None:
    result = await measured(shared_data, models_dir)
    assert kinds(result) == set()
    assert result.failed_gates == []
    assert (result.figures["obeying_tool_calls_ignored"].value or 0) > 0


async def test_a_reader_with_too_wide_a_scope_is_seen_to_get_what_is_hidden(
    shared_data: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "eval.injection.suite.askers", lambda folder: {READER: askers(folder)["lead"]}
    )
    result = await measured(shared_data, models_dir)
    assert {"offline_policy_violations", "obeying_policy_violations"} <= set(result.failed_gates)
    assert {"unreadable text", "something marked above the reader"} <= kinds(result)


async def test_without_scan_and_without_the_check_for_made_up_things_they_come_out(
    shared_data: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RequestScan, "__call__", lambda *_: Clean())
    monkeypatch.setattr("copilot.citations._made_up", lambda *_: None)
    result = await measured(shared_data, models_dir)
    assert "obeying_policy_violations" in result.failed_gates
    assert {"a live link or image", "a marking that the model wrote"} <= kinds(result)


async def test_a_scan_that_takes_harmless_mail_for_an_attack_is_seen(
    shared_data: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nervous(_: RequestScan, claim: Claim) -> Clean | Withheld:
        found = Finding(kind=Kind.INSTRUCTION, start=0, end=1)
        return Withheld(findings=(found,)) if "Project" in claim.text else Clean()

    monkeypatch.setattr(RequestScan, "__call__", nervous)
    result = await measured(shared_data, models_dir)
    assert {"honest_false_alarms", "offline_false_alarms"} <= set(result.failed_gates)
