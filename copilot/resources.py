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
    EntitySummary,
    EntityView,
    NamedIn,
    PartView,
)
from policy.labels import join_all
from policy.markings import banner, portion
from policy.scope import Scope
from retrieval.entities import normalise
from retrieval.ports import KnownEntity
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
        entity = await self.named(scope, name)
        if entity is None:
            return None
        mentions = await self._rows("entity_mentions", scope, {"entity": entity})
        values = {"entity": entity, "relations": []}
        relations = await self._rows("entity_relations", scope, values)
        return _entity(entity, mentions, relations, scope)

    async def named(self, scope: Scope, name: str) -> str | None:
        """The id of the entity that most visible passages name with all words of this name."""
        tokens = normalise(name).split()
        found = await self._rows("entities", scope, {"tokens": tokens}) if tokens else []
        return str(found[0]["entity_id"]) if found else None

    async def summaries(
        self, scope: Scope, known: Sequence[KnownEntity]
    ) -> tuple[EntitySummary, ...]:
        """Those of the entities that a visible passage names, in the same order."""
        values = {"entities": [one.entity_id for one in known]}
        rows: dict[str, list[Row]] = {}
        for row in await self._rows("entity_names", scope, values):
            rows.setdefault(row["entity_id"], []).append(row)
        return tuple(
            _summary(one, rows[one.entity_id], scope) for one in known if one.entity_id in rows
        )

    async def relations(self, scope: Scope, ids: Sequence[str]) -> dict[str, EntityRelation]:
        """Relation id → what it says and where, for those that are visible."""
        values = {"entity": "", "relations": list(ids)}
        rows = await self._rows("entity_relations", scope, values)
        return {row["relation_id"]: _relation(row, scope) for row in rows}

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
    names = most_frequent(Counter(row["surface"] for row in mentions))
    return EntityView(
        entity_id=entity,
        name=names[0],
        entity_kind=most_frequent(Counter(row["kind"] for row in mentions))[0],
        aliases=tuple(_aliases(entity, names[1:], relations)),
        mentions=tuple(_mention(row, scope) for row in mentions[:_MOST_MENTIONS]),
        mention_count=len(mentions),
        relations=tuple(_relation(row, scope) for row in relations),
        ledger_id="",
    )


def _summary(known: KnownEntity, rows: Sequence[Row], scope: Scope) -> EntitySummary:
    names, kinds = Counter[str](), Counter[str]()
    for row in rows:
        names[row["surface"]] += row["times"]
        kinds[row["kind"]] += row["times"]
    parts = {row["label_id"]: row["part_id"] for row in reversed(rows)}
    return EntitySummary(
        entity_id=known.entity_id,
        key=known.key,
        name=most_frequent(names)[0],
        entity_kinds=tuple(most_frequent(kinds)),
        passage_count=known.degree,
        banner=banner(join_all(scope.labels[one] for one in parts)),
        named_in=tuple(
            NamedIn(part_id=part, label=scope.labels[label])
            for label, part in sorted(parts.items(), key=lambda one: one[1])
        ),
    )


def most_frequent(counted: Counter[str]) -> list[str]:
    """The most frequent first, ties by the alphabet."""
    return sorted(counted, key=lambda name: (-counted[name], name))


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
        source_id=row["source_id"],
        target=row["target_name"],
        target_id=row["target_id"],
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
