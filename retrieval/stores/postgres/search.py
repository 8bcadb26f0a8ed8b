"""Passages in Postgres: exact vector search, postings and texts, all through row-level security."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Any

from policy.errors import Unavailable
from policy.labels import Label
from policy.scope import Scope
from retrieval.embedding import Vectors
from retrieval.ports import MOST_BEGINNING, EmbeddedSentence, Passage, Postings, Weight
from retrieval.stores.postgres import blocks
from retrieval.stores.postgres.blocks import Numbering
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.in_step import MANY, chunks_held, state
from retrieval.stores.postgres.near import Near
from retrieval.stores.postgres.queries import Queries
from retrieval.stores.postgres.worded import Worded
from retrieval.stores.postgres.words_in_step import Words
from retrieval.terms import OTHER_SCHEME, SCHEME
from retrieval.types import Chunk, Hit

SQL = Queries("retrieval.stores.postgres", "search.sql")
_IN_PARALLEL = """
    SELECT set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true),
           set_config('min_parallel_index_scan_size', '0', true)
"""
_VERY_MANY = 20_000
"""Visible chunks from which, without vectors in memory, a second process is worth its start."""


class PostgresPassages:
    """`PassageStore` on Postgres. With `near` it looks where the vectors in memory point to; with `words` it looks
    words up there.
    """

    def __init__(
        self, database: Database, near: Near | None = None, words: Words | None = None
    ) -> None:
        self._database = database
        self._near = near
        self._words = words

    async def caught_up(self) -> None:
        """Returns once what was asked for is in memory."""
        for copy in (self._near, self._words):
            if copy is not None:
                await copy.caught_up()

    def reading(self, *, scope: Scope) -> AbstractAsyncContextManager[None]:
        return self._database.reading(scope.label_ids)

    async def nearest(self, vector: Vectors, limit: int, *, scope: Scope) -> list[Hit]:
        similar = await self._nearest(vector, limit, scope)
        hits = [Hit(chunk_id=one, score=similarity) for one, similarity in similar.items()]
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))[:limit]

    async def _nearest(self, vector: Vectors, limit: int, scope: Scope) -> dict[str, float]:
        """The nearest and perhaps others, whichever way is the quickest for so many visible chunks."""
        held = await state(self._database, scope.label_ids)
        visible = chunks_held(held)
        values = {"vector": vector, "limit": limit}
        if visible >= MANY and self._near is not None:
            look = await self._near.look(vector, limit, held)
            worded = None if look.later else await self._worded(scope)
            if worded is not None:
                ids = worded.placed(look.label_ids, look.ordinals)
                # What keywords found is weighed next; to read it along saves a message.
                also = self._database.remembered(scope.label_ids).get("identified", ())
                return await self._similarities([*ids, *also], vector, scope)
            if look.later < MANY:
                return _by_chunk(await self._rows("nearest_of", scope, values | asdict(look)))
        parallel = visible >= _VERY_MANY
        return _by_chunk(await self._in_all(scope, values, parallel=parallel))

    async def _similarities(
        self, chunk_ids: Sequence[str], vector: Vectors, scope: Scope
    ) -> dict[str, float]:
        """Chunk id → cosine, for the visible ones; within `reading` none is asked for twice."""
        remembered = self._database.remembered(scope.label_ids)
        known: dict[str, float | None] = remembered.setdefault(vector.tobytes(), {})
        if unknown := [one for one in dict.fromkeys(chunk_ids) if one not in known]:
            values = {"joined_ids": " ".join(unknown), "vector": vector}
            known |= dict.fromkeys(unknown)
            known |= _by_chunk(await self._rows("similarities", scope, values))
        return {one: found for one in chunk_ids if (found := known[one]) is not None}

    async def _worded(self, scope: Scope) -> Worded | None:
        return await self._words.of(scope) if self._words is not None else None

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
        worded = await self._worded(scope)
        if worded is None:
            values = {"ids": list(chunk_ids), "vector": vector, "terms": list(terms)}
            rows = await self._rows("weigh", scope, values)
            return {row["chunk_id"]: _weight(row, terms) for row in rows}
        similar = await self._similarities(chunk_ids, vector, scope)
        counted = worded.counts([*similar], terms)
        return {one: Weight(similar[one], *counts) for one, counts in counted.items()}

    async def passages(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Passage]:
        if not chunk_ids:
            return {}
        return {
            row["chunk_id"]: Passage(text=row["text"], titles=tuple(row["titles"]))
            for row in await self._rows("passages", scope, {"ids": list(chunk_ids)})
        }

    async def postings(self, terms: Sequence[str], *, scope: Scope) -> Postings:
        if (worded := await self._worded(scope)) is not None:
            return worded.postings(terms)
        rows = await self._rows("postings", scope, {"terms": list(terms)})
        if rows[0]["scheme"] != SCHEME:
            raise Unavailable("postgres", OTHER_SCHEME, refused=True)
        return blocks.postings(rows)

    async def beginning(self, starts: Sequence[str], *, scope: Scope) -> dict[str, Sequence[str]]:
        values = {"starts": list(starts), "most": MOST_BEGINNING}
        found: dict[str, list[str]] = {start: [] for start in starts}
        for row in await self._rows("beginning", scope, values):
            found[row["start"]].append(row["term"])
        return {start: sorted(terms) for start, terms in found.items()}

    async def identify(
        self, postings: Postings, positions: Sequence[int], *, scope: Scope
    ) -> dict[int, str]:
        if isinstance(postings.identity, Worded):
            identified = postings.identity.identified(positions)
            self._database.remembered(scope.label_ids)["identified"] = [*identified.values()]
            return identified
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
        labels: dict[int, Label] = {}
        return {row["chunk_id"]: _chunk(row, scope, labels) for row in rows}

    async def preceding(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        rows = await self._rows("preceding", scope, {"ids": list(chunk_ids)})
        labels: dict[int, Label] = {}
        return {row["follower"]: _chunk(row, scope, labels) for row in rows}

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


def _by_chunk(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {row["chunk_id"]: row["similarity"] for row in rows}


def _weight(row: Mapping[str, Any], terms: Sequence[str]) -> Weight:
    counts = zip(terms, row["counts"], strict=True)
    return Weight(
        row["similarity"], row["length"], {term: count for term, count in counts if count}
    )


def _chunk(row: Mapping[str, Any], scope: Scope, labels: dict[int, Label]) -> Chunk:
    """The label is the one stored with the text, not the scope's: the double check compares the two.

    `labels` are those that were read from other rows of the same answer.
    """
    label = labels.get(row["label_id"])
    if label is None:
        label = Label.from_json(row["label"], tenant=scope.tenant, where="stored label")
        labels[row["label_id"]] = label
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
