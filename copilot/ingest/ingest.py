"""Ingest: documents in, some in each transaction; a bad one is named and the rest goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from psycopg.errors import UniqueViolation

from copilot.ingest import writer
from copilot.ingest.batch import Batch
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.prepare import PreparedDocument, digest, prepare
from copilot.ingest.report import IngestReport
from copilot.ingest.writer import Pending
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


@dataclass(slots=True)
class _Tally:
    """What became of the documents so far."""

    ledger_ids: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unchanged: int = 0

    def report(self) -> IngestReport:
        return IngestReport(
            ingested=len(self.ledger_ids),
            unchanged=self.unchanged,
            rejected=tuple(self.rejected),
            ledger_ids=tuple(self.ledger_ids),
            notes=tuple(self.notes),
        )


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
        """Takes the documents in order; gives what became of them.

        What was written stays, whatever comes after; who begins again finds it unchanged.
        """
        tally, batch = _Tally(), Batch()
        async for outcome in self._prepared(asker, documents):
            match outcome:
                case Rejected():
                    tally.rejected.append(outcome)
                    progress()
                case None:
                    tally.unchanged += 1
                    progress()
                case PreparedDocument():
                    if not batch.takes(outcome):
                        await self._write(asker, batch.taken(), tally, progress)
                    batch.add(outcome)
        await self._write(asker, batch.taken(), tally, progress)
        return tally.report()

    async def _notes(
        self, scope: Scope, written: Sequence[PreparedDocument], ids: Mapping[str, int]
    ) -> list[str]:
        """A new label makes a new document; whoever meant to correct the old one has to know."""
        stored = [
            (one.document.document_id, ids[one.document.label.canonical()]) for one in written
        ]
        return [
            f"{document_id} is also stored under {portion(other)}; that copy stays readable"
            for document_id, other in await writer.other_copies(self._database, scope, stored)
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

    async def _write(
        self,
        asker: Asker,
        documents: Sequence[PreparedDocument],
        tally: _Tally,
        progress: Progress,
    ) -> None:
        """As far as the asker may still read them."""
        scope = await self._scoper.scope(asker)
        ids = _label_ids(scope)
        pending: list[Pending] = []
        for one in documents:
            if _all_open(ids, one.document):
                pending.append(await self._pending(asker, one))
            else:  # access has ended since it was prepared
                tally.rejected.append(await self._refused(asker, one.document, _CLOSED))
        if pending:
            await self._write_together(scope, pending, ids, tally)
        for _ in documents:
            progress()

    async def _write_together(
        self, scope: Scope, pending: Sequence[Pending], ids: Mapping[str, int], tally: _Tally
    ) -> None:
        """All in one transaction; one by one where some of them stand in the way of others."""
        try:
            tally.ledger_ids += await writer.write(self._database, scope, pending, ids)
        except UniqueViolation:
            for alone in pending:
                tally.ledger_ids.append(await self._write_alone(scope, alone, ids))
        tally.notes += await self._notes(scope, [one.prepared for one in pending], ids)

    async def _write_alone(self, scope: Scope, pending: Pending, ids: Mapping[str, int]) -> str:
        """With other ids for its parts, as long as other documents have those that it would have."""
        taken: set[str] = set()
        for _ in range(_MOST_TRIES):
            if more := await writer.taken(self._database, scope, pending.prepared, ids):
                taken |= more
                document = pending.prepared.document
                prepared = await prepare(document, self._embedder, self._terms, taken=taken)
                pending = replace(pending, prepared=prepared)
            try:
                [ledger_id] = await writer.write(self._database, scope, [pending], ids)
            except UniqueViolation:
                continue
            return ledger_id
        raise Unavailable("postgres", f"too many equal parts in {pending.prepared.document.source}")

    async def _pending(self, asker: Asker, prepared: PreparedDocument) -> Pending:
        details = {"document": _described(prepared)}
        labels = _labels(prepared.document)
        record = await self._recorder.prepared(Kind.INGEST, asker, "Ingested", details, labels)
        record_label = await self._ledger.label_id(record.label)
        return Pending(prepared=prepared, record=record, record_label=record_label)


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
