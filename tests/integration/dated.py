"""Records of other times than now, and what the owner of the ledger sees and does."""

from datetime import UTC, datetime
from typing import Any

import pytest

from copilot.ledger import entry as entries
from tests.servers.postgres import owned


def clocked(monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime]:
    """What the records take for now, under `now`."""
    times = {"now": datetime.now(UTC)}

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Clock":
            return cls.fromtimestamp(times["now"].timestamp(), tz)

    monkeypatch.setattr(entries, "datetime", Clock)
    return times


def execute(url: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    with owned(url) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []
