"""The page of failures says of Neo4j what was written down for it, and the tests that it names exist."""

import re
from pathlib import Path

from tests.acceptance.failure_table import NEO4J

ROOT = Path(__file__).resolve().parents[2]


def test_it_ends_with_what_is_said_of_neo4j() -> None:
    assert (ROOT / "docs" / "failures.md").read_text("utf-8").endswith(f"\n{NEO4J}")


def test_each_test_that_is_named_there_is_there() -> None:
    named = re.findall(r"`(?:tests/\w+/)?(test_\w+\.py)`", NEO4J)
    there = {file.name for file in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) > 4
    assert there.issuperset(named)
