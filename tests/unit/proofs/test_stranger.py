"""A verifier that others wrote agrees, of what is right and of what is wrong."""

from pathlib import Path
from random import Random

import pytest

from copilot.ledger.proofs.bundle import RECORDS
from copilot.ledger.proofs.keys import Signer
from tests.unit.proofs.bundles import (
    KEY,
    NEXT,
    STRANGER,
    THIRD,
    Log,
    copied,
    export,
    random_log,
    restate,
    rotation,
)
from tests.unit.proofs.stranger import built, verified


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def log() -> Log:
    return random_log(Random(11), 45)


def verify(stranger: Path, folder: Path, key: Signer = KEY) -> str:
    return verified(stranger, folder, str(key.verifier_key))


def test_a_whole_log_verifies(stranger: Path, log: Log, tmp_path: Path) -> None:
    folder = export(log, tmp_path / "whole", earlier=[1, 7, 8, 32])
    opened = sum(len(one.openings) for one in log.shown(len(log.records)))
    assert verify(stranger, folder) == f"verified {len(log.records)} {opened} 4"


def test_a_selection_verifies(stranger: Path, log: Log, tmp_path: Path) -> None:
    folder = export(log, tmp_path / "some", earlier=[5], selected=[0, 7, 8, len(log.records) - 1])
    opened = sum(len(log.shown(len(log.records))[one].openings) for one in (0, 7, 8, -1))
    assert verify(stranger, folder) == f"verified 4 {opened} 5"


def test_who_holds_one_key_follows_the_log_to_the_others(
    stranger: Path, log: Log, tmp_path: Path
) -> None:
    def turned(first: int) -> Path:
        return export(
            log,
            tmp_path / str(first),
            signers=[THIRD],
            keys=[KEY, NEXT, THIRD],
            rotations=[rotation(NEXT, THIRD, 20), rotation(KEY, NEXT, first)],
            notes=[log.checkpoint(7, KEY), log.checkpoint(12, NEXT), log.checkpoint(32, THIRD)],
        )

    folder = turned(10)
    for held in (KEY, NEXT, THIRD):
        assert verify(stranger, folder, held).startswith("verified 45 ")
    assert verify(stranger, folder, STRANGER) == "not verified: rotations"
    # The first checkpoint is of 7 records, for which the old key might no longer sign.
    assert verify(stranger, turned(5)) == "not verified: a key that may not sign for this size"


def test_what_is_wrong_is_wrong_for_both(stranger: Path, log: Log, tmp_path: Path) -> None:
    folder = export(log, tmp_path / "whole")
    assert "not verified" in verify(stranger, folder, STRANGER)
    changed = copied(folder, tmp_path / "changed")
    lines = (folder / RECORDS).read_bytes()
    (changed / RECORDS).write_bytes(lines.replace(b"Halder", b"Holder", 1))
    assert verify(stranger, changed) == "not verified: records.ndjson"
    restate(changed)
    assert verify(stranger, changed) == "not verified: question"
