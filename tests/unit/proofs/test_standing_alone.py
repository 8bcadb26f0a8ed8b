"""Proofs are checked with no database, no network and no event loop."""

import os
import subprocess
import sys

_IMPORT = """
import sys
from copilot.ledger.proofs import checkpoint, dsse, keys, merkle, note, rotation, verify_bundle, write_bundle
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
KEPT_OUT = {
    "anyio",
    "asyncio",
    "httpx",
    "httpx2",
    "psycopg",
    "retrieval",
    "socket",
    "ssl",
    "starlette",
}


def test_nothing_that_reaches_outside_is_imported() -> None:
    # What measures coverage imports more than what it measures.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    python = [sys.executable, "-c", _IMPORT]
    run = subprocess.run(python, env=env, capture_output=True, text=True, check=True, timeout=60)
    imported = set(run.stdout.split())
    assert {"copilot", "policy", "cryptography"} <= imported
    assert not imported & KEPT_OUT
