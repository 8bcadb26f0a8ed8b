"""The writer: one transaction puts a document, all its indexes and its ledger record in place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg.types.json import Json, Jsonb

from copilot.ingest.documents import Document
from copilot.ingest.prepare import PreparedChunk, PreparedDocument, PreparedPart, digest
from copilot.ledger.log import Record, append
from policy.labels import Label
from policy.scope import Scope
from retrieval.embedding import Vectors
from retrieval.identity import content_id, entity_id
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
    database: Database, scope: Scope, document_id: str, label_id: int
) -> list[Label]:
    """The labels of other documents with this id, as far as the ingester may see them."""
    values = {"tenant": scope.tenant, "document_id": document_id, "label_id": label_id}
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        cursor = await connection.execute(_SQL.scoped("other_copies", scope.label_ids), values)
        rows = await cursor.fetchall()
    return [
        Label.from_json(row["value"], tenant=scope.tenant, where="stored label") for row in rows
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


async def write(
    database: Database,
    scope: Scope,
    prepared: PreparedDocument,
    ids: LabelIds,
    record: Record,
    record_label: int,
) -> str:
    """Replaces what this id and label stood for and appends the ingest record; gives the ledger id."""
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        if await place(connection, scope, prepared, ids, record.asker.principal.sub):
            # An answer that is being written may rest on what was there.
            await raise_fence(connection, scope.tenant)
        ledger_id = await append(connection, record, record_label)
    database.fences.doubt()
    return ledger_id


async def place(
    connection: Connection, scope: Scope, prepared: PreparedDocument, ids: LabelIds, sub: str
) -> bool:
    """Puts the document in the place of what its id and label stood for, as far as `sub` may read that.

    Gives whether that was anything.
    """
    label_id = ids[prepared.document.label.canonical()]
    values = _document_values(prepared, scope.tenant, label_id, sub)
    cursor = await connection.execute(_SQL.scoped("held", scope.label_ids), values)
    row = await cursor.fetchone()
    if row is not None:
        key: UUID = row["document_key"]
        old = await _seen_part_ids(connection, scope, key)
        await hold_statistics(connection, old, _label_ids(prepared.parts, ids))
        await take_out(connection, scope, old)
        await connection.execute(_SQL["revise"], values | {"key": key})
    else:
        key = await _document(connection, values)
        await hold_statistics(connection, [], _label_ids(prepared.parts, ids))
    await place_parts(connection, scope, key, prepared.parts, ids)
    return row is not None


async def hold_statistics(
    connection: Connection, part_ids: Sequence[str], label_ids: Sequence[int]
) -> None:
    """Holds the sums that will change; call it once, before any does, with all that goes and comes."""
    values = {"part_ids": list(part_ids), "label_ids": list(label_ids)}
    await connection.execute(_SQL["hold_statistics"], values)


async def take_out(connection: Connection, scope: Scope, part_ids: Sequence[str]) -> None:
    """Removes parts, with all that is searched of them, of documents that the transaction holds."""
    for block in ("shrink_statistics", "remove_parts"):
        query = _SQL.scoped(block, scope.label_ids)
        await connection.execute(query, {"part_ids": list(part_ids)})


async def place_parts(
    connection: Connection, scope: Scope, key: UUID, parts: Sequence[PreparedPart], ids: LabelIds
) -> None:
    """Adds the parts, with all that is searched of them, to a document that the transaction holds."""
    for position, (part, label_id) in enumerate(zip(parts, _label_ids(parts, ids), strict=True)):
        await _part(connection, key, position, part, scope.tenant, label_id)


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


async def _document(connection: Connection, values: Row) -> UUID:
    row = await (await connection.execute(_SQL["document"], values)).fetchone()
    assert row is not None  # INSERT … RETURNING gives its row
    key: UUID = row["document_key"]
    return key


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


async def _part(
    connection: Connection, key: UUID, position: int, part: PreparedPart, tenant: str, label_id: int
) -> None:
    stored = {
        "part_id": part.part_id,
        "document_key": key,
        "label_id": label_id,
        "position": position,
        "text": part.part.text,
    }
    await connection.execute(_SQL["part"], stored)
    rows: dict[str, list[Row]] = {
        "chunks": [_chunk_row(chunk, part, label_id) for chunk in part.chunks],
        "sentences": [row for chunk in part.chunks for row in _sentence_rows(chunk, label_id)],
        "postings": [row for chunk in part.chunks for row in _posting_rows(chunk, label_id)],
        "mentions": [
            row for chunk in part.chunks for row in _mention_rows(chunk, tenant, label_id)
        ],
        "mention_tokens": [
            row for chunk in part.chunks for row in _token_rows(chunk, tenant, label_id)
        ],
        "definitions": [row for chunk in part.chunks for row in _definition_rows(chunk, label_id)],
        "relations": [
            row for chunk in part.chunks for row in _relation_rows(chunk, tenant, label_id)
        ],
    }
    for table, values in rows.items():
        await connection.execute(_SQL[table], {"rows": Json(values)})
    terms = sum(chunk.length for chunk in part.chunks)
    totals = {"label_id": label_id, "chunks": len(part.chunks), "terms": terms}
    await connection.execute(_SQL["grow_statistics"], totals)


def _chunk_row(chunk: PreparedChunk, part: PreparedPart, label_id: int) -> Row:
    return {
        "chunk_id": chunk.chunk_id,
        "part_id": part.part_id,
        "label_id": label_id,
        "start_at": chunk.start,
        "end_at": chunk.end,
        "text": chunk.text,
        "embedding": _vector(chunk.embedding),
    }


def _sentence_rows(chunk: PreparedChunk, label_id: int) -> Iterator[Row]:
    for span, vector in chunk.sentences:
        yield {
            "chunk_id": chunk.chunk_id,
            "label_id": label_id,
            "start_at": span.start,
            "end_at": span.end,
            "embedding": _vector(vector),
        }


def _vector(values: Vectors) -> str:
    """pgvector's text form, each number the shortest that reads back as the same float32."""
    return "[" + ",".join(map(str, values)) + "]"


def _posting_rows(chunk: PreparedChunk, label_id: int) -> Iterator[Row]:
    for term, tf in chunk.terms.items():
        yield {
            "term": term,
            "label_id": label_id,
            "chunk_id": chunk.chunk_id,
            "tf": tf,
            "length": chunk.length,
        }


def _mention_rows(chunk: PreparedChunk, tenant: str, label_id: int) -> Iterator[Row]:
    """Offsets count from the start of the part; those of a title from the title's own."""
    for mention, in_title in chunk.mentions:
        shift = 0 if in_title else chunk.start
        yield {
            "entity_id": entity_id(tenant, mention.key),
            "chunk_id": chunk.chunk_id,
            "label_id": label_id,
            "kind": str(mention.kind),
            "key": mention.key,
            "surface": mention.surface,
            "start_at": mention.start + shift,
            "end_at": mention.end + shift,
            "in_title": in_title,
        }


def _token_rows(chunk: PreparedChunk, tenant: str, label_id: int) -> Iterator[Row]:
    """Each word of each name once, in the title and in the text."""
    named = dict.fromkeys((mention.key, in_title) for mention, in_title in chunk.mentions)
    for key, in_title in named:
        for token in dict.fromkeys(key.split()):
            yield {
                "token": token,
                "label_id": label_id,
                "entity_id": entity_id(tenant, key),
                "chunk_id": chunk.chunk_id,
                "in_title": in_title,
                "key": key,
            }


def _definition_rows(chunk: PreparedChunk, label_id: int) -> Iterator[Row]:
    for key, in_title in chunk.defines:
        yield {
            "key": key,
            "label_id": label_id,
            "chunk_id": chunk.chunk_id,
            "in_title": in_title,
        }


def _relation_rows(chunk: PreparedChunk, tenant: str, label_id: int) -> Iterator[Row]:
    for order, relation in enumerate(chunk.relations):
        yield {
            "relation_id": content_id("relation", chunk.chunk_id, relation.type, str(order)),
            "chunk_id": chunk.chunk_id,
            "label_id": label_id,
            "type": relation.type,
            "source_id": entity_id(tenant, relation.source.key),
            "source_name": relation.source.surface,
            "target_id": entity_id(tenant, relation.target.key),
            "target_name": relation.target.surface,
            "start_at": relation.start + chunk.start,
            "end_at": relation.end + chunk.start,
            "properties": dict(relation.properties),
        }
