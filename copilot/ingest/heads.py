"""Heads: the rows of the documents themselves, found, held, made and revised some at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from copilot.ingest.documents import Document
from copilot.ingest.prepare import digest
from policy.scope import Scope
from retrieval.stores.postgres.database import Connection
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ingest", "writer.sql")

LabelIds = Mapping[str, int]
"""Canonical label → interned id, for every label of the documents."""
Key = tuple[str, int]
"""A document's id and the id of its own label."""
Columns = dict[str, list[Any]]


def label_ids(scope: Scope) -> LabelIds:
    """Of all labels that the scope shows."""
    return {label.canonical(): label_id for label_id, label in scope.labels.items()}


def key(document: Document, ids: LabelIds) -> Key:
    return document.document_id, ids[document.label.canonical()]


def sha256(document: Document) -> str:
    """The digest of all that the document's own label covers: of everything but its parts."""
    return digest(replace(document, parts=()))


async def find(
    connection: Connection, scope: Scope, block: str, documents: Sequence[Document], ids: LabelIds
) -> dict[Key, dict[str, Any]]:
    """The rows of those that are there: `existing` looks at them, `held` holds them as well."""
    # In one order for everybody, so that no two writers wait for each other.
    keys = sorted(key(one, ids) for one in documents)
    values = {
        "tenant": scope.tenant,
        "document_ids": [document_id for document_id, _ in keys],
        "label_ids": [label_id for _, label_id in keys],
    }
    cursor = await connection.execute(_SQL.scoped(block, scope.label_ids), values)
    return {(row["document_id"], row["label_id"]): row for row in await cursor.fetchall()}


async def put(
    connection: Connection,
    tenant: str,
    sub: str,
    documents: Sequence[Document],
    ids: LabelIds,
    held: Mapping[Key, UUID],
) -> dict[Key, UUID]:
    """The keys of all the rows: of those that are held, which are revised, and of those that are made."""
    given = {key(one, ids): one for one in documents}
    new = [(one, given[one]) for one in sorted(given) if one not in held]
    values: dict[str, Any] = {"tenant": tenant, "sub": sub}
    keys = dict(held)
    if new:
        columns = _columns(document for _, document in new)
        columns["document_id"] = [document_id for (document_id, _), _ in new]
        columns["label_id"] = [label_id for (_, label_id), _ in new]
        cursor = await connection.execute(_SQL["documents"], columns | values)
        for row in await cursor.fetchall():
            keys[row["document_id"], row["label_id"]] = row["document_key"]
    if held:
        revised = _columns(given[one] for one in held)
        revised["document_key"] = [*held.values()]
        await connection.execute(_SQL["revise"], revised | values)
    return keys


def _columns(documents: Iterable[Document]) -> Columns:
    some = list(documents)
    return {
        "title": [one.title for one in some],
        "source": [one.source for one in some],
        "metadata": [Jsonb(dict(one.metadata)) for one in some],
        "sha256": [sha256(one) for one in some],
    }
