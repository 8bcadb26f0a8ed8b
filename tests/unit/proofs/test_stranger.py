"""A verifier that others wrote agrees: Go's sumdb/note and sumdb/tlog, from the toolchain's own source, offline."""

import os
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from copilot.ledger.proofs.bundle import RECORDS
from tests.unit.proofs.bundles import KEY, STRANGER, Log, copied, export, random_log, restate

PROGRAM = Path(__file__).with_name("stranger.go")
OFFLINE = {"GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def go(*arguments: str, at: Path) -> str:
    run = subprocess.run(
        ["go", *arguments],
        cwd=at,
        env={**os.environ, **OFFLINE},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built with what the Go toolchain itself checks modules with."""
    module = tmp_path_factory.mktemp("stranger")
    version = go("env", "GOVERSION", at=module).removeprefix("go")
    (module / "go.mod").write_text(f"module stranger\n\ngo {version}\n")
    shutil.copy(PROGRAM, module / "main.go")
    sumdb = Path(go("env", "GOROOT", at=module)) / "src/cmd/vendor/golang.org/x/mod/sumdb"
    for package in ("note", "tlog"):
        shutil.copytree(sumdb / package, module / package)
    go("build", "-o", "verify", ".", at=module)
    return module / "verify"


@pytest.fixture(scope="module")
def log() -> Log:
    return random_log(Random(11), 45)


def verify(stranger: Path, folder: Path, key: str = str(KEY.verifier_key)) -> str:
    program = [str(stranger), str(folder), key]
    run = subprocess.run(program, capture_output=True, check=False, text=True, timeout=60)
    assert (run.returncode == 0) is (run.stderr == "")
    return run.stdout.strip() or run.stderr.strip()


def test_a_whole_log_verifies(stranger: Path, log: Log, tmp_path: Path) -> None:
    folder = export(log, tmp_path / "whole", earlier=[1, 7, 8, 32])
    opened = sum(len(one.openings) for one in log.shown(len(log.records)))
    assert verify(stranger, folder) == f"verified {len(log.records)} {opened} 4"


def test_a_selection_verifies(stranger: Path, log: Log, tmp_path: Path) -> None:
    folder = export(log, tmp_path / "some", earlier=[5], selected=[0, 7, 8, len(log.records) - 1])
    opened = sum(len(log.shown(len(log.records))[one].openings) for one in (0, 7, 8, -1))
    assert verify(stranger, folder) == f"verified 4 {opened} 5"


def test_what_is_wrong_is_wrong_for_both(stranger: Path, log: Log, tmp_path: Path) -> None:
    folder = export(log, tmp_path / "whole")
    assert "not verified" in verify(stranger, folder, str(STRANGER.verifier_key))
    changed = copied(folder, tmp_path / "changed")
    lines = (folder / RECORDS).read_bytes()
    (changed / RECORDS).write_bytes(lines.replace(b"Halder", b"Holder", 1))
    assert verify(stranger, changed) == "not verified: records.ndjson"
    restate(changed)
    assert verify(stranger, changed) == "not verified: question"
