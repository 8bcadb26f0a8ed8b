"""A bundle of a log whose key changed holds for who has either key, and each key for its own sizes alone."""

from pathlib import Path
from random import Random

import pytest

from copilot.ledger.proofs.bundle import (
    ROTATIONS,
    STATEMENT,
)
from copilot.ledger.proofs.keys import Signer
from tests.unit.proofs.bundles import (
    KEY,
    NEXT,
    OTHER,
    THIRD,
    export,
    random_log,
    restate,
    rotation,
    verify,
)

LOG = random_log(Random(5), 24)
SIZE = len(LOG.records)


def rotated(tmp_path: Path, *, signers: list[Signer], at: int = 10) -> Path:
    """A log whose key changed: its early checkpoints are by the first key, its last one by these."""
    return export(
        LOG,
        tmp_path / "rotated",
        notes=[LOG.checkpoint(5, KEY), LOG.checkpoint(at, KEY, NEXT), LOG.checkpoint(12, NEXT)],
        rotations=[rotation(KEY, NEXT, at)],
        signers=signers,
        keys=[KEY, NEXT],
    )


@pytest.mark.parametrize("held", [KEY, NEXT], ids=["old", "new"])
@pytest.mark.parametrize("signers", [[NEXT], [KEY, NEXT]], ids=["new", "both"])
def test_who_holds_either_key_verifies_the_whole_log(
    held: Signer, signers: list[Signer], tmp_path: Path
) -> None:
    shown = rotated(tmp_path, signers=signers)
    if signers == [KEY, NEXT]:
        restate(shown, NEXT)
    report = verify(shown, LOG.checkpoint(5, KEY), LOG.checkpoint(15, NEXT), key=held)
    assert report.problems == []
    assert [(one.key, one.first) for one in report.keys] == [
        (KEY.verifier_key, 0),
        (NEXT.verifier_key, 10),
    ]


def test_the_old_key_alone_signs_nothing_beyond_its_end(tmp_path: Path) -> None:
    problems = verify(rotated(tmp_path, signers=[KEY])).problems
    label = KEY.verifier_key.label
    assert problems[0] == (
        f"checkpoint: at the size {SIZE} the log has other keys than {label}, which signed"
    )


def test_a_held_checkpoint_beyond_the_end_of_its_key_is_not_believed(tmp_path: Path) -> None:
    shown = rotated(tmp_path, signers=[NEXT])
    [problem] = verify(shown, LOG.checkpoint(11, KEY)).problems
    assert problem.startswith("held checkpoint 1: at the size 11 the log has other keys")
    [problem] = verify(shown, LOG.checkpoint(9, NEXT)).problems
    assert problem.startswith("held checkpoint 1: at the size 9 the log has other keys")


def test_the_old_key_alone_signs_no_statement_beyond_its_end(tmp_path: Path) -> None:
    shown = rotated(tmp_path, signers=[NEXT])
    restate(shown, KEY)
    [problem] = verify(shown).problems
    assert problem.startswith(f"{STATEMENT}: the envelope bears no signature by a known key")


def test_without_the_rotation_the_new_key_is_a_stranger(tmp_path: Path) -> None:
    shown = rotated(tmp_path, signers=[NEXT])
    (shown / ROTATIONS).write_bytes(b"")
    assert any(one.startswith("checkpoint: ") for one in verify(shown).problems)


def test_a_fork_of_keys_makes_neither_believed(tmp_path: Path) -> None:
    shown = rotated(tmp_path, signers=[NEXT])
    lines = (shown / ROTATIONS).read_bytes() + rotation(KEY, THIRD, 12) + b"\n"
    (shown / ROTATIONS).write_bytes(lines)
    problems = verify(shown).problems
    assert problems[0] == f"{ROTATIONS}: two rotations lead from one key, or to one key"


def test_a_rotation_of_another_log_is_a_problem(tmp_path: Path) -> None:
    shown = export(
        LOG,
        tmp_path / "bundle",
        rotations=[rotation(KEY, NEXT, SIZE, OTHER)],
        keys=[KEY, NEXT],
    )
    assert verify(shown).problems == [f"{ROTATIONS}: it is of another log"]
