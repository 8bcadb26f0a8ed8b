"""Ingest: documents in, some in each transaction; a bad one is named and the rest goes on.

While a batch is written, the next one is prepared and embedded; no more than that is in memory.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from psycopg.errors import UniqueViolation

from copilot.ingest import writer
from copilot.ingest.admission import (
    CLOSED,
    Admission,
    Given,
    all_open,
    groups,
    size,
)
from copilot.ingest.batch import Batch, Outcome
from copilot.ingest.behind import Behind
from copilot.ingest.documents import Document, Identity, Rejected
from copilot.ingest.heads import LabelIds, label_ids
from copilot.ingest.prepare import PreparedDocument, prepare
from copilot.ingest.report import IngestReport
from copilot.ingest.writer import Pending
from copilot.ledger.log import Ledger
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from policy.engine import PolicyEngine
from policy.errors import Unavailable
from policy.markings import portion
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.embedding import Embedder
from retrieval.stores.postgres.database import Database
from retrieval.terms import Terms

_MOST_AHEAD = 12
_MOST_CHARACTERS_AHEAD = 1_000_000
"""Of documents that are embedded before it is their turn to be written."""

_MOST_TRIES = 1000

Progress = Callable[[], None]


@dataclass(slots=True)
class _Run:
    """Who takes documents in, and what became of those so far."""

    asker: Asker
    progress: Progress
    coming: Counter[Identity] = field(default_factory=Counter)
    """What is admitted and not written yet."""
    ledger_ids: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unchanged: int = 0

    def settled(self, document: Document) -> None:
        """It is written or refused: whoever comes with another one compares it with the stored one."""
        self.coming[document.identity] -= 1
        if not self.coming[document.identity]:
            del self.coming[document.identity]

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
        self._scoper = scoper
        self._embedder = embedder
        self._ledger = ledger
        self._recorder = recorder
        self._admission = Admission(database, engine, scoper, ledger, recorder)
        self._terms = Terms()

    async def run(
        self, asker: Asker, documents: Iterable[Given], progress: Progress = lambda: None
    ) -> IngestReport:
        """Takes the documents in order; gives what became of them.

        What was written stays, whatever comes after; who begins again finds it unchanged.
        """
        run, batch, behind = _Run(asker, progress), Batch(), Behind()
        try:
            async with aclosing(self._prepared(run, documents)) as outcomes:
                async for outcome in outcomes:
                    if not batch.takes(outcome):
                        await behind.begin(self._write(run, batch.taken()))
                    batch.add(outcome)
            await behind.begin(self._write(run, batch.taken()))
            await behind.done()
        finally:
            await behind.stop()
        return run.report()

    async def _prepared(
        self, run: _Run, documents: Iterable[Given]
    ) -> AsyncGenerator[Outcome, None]:
        """Prepares a few documents ahead of the writer, and gives them in order."""
        ahead: deque[tuple[int, asyncio.Task[Outcome]]] = deque()
        try:
            async for one in self._admitted(run, documents):
                ahead.append((size(one), asyncio.create_task(self._prepare(one))))
                while len(ahead) > _MOST_AHEAD or _characters(ahead) > _MOST_CHARACTERS_AHEAD:
                    yield await ahead.popleft()[1]
            while ahead:
                yield await ahead.popleft()[1]
        finally:
            for _, task in ahead:
                task.cancel()

    async def _admitted(self, run: _Run, documents: Iterable[Given]) -> AsyncIterator[Given]:
        """All that are not there already."""
        for group in groups(documents):
            for one in await self._admission.admit(run.asker, group, run.coming):
                if one is None:
                    run.unchanged += 1
                    run.progress()
                    continue
                if isinstance(one, Document):
                    run.coming[one.identity] += 1
                yield one

    async def _prepare(self, one: Given) -> Outcome:
        if isinstance(one, Rejected):
            return one
        return await prepare(one, self._embedder, self._terms)

    async def _write(self, run: _Run, outcomes: Sequence[Outcome]) -> None:
        """As far as the asker may still read them."""
        asker = await self._recorder.standing(run.asker)
        scope = await self._scoper.scope(asker)
        ids = label_ids(scope)
        pending: list[Pending] = []
        for one in outcomes:
            if isinstance(one, Rejected):
                run.rejected.append(one)
            elif all_open(ids, one.document):
                pending.append(await self._pending(asker, scope, one))
            else:  # access has ended since it was admitted
                run.rejected.append(await self._admission.refused(asker, one.document, CLOSED))
        if pending:
            await self._write_together(run, scope, pending, ids)
        for one in outcomes:
            if isinstance(one, PreparedDocument):
                run.settled(one.document)
            run.progress()

    async def _write_together(
        self, run: _Run, scope: Scope, pending: Sequence[Pending], ids: LabelIds
    ) -> None:
        """All in one transaction; one by one where some of them stand in the way of others."""
        try:
            run.ledger_ids += await writer.write(self._database, scope, pending, ids)
        except UniqueViolation:
            for alone in pending:
                run.ledger_ids.append(await self._write_alone(scope, alone, ids))
        run.notes += await self._notes(scope, [one.prepared for one in pending], ids)

    async def _write_alone(self, scope: Scope, pending: Pending, ids: LabelIds) -> str:
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

    async def _pending(self, asker: Asker, scope: Scope, prepared: PreparedDocument) -> Pending:
        details = {"document": _described(prepared), "source": prepared.document.source}
        record = self._recorder.within(
            scope, Kind.INGEST, asker, "Ingested", details, prepared.document.labels
        )
        record_label = await self._ledger.label_id(record.label)
        return Pending(prepared=prepared, record=record, record_label=record_label)

    async def _notes(
        self, scope: Scope, written: Sequence[PreparedDocument], ids: LabelIds
    ) -> list[str]:
        """A new label makes a new document; whoever meant to correct the old one has to know."""
        stored = [
            (one.document.document_id, ids[one.document.label.canonical()]) for one in written
        ]
        return [
            f"{document_id} is also stored under {portion(other)}; that copy stays readable"
            for document_id, other in await writer.other_copies(self._database, scope, stored)
        ]


def _characters(ahead: Iterable[tuple[int, object]]) -> int:
    return sum(characters for characters, _ in ahead)


def _described(prepared: PreparedDocument) -> dict[str, object]:
    return {
        "document_id": prepared.document.document_id,
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
