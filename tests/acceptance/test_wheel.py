"""The wheel alone, in an empty environment and outside the checkout, answers a question."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sysconfig.get_path("scripts"), "uv")
REPORT = """\
# Port log

The tanker Alder belongs to Marlow Shipping of Valletta.

The crew of the Alder went ashore on 3 May 2024.
"""
PRINCIPALS = {
    "ann": {
        "tenant": "t1",
        "clearance": "S",
        "compartments": [],
        "nationality": "USA",
        "authorities": [],
        "roles": ["analyst", "ingester"],
        "purposes": ["investigation"],
    }
}


@pytest.fixture(scope="module")
def workspace() -> Iterator[Path]:
    """Outside pytest's own folders, which the user whom Postgres runs as may not enter."""
    with tempfile.TemporaryDirectory(prefix="copilot-wheel-") as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def wheel(workspace: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", workspace, cwd=ROOT)
    (built,) = workspace.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def copilot(workspace: Path, wheel: Path) -> Path:
    """The program of the wheel, installed with what the wheel itself says that it needs."""
    python = workspace / "venv" / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", sys.executable, workspace / "venv", cwd=workspace)
    pins = ROOT / "requirements.lock"
    run(UV, "pip", "install", "--quiet", "--python", python, "-c", pins, wheel, cwd=workspace)
    return python.with_name("copilot")


def test_the_wheel_holds_the_packages_and_the_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert top == {"policy", "retrieval", "copilot", "eval"}
    for needed in (
        "policy/rego/policy.wasm",
        "policy/rego/data.json",
        "policy/rego/read.rego",
        "copilot/_data/graphql/schema.graphql",
        "copilot/_data/graphql/operations/Ask.graphql",
        "copilot/_data/prompts/answer.md",
    ):
        assert needed in names
    assert any(name.startswith("copilot/_data/migrations/postgres/") for name in names)
    assert any(name.startswith("retrieval/stores/") and name.endswith(".sql") for name in names)
    assert not [name for name in names if "casefile" in name or name.endswith("_test.rego")]


def test_the_installed_wheel_serves_a_query(workspace: Path, copilot: Path) -> None:
    (workspace / "log.md").write_text(REPORT, encoding="utf-8")
    (workspace / "principals.json").write_text(json.dumps(PRINCIPALS), encoding="utf-8")

    run_json(
        copilot, "ingest", "log.md", "--label", '{"classification": "U"}', "--as", "ann", "--json",
        cwd=workspace,
    )  # fmt: skip
    answer = run_json(
        copilot, "ask", "Who owns the tanker Alder?", "--as", "ann", "--json", cwd=workspace
    )

    assert answer["kind"] == "Answer"
    assert "Marlow Shipping" in answer["text"]
    for sentence in answer["sentences"]:
        assert sentence["citations"]
        for citation in sentence["citations"]:
            assert citation["quote"] in REPORT
            digest = hashlib.sha256(citation["quote"].encode()).hexdigest()
            assert citation["quote_sha256"] == digest
            assert citation["label"]["classification"] == "U"


def test_the_installed_wheel_says_that_nothing_is_found(workspace: Path, copilot: Path) -> None:
    answer = run_json(
        copilot, "ask", "What is the boiling point of gallium?", "--as", "ann", "--json",
        cwd=workspace,
    )  # fmt: skip
    assert answer["kind"] == "NotFound"


def run(*command: str | Path, cwd: Path) -> str:
    """Runs outside the checkout's environment; the data and the principals are the workspace's."""
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("COPILOT_", "COV", "PYTEST"))
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, "COPILOT_DATA_DIR": "data", "COPILOT_PRINCIPALS": "principals.json"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_json(*command: str | Path, cwd: Path) -> Any:
    return json.loads(run(*command, cwd=cwd))
