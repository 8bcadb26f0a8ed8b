"""Rows: what is stored of prepared parts, table by table, as columns that go into the database in one piece."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pgvector import HalfVector, Vector
from psycopg.types.json import Jsonb

from copilot.ingest.prepare import PreparedChunk, PreparedPart
from retrieval.identity import content_id, entity_id
from retrieval.stores.postgres.blocks import BLOCK, entry
from retrieval.terms import Counted

Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPart:
    """A part, the document that it goes to, and its place among that document's parts."""

    document_key: UUID
    position: int
    part: PreparedPart
    label_id: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns by table, in the order in which the tables refer to one another."""

    tenant: str
    tables: dict[str, Columns] = field(default_factory=dict)
    _blocks: dict[tuple[str, int, int], bytearray] = field(default_factory=dict)

    def add(self, placed: PlacedPart, first_ordinal: int) -> None:
        """All rows of the part. Its chunks get the ordinals from `first_ordinal` on."""
        part = placed.part
        self._add(
            "parts",
            part_id=part.part_id,
            document_key=placed.document_key,
            label_id=placed.label_id,
            position=placed.position,
            text=part.part.text,
        )
        for ordinal, chunk in enumerate(part.chunks, start=first_ordinal):
            self._chunk(chunk, part.part_id, placed.label_id)
            self.terms(chunk.chunk_id, chunk.counted, placed.label_id, ordinal)
            self._names(chunk, placed.label_id)
            self._relations(chunk, placed.label_id)

    def filled(self) -> Iterator[tuple[str, Mapping[str, list[Any]]]]:
        """Each table that has rows, with its columns."""
        yield from self.tables.items()
        if self._blocks:
            # In one order for everybody, so that no two writers wait for each other.
            keys = sorted(self._blocks)
            yield (
                "posting_blocks",
                {
                    "term": [term for term, _, _ in keys],
                    "label_id": [label_id for _, label_id, _ in keys],
                    "block": [block for _, _, block in keys],
                    "entries": [bytes(self._blocks[key]) for key in keys],
                },
            )

    def _add(self, table: str, **values: object) -> None:
        columns = self.tables.setdefault(table, {name: [] for name in values})
        for name, value in values.items():
            columns[name].append(value)

    def _chunk(self, chunk: PreparedChunk, part_id: str, label_id: int) -> None:
        self._add(
            "chunks",
            chunk_id=chunk.chunk_id,
            part_id=part_id,
            label_id=label_id,
            start_at=chunk.start,
            end_at=chunk.end,
            text=chunk.text,
            embedding=Vector(chunk.embedding),
        )
        for span, vector in chunk.sentences:
            self._add(
                "sentences",
                chunk_id=chunk.chunk_id,
                label_id=label_id,
                start_at=span.start,
                end_at=span.end,
                embedding=HalfVector(vector),
            )

    def terms(self, chunk_id: str, counted: Counted, label_id: int, ordinal: int) -> None:
        """What the keyword index has of a chunk. Terms have no blank, so that a list of them can go as one text."""
        self._add(
            "chunk_terms",
            chunk_id=chunk_id,
            label_id=label_id,
            ordinal=ordinal,
            length=counted.length,
            terms=" ".join(counted.terms),
            counts=" ".join(map(str, counted.terms.values())),
        )
        for term, count in counted.terms.items():
            block = self._blocks.setdefault((term, label_id, ordinal // BLOCK), bytearray())
            block += entry(ordinal, counted.length, count)

    def _names(self, chunk: PreparedChunk, label_id: int) -> None:
        """Offsets count from the start of the part; those of a title from the title's own."""
        of_chunk = {"chunk_id": chunk.chunk_id, "label_id": label_id}
        for mention, in_title in chunk.mentions:
            shift = 0 if in_title else chunk.start
            self._add(
                "mentions",
                **of_chunk,
                entity_id=entity_id(self.tenant, mention.key),
                kind=str(mention.kind),
                key=mention.key,
                surface=mention.surface,
                start_at=mention.start + shift,
                end_at=mention.end + shift,
                in_title=in_title,
            )
        for key, in_title in chunk.defines:
            self._add("definitions", **of_chunk, key=key, in_title=in_title)

    def _relations(self, chunk: PreparedChunk, label_id: int) -> None:
        for order, relation in enumerate(chunk.relations):
            self._add(
                "relations",
                relation_id=content_id("relation", chunk.chunk_id, relation.type, str(order)),
                chunk_id=chunk.chunk_id,
                label_id=label_id,
                type=relation.type,
                source_id=entity_id(self.tenant, relation.source.key),
                source_name=relation.source.surface,
                target_id=entity_id(self.tenant, relation.target.key),
                target_name=relation.target.surface,
                start_at=relation.start + chunk.start,
                end_at=relation.end + chunk.start,
                properties=Jsonb(dict(relation.properties)),
            )
