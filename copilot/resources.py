"""Resources: documents and entities as one reader may see them."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from copilot.results import (
    Citation,
    DocumentView,
    EntityMention,
    EntityRelation,
    EntityView,
    PartView,
)
from policy.labels import join_all
from policy.markings import banner, portion
from policy.scope import Scope
from retrieval.entities import normalise
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries
from retrieval.types import Chunk, EntityKind, Span

_SQL = Queries("copilot", "resources.sql")
_MOST_MENTIONS = 100

Row = Mapping[str, Any]


class Resources:
    """Reads within a scope. What is hidden and what is absent give the same None."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def document(self, scope: Scope, document_id: str) -> DocumentView | None:
        """The visible parts, in order; where one id stands for several documents, all of them."""
        values = {"id": document_id, "tenant": scope.tenant}
        rows = await self._rows("document", scope, values)
        return _document(rows, scope) if rows else None

    async def entity(self, scope: Scope, name: str) -> EntityView | None:
        """The entity that most visible passages name so, from visible assertions alone."""
        tokens = normalise(name).split()
        found = await self._rows("entities", scope, {"tokens": tokens}) if tokens else []
        if not found:
            return None
        entity = found[0]["entity_id"]
        mentions = await self._rows("entity_mentions", scope, {"entity": entity})
        relations = await self._rows("entity_relations", scope, {"entity": entity})
        return _entity(entity, mentions, relations, scope)

    async def assertions(self, scope: Scope, chunk_ids: Sequence[str]) -> "Assertions":
        """What visible mentions and relations say of these chunks: what a quote is about."""
        values = {"chunks": list(chunk_ids)}
        return Assertions(
            await self._rows("names_in", scope, values),
            await self._rows("relations_in", scope, values),
        )

    async def _rows(self, name: str, scope: Scope, values: Row) -> list[dict[str, Any]]:
        ids = scope.label_ids
        async with self._database.transaction(Role.READER, ids) as connection:
            cursor = await connection.execute(_SQL.scoped(name, ids), values)
            return await cursor.fetchall()


class Assertions:
    """The names and relations of some chunks, by place. Offsets of rows are those of the part."""

    def __init__(self, names: Sequence[Row], relations: Sequence[Row]) -> None:
        self._names = names
        self._relations = relations

    def names(self, chunk: Chunk, span: Span) -> tuple[str, ...]:
        """What the span of the chunk's text names, in order."""
        return tuple(dict.fromkeys(row["surface"] for row in _inside(self._names, chunk, span)))

    @property
    def persons(self) -> tuple[str, ...]:
        """Everybody whom the chunks name, as they are written there."""
        persons = (row["surface"] for row in self._names if row["kind"] == EntityKind.PERSON)
        return tuple(dict.fromkeys(persons))

    def relation(self, chunk: Chunk, span: Span) -> str | None:
        """The first relation that the span states."""
        return next((row["type"] for row in _inside(self._relations, chunk, span)), None)


def _inside(rows: Sequence[Row], chunk: Chunk, span: Span) -> Iterator[Row]:
    start, end = chunk.start + span.start, chunk.start + span.end
    for row in rows:
        if row["chunk_id"] == chunk.chunk_id and start <= row["start_at"] and row["end_at"] <= end:
            yield row


def _document(rows: Sequence[Row], scope: Scope) -> DocumentView:
    first = rows[0]
    labels = [scope.labels[row["label_id"]] for row in rows]
    shown = {row["document_label_id"] for row in rows} - {None}
    return DocumentView(
        document_id=first["document_id"] or first["part_id"],
        title=first["title"],
        metadata=first["metadata"] or {},
        banner=banner(join_all([*labels, *(scope.labels[one] for one in shown)])),
        parts=tuple(
            PartView(part_id=row["part_id"], text=row["text"], label=label, marking=portion(label))
            for row, label in zip(rows, labels, strict=True)
        ),
        ledger_id="",
    )


def _entity(
    entity: str, mentions: Sequence[Row], relations: Sequence[Row], scope: Scope
) -> EntityView:
    surfaces = Counter(row["surface"] for row in mentions)
    names = sorted(surfaces, key=lambda name: (-surfaces[name], name))
    kinds = Counter(row["kind"] for row in mentions)
    return EntityView(
        entity_id=entity,
        name=names[0],
        entity_kind=min(kinds, key=lambda kind: (-kinds[kind], kind)),
        aliases=tuple(_aliases(entity, names[1:], relations)),
        mentions=tuple(_mention(row, scope) for row in mentions[:_MOST_MENTIONS]),
        mention_count=len(mentions),
        relations=tuple(_relation(row, scope) for row in relations),
        ledger_id="",
    )


def _aliases(entity: str, names: Sequence[str], relations: Sequence[Row]) -> list[str]:
    """Other spellings, then names that a visible assertion says are the same."""
    said = [
        row["target_name"] if row["source_id"] == entity else row["source_name"]
        for row in relations
        if row["type"] == "alias_of"
    ]
    return list(dict.fromkeys([*names, *said]))


def _mention(row: Row, scope: Scope) -> EntityMention:
    return EntityMention(
        document_id=row["document_id"] or row["part_id"],
        part_id=row["part_id"],
        chunk_id=row["chunk_id"],
        start=row["start_at"],
        end=row["end_at"],
        surface=row["surface"],
        label=scope.labels[row["label_id"]],
        marking=portion(scope.labels[row["label_id"]]),
    )


def _relation(row: Row, scope: Scope) -> EntityRelation:
    label = scope.labels[row["label_id"]]
    return EntityRelation(
        type=row["type"],
        source=row["source_name"],
        target=row["target_name"],
        properties=row["properties"],
        citation=Citation(
            document_id=row["document_id"] or row["part_id"],
            part_id=row["part_id"],
            chunk_id=row["chunk_id"],
            start=row["start_at"],
            end=row["end_at"],
            quote=row["quote"],
            quote_sha256=hashlib.sha256(row["quote"].encode()).hexdigest(),
            label=label,
            entities=(row["source_name"], row["target_name"]),
            relation=row["type"],
        ),
        marking=portion(label),
    )
