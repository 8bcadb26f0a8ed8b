"""A month of the ledger, in UTC: what is archived together."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from policy.errors import BadInput

_WRITTEN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Month:
    """Written as in 2026-03."""

    first: date

    @classmethod
    def parse(cls, text: str) -> "Month":
        """BadInput where it is none."""
        found = _WRITTEN.fullmatch(text)
        if found is None or int(found[1]) not in range(1970, 9999):
            raise BadInput(f"{text!r} is no month; write one as 2026-03")
        return cls(date(int(found[1]), int(found[2]), 1))

    @property
    def since(self) -> datetime:
        return datetime(self.first.year, self.first.month, 1, tzinfo=UTC)

    @property
    def until(self) -> datetime:
        """The first moment that is too late."""
        years, month = divmod(self.first.month, 12)
        return datetime(self.first.year + years, month + 1, 1, tzinfo=UTC)

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"
