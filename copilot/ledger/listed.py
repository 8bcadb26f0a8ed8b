"""Whether what auditors look things up in says what the records do: it is derived from them, and proves nothing."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from copilot.ledger.stored import Row, StoredEntry, StoredLog
from policy.errors import BadInput

_DIFFERS = "auditors find it by other things than its record tells"
_ENDED = timedelta(hours=1)
"""Within which an end takes out what its opening told (`end_ledger_openings`)."""


class _Begun(NamedTuple):
    """A question whose end was not met yet."""

    place: int
    where: str
    listed: bool
    at: datetime


class Listed:
    """Goes through the log in its order, and remembers the questions that have begun and whose end is still to come."""

    def __init__(self, log: StoredLog) -> None:
        self._log = log
        self._begun: dict[str, _Begun] = {}

    async def compare(self, batch: Sequence[tuple[int, str, StoredEntry]]) -> list[str]:
        """What is wrong with how these are found: place in the log, name for a problem, and entry of each."""
        known = {
            entry.row["ledger_id"]: (place, where, entry)
            for place, where, entry in batch
            if entry.row["ledger_id"] is not None
        }
        found, told = list[str](), list[Row]()
        try:
            told = await self._log.misled([entry for _, _, entry in known.values()])
        except BadInput as error:
            (_, first, _), (_, last, _) = batch[0], batch[-1]
            found = [f"{first} to {last}: {error.message}, nor compared with what auditors find"]
        for one in told:
            place, where, entry = known[one["ledger_id"]]
            begun = entry.row["outcome"] == "Opened"
            if begun and one["listed"] is one["alike"]:
                # As its record tells, or not at all: its end, which stands further on, has taken it out.
                self._begun[one["ledger_id"]] = _Begun(
                    place, where, one["listed"], entry.row["recorded_at"]
                )
            elif not one["alike"]:
                found.append(f"{where}: {_DIFFERS}")
        return found + [one for _, _, entry in known.values() for one in self._ended(entry)]

    def _ended(self, entry: StoredEntry) -> Iterator[str]:
        """Takes the entry for the end of what it names; what is listed all the same is wrong."""
        for opening in entry.openings:
            if opening["name"] == "opening":
                begun = self._begun.pop(opening["value"].decode(errors="replace").strip('"'), None)
                # An end that was put off for longer, as by a machine that slept, took nothing out.
                if begun and begun.listed and abs(entry.row["recorded_at"] - begun.at) <= _ENDED:
                    yield f"{begun.where}: {_DIFFERS}"

    def unended(self, ended: Collection[str], unread: int) -> list[str]:
        """Questions that nobody is told of, and that have no end.

        None of those that `ended` in archived records, nor where the end may be archived: up to the leaf `unread`.
        """
        return [
            f"{one.where}: {_DIFFERS}"
            for ledger_id, one in self._begun.items()
            if not one.listed and ledger_id not in ended and one.place > unread
        ]
