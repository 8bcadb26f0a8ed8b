"""Passages in Postgres: exact vector search, postings and texts, all through row-level security."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Any

from policy.labels import Label
from policy.scope import Scope
from retrieval.embedding import Vectors
from retrieval.ports import EmbeddedSentence, Postings, Weight
from retrieval.stores.postgres import blocks
from retrieval.stores.postgres.blocks import Numbering
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.near import Near, unpacked
from retrieval.stores.postgres.queries import Queries
from retrieval.types import Chunk, Hit

SQL = Queries("retrieval.stores.postgres", "search.sql")
_IN_PARALLEL = """
    SELECT set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true),
           set_config('min_parallel_index_scan_size', '0', true)
"""
_MANY = 4_000
"""Visible chunks from which vectors in memory are quicker …"""
_VERY_MANY = 20_000
"""… and from which, without them, a second process is worth its start."""


class PostgresPassages:
    """`PassageStore` on Postgres; with `near` it looks where the vectors in memory point to."""

    def __init__(self, database: Database, near: Near | None = None) -> None:
        self._database = database
        self._near = near

    def reading(self, *, scope: Scope) -> AbstractAsyncContextManager[None]:
        return self._database.reading(scope.label_ids)

    async def nearest(self, vector: Vectors, limit: int, *, scope: Scope) -> list[Hit]:
        rows = await self._nearest(scope, {"vector": vector, "limit": limit})
        return [Hit(chunk_id=row["chunk_id"], score=row["similarity"]) for row in rows]

    async def _nearest(self, scope: Scope, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Whichever way is the quickest for so many visible chunks; each gives the same."""
        [row] = await self._rows("held", scope, {})
        held = unpacked(row["labels"])
        visible = sum(one.chunks for one in held.values())
        if visible >= _MANY and self._near is not None:
            look = await self._near.look(values["vector"], values["limit"], held)
            if look.later < _MANY:
                return await self._rows("nearest_of", scope, values | asdict(look))
        return await self._in_all(scope, values, parallel=visible >= _VERY_MANY)

    async def _in_all(
        self, scope: Scope, values: Mapping[str, Any], *, parallel: bool
    ) -> list[dict[str, Any]]:
        """In parallel where told: the planner takes what row-level security leaves for little."""
        ids = scope.label_ids
        async with self._database.transaction(Role.READER, ids) as connection:
            if parallel:
                await connection.execute(_IN_PARALLEL)
            return await (await connection.execute(SQL.scoped("nearest", ids), values)).fetchall()

    async def weigh(
        self, chunk_ids: Sequence[str], vector: Vectors, terms: Sequence[str], *, scope: Scope
    ) -> dict[str, Weight]:
        values = {"ids": list(chunk_ids), "vector": vector, "terms": list(terms)}
        return {
            row["chunk_id"]: Weight(
                similarity=row["similarity"],
                length=row["length"],
                counts={
                    term: count for term, count in zip(terms, row["counts"], strict=True) if count
                },
                text=row["text"],
                titles=tuple(row["titles"]),
            )
            for row in await self._rows("weigh", scope, values)
        }

    async def postings(self, terms: Sequence[str], *, scope: Scope) -> Postings:
        return blocks.postings(await self._rows("postings", scope, {"terms": list(terms)}))

    async def identify(
        self, postings: Postings, positions: Sequence[int], *, scope: Scope
    ) -> dict[int, str]:
        assert isinstance(postings.identity, Numbering)  # what `postings` put there
        label_ids, ordinals = postings.identity.tell(positions)
        values = {"label_ids": label_ids, "ordinals": ordinals}
        found = {
            (row["label_id"], row["ordinal"]): row["chunk_id"]
            for row in await self._rows("identify", scope, values)
        }
        places = zip(positions, zip(label_ids, ordinals, strict=True), strict=True)
        return {position: found[place] for position, place in places if place in found}

    async def chunks(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        rows = await self._rows("chunks", scope, {"ids": list(chunk_ids)})
        return {row["chunk_id"]: _chunk(row, scope) for row in rows}

    async def sentences(
        self, chunk_ids: Sequence[str], *, scope: Scope
    ) -> dict[str, list[EmbeddedSentence]]:
        found: dict[str, list[EmbeddedSentence]] = {}
        for row in await self._rows("sentences", scope, {"ids": list(chunk_ids)}):
            sentence = EmbeddedSentence(
                start=row["start_at"], end=row["end_at"], vector=row["embedding"].to_numpy()
            )
            found.setdefault(row["chunk_id"], []).append(sentence)
        return found

    async def _rows(
        self, name: str, scope: Scope, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        ids = scope.label_ids
        async with self._database.transaction(Role.READER, ids) as connection:
            cursor = await connection.execute(SQL.scoped(name, ids), values, binary=True)
            return await cursor.fetchall()


def _chunk(row: Mapping[str, Any], scope: Scope) -> Chunk:
    """The label is the one stored with the text, not the scope's: the double check compares the two."""
    label = Label.from_json(row["label"], tenant=scope.tenant, where="stored label")
    about = scope.labels.get(row["document_label_id"])
    # Above the text's own label a title would stand beside a marking that is too low for it.
    titled = about is not None and label.dominates(about)
    return Chunk(
        chunk_id=row["chunk_id"],
        part_id=row["part_id"],
        document_id=row["document_id"] or row["part_id"],
        title=row["title"] if titled else None,
        text=row["text"],
        start=row["start_at"],
        end=row["end_at"],
        label_id=row["label_id"],
        label=label,
        metadata=(row["metadata"] or {}) if titled else {},
    )
