"""The writer: one transaction puts documents, all their indexes and their ledger records in place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from copilot.ingest import heads
from copilot.ingest.documents import Document
from copilot.ingest.heads import LabelIds
from copilot.ingest.held import kept
from copilot.ingest.prepare import PreparedDocument, PreparedPart
from copilot.ingest.rows import PlacedPart, Rows
from copilot.ledger.log import Record, append_all
from policy.errors import Unavailable
from policy.labels import Label
from policy.scope import Scope
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.labels import raise_fence
from retrieval.stores.postgres.models import require
from retrieval.stores.postgres.queries import Queries
from retrieval.terms import OTHER_SCHEME, SCHEME

_SQL = Queries("copilot.ingest", "writer.sql")


async def unchanged(
    database: Database, scope: Scope, documents: Sequence[Document], ids: LabelIds
) -> list[bool]:
    """Of each document, none given twice, whether it stands there already.

    As far as the ingester may see it: were the rest compared, the answer would tell that it is there.
    """
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        rows = await heads.find(connection, scope, "existing", documents, ids)
        seen: dict[UUID, list[tuple[str, str]]] = {
            row["document_key"]: []
            for one in documents
            if (row := rows.get(heads.key(one, ids))) and row["content_sha256"] == heads.sha256(one)
        }
        query = _SQL.scoped("seen_parts", scope.label_ids)
        cursor = await connection.execute(query, {"keys": list(seen)})
        for row in await cursor.fetchall():
            seen[row["document_key"]].append((row["label"], row["text"]))
    stored = {key: seen.get(row["document_key"]) for key, row in rows.items()}
    return [stored.get(heads.key(one, ids)) == _parts(one) for one in documents]


def _parts(document: Document) -> list[tuple[str, str]]:
    return [(part.label.canonical(), part.text) for part in document.parts]


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
        for model in {one.model for one in documents}:
            await require(connection, model)
        sub = batch[0].record.asker.principal.sub
        replaced = await place(connection, scope, documents, ids, sub)
        if replaced:
            # An answer that is being written may rest on what was there.
            await raise_fence(connection, scope.tenant)
        ledger_ids = await append_all(connection, [(one.record, one.record_label) for one in batch])
    if replaced:
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
    given = [one.document for one in documents]
    rows = await heads.find(connection, scope, "held", given, ids)
    held = {key: row["document_key"] for key, row in rows.items()}
    old = await _seen_part_ids(connection, scope, [*held.values()])
    new = [label_id for one in documents for label_id in _label_ids(one.parts, ids)]
    await hold_statistics(connection, old, new)
    if old:
        await remember(connection, scope, old)
        await take_out(connection, scope, old)
    keys = await heads.put(connection, scope.tenant, sub, given, ids, held)
    placed = [
        part
        for one in documents
        for part in _placed(keys[heads.key(one.document, ids)], one.parts, ids)
    ]
    await insert(connection, scope, placed)
    return bool(held)


async def hold_statistics(
    connection: Connection, part_ids: Sequence[str], label_ids: Sequence[int]
) -> None:
    """Holds the sums that will change; call it once, before any does, with all that goes and comes."""
    values = {"part_ids": list(part_ids), "label_ids": list(label_ids)}
    await connection.execute(_SQL["hold_statistics"], values)


async def remember(connection: Connection, scope: Scope, part_ids: Sequence[str]) -> None:
    """Keeps by which ids records cite what a new version, or the same under another label, takes the place of."""
    query = _SQL.scoped("remember", scope.label_ids)
    await connection.execute(query, {"part_ids": list(part_ids)})


async def take_out(connection: Connection, scope: Scope, part_ids: Sequence[str]) -> None:
    """Removes parts, with all that is searched of them, of documents that the transaction holds; or raises Held."""
    with kept():
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
    await put(connection, rows)
    await _require_scheme(connection)


async def put(connection: AsyncConnection[Any], rows: Rows) -> None:
    """Inserts the rows."""
    for table, columns in rows.filled():
        await connection.execute(_SQL[table], columns)


async def _require_scheme(connection: Connection) -> None:
    """Asked last: whoever waited for a new index to be built would write into it what they cut for the old."""
    row = await (await connection.execute(_SQL["scheme"])).fetchone()
    if row is None or row["scheme"] != SCHEME:
        raise Unavailable("postgres", OTHER_SCHEME)


async def _number(
    connection: Connection, scope: Scope, placed: Sequence[PlacedPart]
) -> dict[int, int]:
    """Label id → the first ordinal for the new chunks; they then count in the label's sums."""
    chunks: Counter[int] = Counter()
    terms: Counter[int] = Counter()
    for one in placed:
        chunks[one.label_id] += len(one.part.chunks)
        terms[one.label_id] += sum(chunk.length for chunk in one.part.chunks)
    totals = {
        "label_ids": [*chunks],
        "chunks": [*chunks.values()],
        "terms": [*terms.values()],
    }
    cursor = await connection.execute(_SQL.scoped("number", scope.label_ids), totals)
    return {row["label_id"]: row["first"] for row in await cursor.fetchall()}


def _label_ids(parts: Sequence[PreparedPart], ids: LabelIds) -> list[int]:
    return [ids[part.part.label.canonical()] for part in parts]


async def _seen_part_ids(connection: Connection, scope: Scope, keys: Sequence[UUID]) -> list[str]:
    """The parts that the ingester may read. What they may not read stays, and stays unsaid."""
    query = _SQL.scoped("part_ids", scope.label_ids)
    cursor = await connection.execute(query, {"keys": list(keys)})
    return [row["part_id"] for row in await cursor.fetchall()]
