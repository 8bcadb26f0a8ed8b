"""Ingest: documents in, one transaction each; a bad one is named and the rest goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from psycopg.errors import UniqueViolation

from copilot.ingest import writer
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.prepare import PreparedDocument, digest, prepare
from copilot.ingest.report import IngestReport
from copilot.ledger.log import Ledger
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from policy.engine import PolicyEngine
from policy.errors import Unavailable
from policy.labels import Label
from policy.markings import portion
from policy.principal import Asker
from policy.recheck import opened
from policy.scope import Scope, Scoper
from retrieval.embedding import Embedder
from retrieval.stores.postgres.database import Database
from retrieval.terms import Terms

_AHEAD = 4
"""Documents that are embedded while another is written."""

_MOST_TRIES = 1000
_MOST_LABELS = 50
"""In one document. Labels are never forgotten, so nobody may make them by the thousand."""

_CLOSED = "its label is not one that this ingester may read; ask somebody who may"

Progress = Callable[[], None]


class Ingest:
    """Writes what an ingester may read, and records it."""

    def __init__(
        self,
        database: Database,
        engine: PolicyEngine,
        scoper: Scoper,
        embedder: Embedder,
        ledger: Ledger,
        recorder: Recorder,
    ) -> None:
        self._database = database
        self._engine = engine
        self._scoper = scoper
        self._embedder = embedder
        self._ledger = ledger
        self._recorder = recorder
        self._terms = Terms()

    async def run(
        self,
        asker: Asker,
        documents: Iterable[Document | Rejected],
        progress: Progress = lambda: None,
    ) -> IngestReport:
        """Takes the documents in order; gives what became of them."""
        ingested: list[str] = []
        rejected: list[Rejected] = []
        notes: list[str] = []
        unchanged = 0
        async for outcome in self._prepared(asker, documents):
            match outcome:
                case Rejected():
                    rejected.append(outcome)
                case None:
                    unchanged += 1
                case PreparedDocument():
                    match await self._write(asker, outcome):
                        case Rejected() as refused:
                            rejected.append(refused)
                        case ledger_id:
                            ingested.append(ledger_id)
                            notes += await self._other_copies(asker, outcome)
            progress()
        return IngestReport(
            ingested=len(ingested),
            unchanged=unchanged,
            rejected=tuple(rejected),
            ledger_ids=tuple(ingested),
            notes=tuple(notes),
        )

    async def _other_copies(self, asker: Asker, prepared: PreparedDocument) -> list[str]:
        """A new label makes a new document; whoever meant to correct the old one has to know."""
        scope, document = await self._scoper.scope(asker), prepared.document
        ids = _label_ids(scope)
        if not _all_open(ids, document):
            return []
        others = await writer.other_copies(
            self._database, scope, document.document_id, ids[document.label.canonical()]
        )
        return [
            f"{document.document_id} is also stored under {portion(other)}; that copy stays readable"
            for other in others
        ]

    async def _prepared(
        self, asker: Asker, documents: Iterable[Document | Rejected]
    ) -> AsyncIterator[PreparedDocument | Rejected | None]:
        """Prepares a few documents ahead of the writer, and gives them in order."""
        ahead: list[asyncio.Task[PreparedDocument | Rejected | None]] = []
        try:
            for document in documents:
                ahead.append(asyncio.create_task(self._prepare(asker, document)))
                if len(ahead) > _AHEAD:
                    yield await ahead.pop(0)
            while ahead:
                yield await ahead.pop(0)
        finally:
            for task in ahead:
                task.cancel()

    async def _prepare(
        self, asker: Asker, document: Document | Rejected
    ) -> PreparedDocument | Rejected | None:
        if isinstance(document, Rejected):
            return document
        # For each document: a run is long, and access may end within it.
        asker = await self._scoper.standing(asker)
        if reason := await self._refusal(asker, document):
            return await self._refused(asker, document, reason)
        scope = await self._scope(asker, document)
        readable = _label_ids(scope)
        if not _all_open(readable, document):
            return await self._refused(asker, document, _CLOSED)
        label_id = readable[document.label.canonical()]
        if await writer.unchanged(self._database, scope, document, label_id):
            return None
        return await prepare(document, self._embedder, self._terms)

    async def _refusal(self, asker: Asker, document: Document) -> str | None:
        """Why the ingester may not bring this in. Asked before its labels are interned for good."""
        labels = set(_labels(document))
        if len(labels) > _MOST_LABELS:
            return f"it has {len(labels)} different labels; the most is {_MOST_LABELS}"
        return None if await opened(self._engine, asker, labels) == labels else _CLOSED

    async def _refused(self, asker: Asker, document: Document, reason: str) -> Rejected:
        details = {"denied_act": "ingest", "denied_reason": reason, "sha256": digest(document)}
        await self._recorder.record(Kind.DENIED, asker, "Denied", details)
        return Rejected(
            source=document.source, line=None, reason=f"{document.document_id}: {reason}"
        )

    async def _scope(self, asker: Asker, document: Document) -> Scope:
        for label in _labels(document):
            await self._ledger.label_id(label)
        return await self._scoper.scope(asker)

    async def _write(self, asker: Asker, prepared: PreparedDocument) -> str | Rejected:
        """The ledger id; Rejected where access has ended since the document was prepared."""
        scope = await self._scoper.scope(asker)
        ids = _label_ids(scope)
        if not _all_open(ids, prepared.document):
            return await self._refused(asker, prepared.document, _CLOSED)
        details = {"document": _described(prepared)}
        record = await self._recorder.prepared(
            Kind.INGEST, asker, "Ingested", details, _labels(prepared.document)
        )
        record_label = await self._ledger.label_id(record.label)
        taken: set[str] = set()
        for _ in range(_MOST_TRIES):
            try:
                return await writer.write(
                    self._database, scope, prepared, ids, record, record_label
                )
            except UniqueViolation:
                taken |= await writer.taken(self._database, scope, prepared, ids)
                prepared = await prepare(
                    prepared.document, self._embedder, self._terms, taken=taken
                )
        raise Unavailable("postgres", f"too many equal parts in {prepared.document.source}")


def _label_ids(scope: Scope) -> dict[str, int]:
    """Canonical label → interned id, as the writer wants them."""
    return {label.canonical(): label_id for label_id, label in scope.labels.items()}


def _all_open(ids: Mapping[str, int], document: Document) -> bool:
    return all(label.canonical() in ids for label in _labels(document))


def _labels(document: Document) -> list[Label]:
    return [document.label, *(part.label for part in document.parts)]


def _described(prepared: PreparedDocument) -> dict[str, object]:
    return {
        "document_id": prepared.document.document_id,
        "source": prepared.document.source,
        "sha256": prepared.sha256,
        "label": prepared.document.label.to_json(),
        "parts": [
            {
                "part_id": part.part_id,
                "label": part.part.label.to_json(),
                "chunks": len(part.chunks),
            }
            for part in prepared.parts
        ],
    }
