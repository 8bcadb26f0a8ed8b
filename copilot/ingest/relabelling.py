"""Relabelling: a document, or one part of it, prepared anew under another label and put in its place."""

from collections.abc import Sequence

from psycopg.errors import UniqueViolation

from copilot.ingest import addressed, holds, writer
from copilot.ingest.addressed import Addressed
from copilot.ingest.documents import Document, Part
from copilot.ingest.heads import label_ids
from copilot.ingest.prepare import PreparedDocument, prepare
from copilot.ledger.log import Ledger, Record, append
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from copilot.results import Relabelled
from copilot.wording import CLOSED_LABEL
from policy.errors import BadInput, Forbidden
from policy.labels import Label
from policy.markings import portion
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.embedding import Embedder
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.labels import raise_fence
from retrieval.stores.postgres.models import require
from retrieval.terms import Terms


class Relabelling:
    """Relabels what somebody may read. What they may not read keeps its labels, and stays unsaid."""

    def __init__(
        self,
        database: Database,
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
        self._terms = Terms()

    async def relabel(self, asker: Asker, given_id: str, label: Label) -> Relabelled | None:
        """What was relabelled; None where the asker may read nothing of it, hidden or absent.

        A document's id stands for the document and each of its visible parts, a part's id for that part. The
        asker must be one who may read the label, else Forbidden is raised, BadInput where it bears that label
        already or the id stands for several documents, and Unavailable where it keeps changing meanwhile.
        """
        await self._ledger.label_id(label)
        taken: set[str] = set()
        for _ in range(addressed.MOST_TRIES):
            scope = await self._scoper.scope(asker)
            if label not in scope.labels.values():
                raise Forbidden(CLOSED_LABEL)
            found = await addressed.look(self._database, scope, given_id, alone=True)
            if not found:
                return None
            old = _the_one(found, given_id, label)
            prepared = await prepare(_under(label, old), self._embedder, self._terms, taken=taken)
            record = await self._record(asker, given_id, old, prepared)
            try:
                ledger_id = await self._replace(scope, given_id, old, prepared, record)
            except UniqueViolation:
                taken |= await writer.taken(self._database, scope, prepared, label_ids(scope))
                continue
            if ledger_id:
                return _relabelled(given_id, prepared, ledger_id)
        raise addressed.unsettled(given_id)

    async def _record(
        self, asker: Asker, given_id: str, old: Addressed, prepared: PreparedDocument
    ) -> Record:
        label = prepared.document.label
        after = {"label": label.to_json(), "part_ids": [part.part_id for part in prepared.parts]}
        details = {"relabelled": {**addressed.described(given_id, [old]), "after": after}}
        labels = [*addressed.labels([old]), label]
        return await self._recorder.prepared(Kind.RELABEL, asker, "Relabelled", details, labels)

    async def _replace(
        self,
        scope: Scope,
        given_id: str,
        old: Addressed,
        prepared: PreparedDocument,
        record: Record,
    ) -> str | None:
        """The ledger id; None where the document is not any more what was prepared."""
        record_label = await self._ledger.label_id(record.label)
        async with self._database.transaction(Role.WRITER, scope.label_ids) as connection:
            if await addressed.find(connection, scope, given_id, alone=True) != [old]:
                return None
            await holds.require_none(connection, scope, addressed.part_ids([old]))
            await require(connection, prepared.model)
            await _put(connection, scope, old, prepared, record.asker.principal.sub)
            await raise_fence(connection, scope.tenant)
            ledger_id = await append(connection, record, record_label)
        self._database.fences.doubt()
        return ledger_id


async def _put(
    connection: Connection, scope: Scope, old: Addressed, prepared: PreparedDocument, sub: str
) -> None:
    ids, part_ids = label_ids(scope), addressed.part_ids([old])
    label = prepared.document.label
    await writer.hold_statistics(connection, part_ids, [ids[label.canonical()]])
    await writer.remember(connection, scope, part_ids)
    if old.head is None:
        await writer.take_out(connection, scope, part_ids)
        await writer.place_parts(connection, scope, old.key, prepared.parts, ids)
        return
    if old.head.label != label:
        await addressed.remove(connection, scope, old)
    await writer.place(connection, scope, [prepared], ids, sub)
    await addressed.follow(connection, scope, old, ids[label.canonical()])


def _the_one(found: Sequence[Addressed], given_id: str, label: Label) -> Addressed:
    if len(found) > 1:
        marks = ", ".join(sorted(portion(one.head.label) for one in found if one.head))
        raise BadInput(
            f"{given_id} stands for several documents: {marks}; delete it, and take it in anew"
            " under one label"
        )
    if set(addressed.labels(found)) == {label}:
        raise BadInput(f"{given_id} is under {portion(label)} already")
    return found[0]


def _under(label: Label, old: Addressed) -> Document:
    """The same texts under the label. A part of a hidden document bears nothing of it, as before."""
    head = old.head
    return Document(
        document_id=head.document_id if head else "",
        title=head.title if head else "",
        label=label,
        parts=tuple(Part(label=label, text=part.text) for part in old.parts),
        source=head.source if head else "",
        metadata=head.metadata if head else {},
    )


def _relabelled(given_id: str, prepared: PreparedDocument, ledger_id: str) -> Relabelled:
    label = prepared.document.label
    return Relabelled(
        document_id=given_id,
        part_ids=tuple(part.part_id for part in prepared.parts),
        label=label,
        marking=portion(label),
        ledger_id=ledger_id,
    )
