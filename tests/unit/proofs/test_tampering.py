"""Whoever holds the log's key and one checkpoint detects every change of what that checkpoint covers."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.ledger.proofs.bundle import RECORDS, STATEMENT
from copilot.ledger.proofs.verify_bundle import verify_bundle
from tests.unit.proofs.bundles import KEY, Log, copied, export, problems_of, restate
from tests.unit.proofs.flips import each_bit_flipped, flipped
from tests.unit.proofs.tamperings import LOGS, TAMPERINGS, TIMES, Tampering, case, fork, honest

KEY_HELD = KEY.verifier_key
NOT_THESE = "not the records of the checkpoint"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """For bundles that need not survive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield tmp_path_factory.mktemp("tampered")
    honest.cache_clear()


@pytest.mark.parametrize("number", range(LOGS))
def test_the_untampered_bundle_holds_against_every_checkpoint(number: int, root: Path) -> None:
    log, folder = honest(number, root)
    held = [log.checkpoint(size) for size in range(len(log.records) + 1)]
    report = verify_bundle(folder, KEY_HELD, held)
    assert problems_of(report) == []
    assert report.contents.fitted == len(log.records)
    assert (report.records, report.held) == (len(log.records), len(held))


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.__name__)
def test_every_tampering_is_detected_by_what_gives_it_away(
    tampering: Tampering, root: Path
) -> None:
    undetected = []
    for seed in range(TIMES):
        shown = tampering(case(tampering.__name__, seed, root))
        problems = problems_of(verify_bundle(shown.folder, KEY_HELD, shown.held))
        if not [one for one in problems if re.search(TAMPERINGS[tampering], one)]:
            undetected.append(seed)
        shutil.rmtree(shown.folder)
    assert undetected == []


def test_each_side_of_a_fork_holds_for_the_auditor_who_saw_no_other(root: Path) -> None:
    """So it is the second checkpoint that shows it."""
    for seed in range(10):
        shown = fork(case("lonely", seed, root))
        alone = [verify_bundle(shown.folder, KEY_HELD, [one]).problems for one in shown.held]
        assert [] in alone
        assert alone != [[], []]


def test_what_the_right_key_rewrites_after_the_last_held_checkpoint_is_not_detected(
    root: Path, tmp_path: Path
) -> None:
    """The limit that the decision record states: this is what publishing checkpoints outside shortens."""
    log, _ = honest(0, root)
    forged = Log([*log.records[:5], log.records[6]._replace(leaf_index=5)])
    folder = export(forged, tmp_path / "forged")
    assert verify_bundle(folder, KEY_HELD, [log.checkpoint(6)]).problems
    assert not verify_bundle(folder, KEY_HELD, [log.checkpoint(5)]).problems


def test_a_bit_flipped_in_a_record_is_found_where_it_is_also_by_itself(
    root: Path, tmp_path: Path
) -> None:
    """Signed again, so that nothing but what the record says can show it."""
    log, folder = honest(1, root)
    lines = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    number = max(range(8), key=lambda one: len(lines[one]))
    before, line = b"".join(lines[:number]), lines[number]
    changed = copied(folder, tmp_path / "changed")
    for bit in range(0, 8 * (len(line) - 1), 29):
        (changed / RECORDS).write_bytes(before + flipped(line, bit) + b"".join(lines[number + 1 :]))
        restate(changed)
        problems = verify_bundle(changed, KEY_HELD, [log.checkpoint()]).problems
        assert [one for one in problems if f"line {number + 1}" in one or NOT_THESE in one], bit


def test_no_bit_of_the_statement_is_a_mere_hint(root: Path, tmp_path: Path) -> None:
    log, folder = honest(2, root)
    changed = copied(folder, tmp_path / "changed")
    flips = list(each_bit_flipped((folder / STATEMENT).read_bytes()))
    for _, data in flips[::61]:
        (changed / STATEMENT).write_bytes(data)
        assert verify_bundle(changed, KEY_HELD, [log.checkpoint()]).problems
