"""Comparing the projection with Postgres: counts and a digest for each label, and where they first differ.

Of what was asked it compares what was carried over when it began: meanwhile people go on asking.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from copilot.projection import provenance
from copilot.projection.projector import SQL
from retrieval.stores.neo4j.projection import FACTS, Neo4jProjection
from retrieval.stores.postgres.database import Database, Role

_MOST_NAMED = 20
_CHUNKS = 1_000
_WORDS = 20_000
"""At a time: what Postgres gives within the limit of one transaction, whatever there is in all."""
Fact = tuple[Any, ...]


@dataclass(slots=True)
class Tally:
    """The facts of one label: how many of each kind, and a sum over their hashes, whatever their order."""

    counts: Counter[str] = field(default_factory=Counter)
    total: int = 0

    def add(self, fact: Fact) -> None:
        self.counts[fact[0]] += 1
        data = json.dumps(fact, ensure_ascii=True).encode()
        self.total = (self.total + int.from_bytes(hashlib.sha256(data).digest())) % (1 << 256)

    @property
    def digest(self) -> str:
        return f"{self.total:064x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Label id → what stands in Postgres and in Neo4j, and the first facts that only one of them has."""

    postgres: dict[int, Tally]
    neo4j: dict[int, Tally]
    differences: tuple[str, ...]
    """Kind and ids, without names: what a passage says stays in Postgres."""

    @property
    def different(self) -> list[int]:
        return _different(self.postgres, self.neo4j)


async def compare(database: Database, projection: Neo4jProjection) -> Comparison:
    """Compares all labels. Raises Unavailable."""
    to = await provenance.done_to(database)
    postgres = await _tallies(_stored(database, to))
    neo4j = await _tallies(_projected(database, projection, to))
    different = _different(postgres, neo4j)
    differences: list[str] = []
    if different:
        first = await _facts(_stored(database, to), different)
        second = await _facts(_projected(database, projection, to), different)
        differences = [
            *(f"only in Postgres: {one}" for one in _named(first - second)),
            *(f"only in Neo4j: {one}" for one in _named(second - first)),
        ]
    return Comparison(postgres=postgres, neo4j=neo4j, differences=tuple(differences))


def _different(postgres: dict[int, Tally], neo4j: dict[int, Tally]) -> list[int]:
    none = Tally()
    return sorted(
        label
        for label in {*postgres, *neo4j}
        if postgres.get(label, none).total != neo4j.get(label, none).total
    )


def _named(facts: Counter[tuple[int, Fact]]) -> list[str]:
    found = sorted((fact for _, fact in facts), key=str)
    return [" ".join(map(str, fact[:2])) for fact in found[:_MOST_NAMED]]


async def _tallies(facts: AsyncIterator[tuple[int, Fact]]) -> dict[int, Tally]:
    tallies: defaultdict[int, Tally] = defaultdict(Tally)
    async for label_id, fact in facts:
        tallies[label_id].add(fact)
    return dict(tallies)


async def _facts(
    facts: AsyncIterator[tuple[int, Fact]], label_ids: Sequence[int]
) -> Counter[tuple[int, Fact]]:
    wanted = set(label_ids)
    return Counter([one async for one in facts if one[0] in wanted])


async def _stored(database: Database, to: int) -> AsyncIterator[tuple[int, Fact]]:
    """A slice at a time, each in a transaction of its own: none lasts as long as the whole."""
    async for fact in _of_chunks(database):
        yield fact
    async for fact in _of_words(database):
        yield fact
    async for fact in provenance.stored(database, to):
        yield fact


async def _of_chunks(database: Database) -> AsyncIterator[tuple[int, Fact]]:
    after = ""
    while True:
        async with database.transaction(Role.PROJECTOR) as connection:
            values = {"after": after, "most": _CHUNKS}
            cursor = await connection.execute(SQL["chunks_after"], values)
            chunks = [row["chunk_id"] for row in await cursor.fetchall()]
            cursor = await connection.execute(SQL["facts_of_chunks"], {"chunks": chunks})
            rows = await cursor.fetchall()
        if not chunks:
            return
        for row in rows:
            yield row["label_id"], tuple(row["fact"])
        after = chunks[-1]


async def _of_words(database: Database) -> AsyncIterator[tuple[int, Fact]]:
    last: Mapping[str, Any] = {"token": "", "label_id": -1, "entity_id": ""}
    while True:
        async with database.transaction(Role.PROJECTOR) as connection:
            cursor = await connection.execute(SQL["words_after"], {**last, "most": _WORDS})
            rows = await cursor.fetchall()
        if not rows:
            return
        for row in rows:
            yield row["label_id"], ("word", row["entity_id"], row["token"])
        last = rows[-1]


async def _projected(
    database: Database, projection: Neo4jProjection, to: int
) -> AsyncIterator[tuple[int, Fact]]:
    for kind in FACTS:
        async with aclosing(projection.facts(kind)) as facts:
            async for label_id, fact in facts:
                yield label_id, fact
    async for one in provenance.projected(database, projection.provenance, to):
        yield one
