"""What an id stands for, as one person sees it: the documents whose parts are to be taken out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from copilot.citations import sha256
from copilot.ingest import writer
from policy.errors import Unavailable
from policy.labels import Label
from policy.scope import Scope
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ingest", "addressed.sql")
MOST_TRIES = 10
"""Somebody may change a document between a look at it and the transaction that takes it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """All that a document's own label covers."""

    document_id: str
    label: Label
    title: str
    source: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPart:
    part_id: str
    label: Label
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """A document as far as somebody may see it. Two that are equal are the same, unchanged."""

    key: UUID
    head: Head | None
    """None where the document's own label is above them: they know it by its parts' ids."""
    parts: tuple[SeenPart, ...]


async def look(
    database: Database, scope: Scope, given_id: str, *, alone: bool = False
) -> list[Addressed]:
    """As `find`, in a transaction of its own: what follows must look again before it changes anything."""
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        return await find(connection, scope, given_id, alone=alone)


async def find(
    connection: Connection, scope: Scope, given_id: str, *, alone: bool = False
) -> list[Addressed]:
    """The documents that the id stands for, held to the end of the transaction. Hidden and absent are alike.

    An id is that of a document or, where that is hidden, of a part, just as for who reads one. A part's id
    gives all that is seen of its document, `alone` the part alone.
    """
    query = _SQL.scoped("by_id", scope.label_ids)
    cursor = await connection.execute(query, {"tenant": scope.tenant, "id": given_id})
    keys = [row["document_key"] for row in await cursor.fetchall()]
    for key in keys:
        await connection.execute(_SQL["hold"], {"key": key})
    found = [await _seen(connection, scope, key) for key in keys]
    if alone:
        found = [one if one.head else _part_of(one, given_id) for one in found]
    return sorted((one for one in found if one.parts), key=_by_content)


async def remove(connection: Connection, scope: Scope, one: Addressed) -> None:
    """Takes out every part that is seen, and the document with the last of them.

    Where parts are left that are not seen, its row stays for them, without what its own label covers.
    """
    await writer.take_out(connection, scope, part_ids([one]))
    values = {"key": one.key}
    row = await (await connection.execute(_SQL["drop_bare"], values)).fetchone()
    if row is not None and not row["dropped"] and one.head is not None:
        await connection.execute(_SQL["empty"], values)
        await connection.execute(_SQL["forget_title"], values)


async def follow(connection: Connection, scope: Scope, old: Addressed, label_id: int) -> None:
    """Leaves what the document was to the one that stands under that label now, in whose place it came."""
    assert old.head is not None  # one that is known by its parts keeps its key
    values = {
        "old": old.key,
        "tenant": scope.tenant,
        "id": old.head.document_id,
        "label_id": label_id,
    }
    await connection.execute(_SQL.scoped("follow", scope.label_ids), values)


def part_ids(documents: Sequence[Addressed]) -> list[str]:
    """Of every part that is seen."""
    return [part.part_id for one in documents for part in one.parts]


def labels(documents: Sequence[Addressed]) -> list[Label]:
    """Of every part that is seen, and of what is seen of the documents themselves."""
    heads = [one.head.label for one in documents if one.head]
    return [*heads, *(part.label for one in documents for part in one.parts)]


def described(given_id: str, documents: Sequence[Addressed]) -> dict[str, Any]:
    """How the ledger names them: by ids, labels and hashes, without their texts."""
    parts = [part for one in documents for part in one.parts]
    return {
        "id": given_id,
        "labels": [one.head.label.to_json() for one in documents if one.head],
        "parts": [
            {"part_id": part.part_id, "label": part.label.to_json(), "sha256": sha256(part.text)}
            for part in parts
        ],
    }


def unsettled(given_id: str) -> Unavailable:
    """The failure of whoever never found the document as they had just seen it."""
    return Unavailable("postgres", f"others keep changing {given_id}; nothing was done, try again")


def _by_content(one: Addressed) -> tuple[str, list[str]]:
    """An order that no key decides: keys are random, and what is hidden would choose them."""
    return one.head.label.canonical() if one.head else "", part_ids([one])


def _part_of(one: Addressed, part_id: str) -> Addressed:
    return replace(one, parts=tuple(part for part in one.parts if part.part_id == part_id))


async def _seen(connection: Connection, scope: Scope, key: UUID) -> Addressed:
    async def rows(name: str) -> list[dict[str, Any]]:
        query = _SQL.scoped(name, scope.label_ids)
        return await (await connection.execute(query, {"key": key})).fetchall()

    heads = [
        Head(
            document_id=row["document_id"],
            label=scope.labels[row["label_id"]],
            title=row["title"],
            source=row["source"],
            metadata=row["metadata"],
        )
        for row in await rows("head")
    ]
    parts = [
        SeenPart(part_id=row["part_id"], label=scope.labels[row["label_id"]], text=row["text"])
        for row in await rows("parts")
    ]
    return Addressed(key=key, head=heads[0] if heads else None, parts=tuple(parts))
