"""Whether what auditors look things up in says what the records do: it is derived from them, and proves nothing."""

from collections.abc import Sequence

from copilot.ledger.stored import Row, StoredEntry, StoredLog
from policy.errors import BadInput

_DIFFERS = "auditors find it by other things than its record tells"


class Listed:
    """Goes through the log in its order, and remembers the questions that have begun and whose end is still to come."""

    def __init__(self, log: StoredLog) -> None:
        self._log = log
        self._begun: dict[str, tuple[int, str]] = {}

    async def compare(self, batch: Sequence[tuple[int, str, StoredEntry]]) -> list[str]:
        """What is wrong with how these are found: place in the log, name for a problem, and entry of each."""
        known = {
            entry.row["ledger_id"]: (place, where, entry)
            for place, where, entry in batch
            if entry.row["ledger_id"] is not None
        }
        found, misled = list[str](), list[Row]()
        try:
            misled = await self._log.misled([entry for _, _, entry in known.values()])
        except BadInput as error:
            (_, first, _), (_, last, _) = batch[0], batch[-1]
            found = [f"{first} to {last}: {error.message}, nor compared with what auditors find"]
        for one in misled:
            place, where, entry = known[one["ledger_id"]]
            if entry.row["outcome"] == "Opened" and not one["listed"]:
                # Its end, which stands further on, has taken it out.
                self._begun[one["ledger_id"]] = place, where
            else:
                found.append(f"{where}: {_DIFFERS}")
        for _, _, entry in known.values():
            self._end(entry)
        return found

    def _end(self, entry: StoredEntry) -> None:
        for opening in entry.openings:
            if opening["name"] == "opening":
                self._begun.pop(opening["value"].decode(errors="replace").strip('"'), None)

    def unended(self, unread: int) -> list[str]:
        """Questions that nobody is told of, although they have no end; but where it may be archived, up to `unread`."""
        return [f"{where}: {_DIFFERS}" for place, where in self._begun.values() if place > unread]
