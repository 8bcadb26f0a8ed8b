"""Batches: documents that are written together, because a transaction costs more than a document."""

from copilot.ingest.documents import Identity, Rejected
from copilot.ingest.prepare import PreparedDocument

_MOST_DOCUMENTS = 32
_MOST_CHUNKS = 256
"""A larger one would hold its labels for longer than it spares."""

Outcome = PreparedDocument | Rejected
"""A document that can be written, or what is to be said of one that cannot."""


class Batch:
    """Some outcomes, no document twice: of two with one id and label, the later has to replace the earlier."""

    def __init__(self) -> None:
        self._outcomes: list[Outcome] = []
        self._identities: set[Identity] = set()
        self._chunks = 0

    def takes(self, outcome: Outcome) -> bool:
        """Whether there is room for it. An empty batch takes anything."""
        if not self._outcomes:
            return True
        if len(self._outcomes) == _MOST_DOCUMENTS:
            return False
        return isinstance(outcome, Rejected) or (
            outcome.document.identity not in self._identities
            and self._chunks + _chunks(outcome) <= _MOST_CHUNKS
        )

    def add(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        if isinstance(outcome, PreparedDocument):
            self._identities.add(outcome.document.identity)
            self._chunks += _chunks(outcome)

    def taken(self) -> list[Outcome]:
        """The outcomes in order; the batch is empty again."""
        outcomes, self._outcomes = self._outcomes, []
        self._identities.clear()
        self._chunks = 0
        return outcomes


def _chunks(document: PreparedDocument) -> int:
    return sum(len(part.chunks) for part in document.parts)
