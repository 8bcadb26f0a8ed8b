"""The writer: one transaction puts documents, all their indexes and their ledger records in place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from copilot.ingest.documents import Document
from copilot.ingest.prepare import PreparedDocument, PreparedPart, digest
from copilot.ingest.rows import PlacedPart, Rows
from copilot.ledger.log import Record, append
from policy.labels import Label
from policy.scope import Scope
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.labels import raise_fence
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ingest", "writer.sql")

LabelIds = Mapping[str, int]
"""Canonical label → interned id, for every label of the document."""

Row = dict[str, Any]


async def unchanged(database: Database, scope: Scope, document: Document, label_id: int) -> bool:
    """Whether the document stands there already, as far as the ingester may see it.

    What they may not see is not compared: else the answer would tell that it is there.
    """
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        old = await _existing(connection, scope, scope.tenant, document.document_id, label_id)
        if old is None or old["content_sha256"] != _head_sha256(document):
            return False
        query = _SQL.scoped("seen_parts", scope.label_ids)
        cursor = await connection.execute(query, {"key": old["document_key"]})
        seen = [(row["label"], row["text"]) for row in await cursor.fetchall()]
    return seen == [(part.label.canonical(), part.text) for part in document.parts]


async def other_copies(
    database: Database, scope: Scope, stored: Sequence[tuple[str, int]]
) -> list[tuple[str, Label]]:
    """Of each of these document and label ids the other labels that it is stored under too.

    As far as the ingester may see them.
    """
    values = {
        "tenant": scope.tenant,
        "document_ids": [document_id for document_id, _ in stored],
        "label_ids": [label_id for _, label_id in stored],
    }
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        cursor = await connection.execute(_SQL.scoped("other_copies", scope.label_ids), values)
        rows = await cursor.fetchall()
    return [
        (
            row["document_id"],
            Label.from_json(row["value"], tenant=scope.tenant, where="stored label"),
        )
        for row in rows
    ]


async def taken(
    database: Database, scope: Scope, prepared: PreparedDocument, ids: LabelIds
) -> set[str]:
    """Those of the document's part ids that other documents have."""
    values = {
        "part_ids": [part.part_id for part in prepared.parts],
        "document_id": prepared.document.document_id,
        "label_id": ids[prepared.document.label.canonical()],
    }
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        cursor = await connection.execute(_SQL.scoped("taken", scope.label_ids), values)
        return {row["part_id"] for row in await cursor.fetchall()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A document that is to be written, and the record of it."""

    prepared: PreparedDocument
    record: Record
    record_label: int


async def write(
    database: Database, scope: Scope, batch: Sequence[Pending], ids: LabelIds
) -> list[str]:
    """Writes all or none: replaces what each id and label stood for, and appends the records.

    Gives the ledger ids. No two of the documents may have the same id and label.
    """
    documents = [one.prepared for one in batch]
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        sub = batch[0].record.asker.principal.sub
        if await place(connection, scope, documents, ids, sub):
            # An answer that is being written may rest on what was there.
            await raise_fence(connection, scope.tenant)
        ledger_ids = [await append(connection, one.record, one.record_label) for one in batch]
    database.fences.doubt()
    return ledger_ids


async def place(
    connection: Connection,
    scope: Scope,
    documents: Sequence[PreparedDocument],
    ids: LabelIds,
    sub: str,
) -> bool:
    """Puts each document in the place of what its id and label stood for, as far as `sub` may read that.

    Gives whether that was anything.
    """
    values = [
        _document_values(one, scope.tenant, ids[one.document.label.canonical()], sub)
        for one in documents
    ]
    # In one order for everybody, so that no two writers wait for each other.
    order = sorted(range(len(values)), key=lambda at: str(values[at]["document_id"]))
    held = {at: await _held(connection, scope, values[at]) for at in order}
    old = [
        part_id
        for key in held.values()
        if key is not None
        for part_id in await _seen_part_ids(connection, scope, key)
    ]
    new = [label_id for one in documents for label_id in _label_ids(one.parts, ids)]
    await hold_statistics(connection, old, new)
    await take_out(connection, scope, old)
    placed: list[PlacedPart] = []
    for at, one in enumerate(documents):
        key = await _head(connection, values[at], held[at])
        placed += _placed(key, one.parts, ids)
    await insert(connection, scope, placed)
    return any(held.values())


async def hold_statistics(
    connection: Connection, part_ids: Sequence[str], label_ids: Sequence[int]
) -> None:
    """Holds the sums that will change; call it once, before any does, with all that goes and comes."""
    values = {"part_ids": list(part_ids), "label_ids": list(label_ids)}
    await connection.execute(_SQL["hold_statistics"], values)


async def take_out(connection: Connection, scope: Scope, part_ids: Sequence[str]) -> None:
    """Removes parts, with all that is searched of them, of documents that the transaction holds."""
    for block in ("shrink_statistics", "remove_terms", "remove_parts"):
        query = _SQL.scoped(block, scope.label_ids)
        await connection.execute(query, {"part_ids": list(part_ids)})


async def place_parts(
    connection: Connection, scope: Scope, key: UUID, parts: Sequence[PreparedPart], ids: LabelIds
) -> None:
    """Adds the parts, with all that is searched of them, to a document that the transaction holds."""
    await insert(connection, scope, _placed(key, parts, ids))


def _placed(key: UUID, parts: Sequence[PreparedPart], ids: LabelIds) -> list[PlacedPart]:
    labelled = zip(parts, _label_ids(parts, ids), strict=True)
    return [
        PlacedPart(document_key=key, position=position, part=part, label_id=label_id)
        for position, (part, label_id) in enumerate(labelled)
    ]


async def insert(connection: Connection, scope: Scope, placed: Sequence[PlacedPart]) -> None:
    """Writes the parts and all that is searched of them, each table in one piece."""
    ordinals = await _number(connection, scope, placed)
    rows = Rows(scope.tenant)
    for one in placed:
        rows.add(one, ordinals[one.label_id])
        ordinals[one.label_id] += len(one.part.chunks)
    for table, columns in rows.filled():
        await connection.execute(_SQL[table], columns)


async def _number(
    connection: Connection, scope: Scope, placed: Sequence[PlacedPart]
) -> dict[int, int]:
    """Label id → the first ordinal for the new chunks; they then count in the label's sums."""
    first = {}
    for label_id in sorted({one.label_id for one in placed}):
        chunks = [c for one in placed if one.label_id == label_id for c in one.part.chunks]
        totals = {
            "label_id": label_id,
            "chunks": len(chunks),
            "terms": sum(chunk.length for chunk in chunks),
        }
        cursor = await connection.execute(_SQL.scoped("number", scope.label_ids), totals)
        row = await cursor.fetchone()
        assert row is not None  # held since before
        first[label_id] = row["first"]
    return first


def _label_ids(parts: Sequence[PreparedPart], ids: LabelIds) -> list[int]:
    return [ids[part.part.label.canonical()] for part in parts]


async def _seen_part_ids(connection: Connection, scope: Scope, key: UUID) -> list[str]:
    """The parts that the ingester may read. What they may not read stays, and stays unsaid."""
    query = _SQL.scoped("part_ids", scope.label_ids)
    cursor = await connection.execute(query, {"key": key})
    return [row["part_id"] for row in await cursor.fetchall()]


async def _existing(
    connection: Connection, scope: Scope, tenant: str, document_id: str, label_id: int
) -> dict[str, Any] | None:
    values = {"tenant": tenant, "document_id": document_id, "label_id": label_id}
    cursor = await connection.execute(_SQL.scoped("existing", scope.label_ids), values)
    return await cursor.fetchone()


async def _held(connection: Connection, scope: Scope, values: Row) -> UUID | None:
    cursor = await connection.execute(_SQL.scoped("held", scope.label_ids), values)
    row = await cursor.fetchone()
    return row["document_key"] if row is not None else None


async def _head(connection: Connection, values: Row, key: UUID | None) -> UUID:
    """The key of the document's row, which is revised where there is one, and else made."""
    if key is not None:
        await connection.execute(_SQL["revise"], values | {"key": key})
        return key
    row = await (await connection.execute(_SQL["document"], values)).fetchone()
    assert row is not None  # INSERT … RETURNING gives its row
    made: UUID = row["document_key"]
    return made


def _document_values(prepared: PreparedDocument, tenant: str, label_id: int, sub: str) -> Row:
    document = prepared.document
    return {
        "document_id": document.document_id,
        "tenant": tenant,
        "label_id": label_id,
        "title": document.title,
        "source": document.source,
        "metadata": Jsonb(dict(document.metadata)),
        "sha256": _head_sha256(document),
        "sub": sub,
    }


def _head_sha256(document: Document) -> str:
    """The digest of all that the document's own label covers: of everything but its parts."""
    return digest(replace(document, parts=()))
