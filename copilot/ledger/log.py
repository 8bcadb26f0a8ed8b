"""The log: one record for each act, written before anything is released."""

from copilot.ledger.append import append, append_all, durable
from copilot.ledger.entry import (
    Entry,
    Record,
    StoredAnswer,
    body_sha256,
    canonical,
    high_water,
)
from copilot.ledger.together import Together
from policy.labels import Label
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.labels import intern

__all__ = [
    "Ledger",
    "Record",
    "StoredAnswer",
    "append",
    "append_all",
    "body_sha256",
    "canonical",
    "high_water",
]


class Ledger:
    """Appends records. Every method raises Unavailable("ledger", …) where the record is not durable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Together(database)
        self._labels: dict[str, int] = {}

    async def record(self, record: Record, answer: StoredAnswer | None = None) -> str:
        """Writes the record (and the answer it released) in one transaction; gives the ledger id."""
        entry = Entry.of(record, await self.label_id(record.label), answer)
        await self._together.write(entry)
        return entry.ledger_id

    async def label_id(self, label: Label) -> int:
        """The interned label of a record, in a transaction of its own: labels are never taken back."""
        key = label.canonical()
        if key not in self._labels:
            async with self._database.transaction(Role.LEDGER, tenant=label.tenant) as connection:
                with durable():
                    label_id = await intern(connection, label)
            self._labels[key] = label_id
            self._database.fences.doubt()
        return self._labels[key]
