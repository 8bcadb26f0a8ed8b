"""Batches: documents that are written together, because a transaction costs more than a document."""

from copilot.ingest.prepare import PreparedDocument

_MOST_DOCUMENTS = 32
_MOST_CHUNKS = 256
"""A larger one would hold its labels for longer than it spares."""


class Batch:
    """Some documents, none twice: of two with one id and label, the later has to replace the earlier."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], PreparedDocument] = {}
        self._chunks = 0

    def takes(self, document: PreparedDocument) -> bool:
        """Whether there is room for it. An empty batch takes anything."""
        return not self._documents or (
            _key(document) not in self._documents
            and len(self._documents) < _MOST_DOCUMENTS
            and self._chunks + _chunks(document) <= _MOST_CHUNKS
        )

    def add(self, document: PreparedDocument) -> None:
        self._documents[_key(document)] = document
        self._chunks += _chunks(document)

    def taken(self) -> list[PreparedDocument]:
        """The documents in order; the batch is empty again."""
        documents = [*self._documents.values()]
        self._documents.clear()
        self._chunks = 0
        return documents


def _key(document: PreparedDocument) -> tuple[str, str]:
    return document.document.document_id, document.document.label.canonical()


def _chunks(document: PreparedDocument) -> int:
    return sum(len(part.chunks) for part in document.parts)
