"""One bank transfer as one line of text: how a row is written, and how it is read back."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ROW = re.compile(
    r"On (?P<date>\d{4}-\d\d-\d\d), (?P<from_name>[^\n]+?) \(account (?P<from_account>[^\n()]+)\) paid "
    r"(?P<currency>[A-Z]{3}) (?P<amount>\d{1,3}(?:,\d{3})*\.\d\d) to (?P<to_name>[^\n]+?) "
    r"\(account (?P<to_account>[^\n()]+)\)(?:, reference \"(?P<reference>[^\"\n]*)\")? "
    r"\(transaction (?P<transaction>[^\n()]+)\)\."
)
"""A rendered row; its groups are the fields of `Transfer`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One row of a bank's export."""

    transaction: str
    date: date
    from_account: str
    from_name: str
    to_account: str
    to_name: str
    amount: Decimal
    currency: str
    reference: str

    def line(self) -> str:
        """The row as a sentence that can be read, embedded and cited alone."""
        reference = f', reference "{self.reference}"' if self.reference else ""
        return (
            f"On {self.date.isoformat()}, {self.from_name} (account {self.from_account}) paid "
            f"{self.currency} {self.amount:,.2f} to {self.to_name} (account {self.to_account})"
            f"{reference} (transaction {self.transaction})."
        )


def parse(line: str) -> Transfer | None:
    """The transfer that `line` renders, or None; `parse(t.line()) == t` for what ingest lets through."""
    match = ROW.fullmatch(line)
    return _transfer(match) if match else None


def _transfer(match: re.Match[str]) -> Transfer | None:
    fields = match.groupdict(default="")
    try:
        day = date.fromisoformat(fields.pop("date"))
    except ValueError:
        return None
    amount = Decimal(fields.pop("amount").replace(",", ""))
    return Transfer(date=day, amount=amount, **fields)
