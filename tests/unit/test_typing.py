"""What the types promise: a program that breaks the promise does not pass mypy."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MISUSES = sorted((ROOT / "tests" / "typing").glob("*.py"))
_IGNORED = "  # type: ignore[call-arg]"


@pytest.mark.parametrize("misuse", MISUSES, ids=lambda path: path.stem)
def test_mypy_refuses_a_misuse(misuse: Path, tmp_path: Path) -> None:
    source = misuse.read_text(encoding="utf-8")
    marked = [n for n, line in enumerate(source.splitlines(), 1) if line.endswith(_IGNORED)]
    unmarked = tmp_path / misuse.name
    unmarked.write_text(source.replace(_IGNORED, ""), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--shadow-file", misuse, unmarked, misuse],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    found = rf"{misuse.name}:(\d+): error: Missing named argument"
    refused = [int(line) for line in re.findall(found, done.stdout)]
    assert refused == marked != [], done.stdout + done.stderr


def test_there_are_misuses() -> None:
    assert MISUSES
