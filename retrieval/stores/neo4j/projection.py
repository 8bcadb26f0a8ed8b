"""Writes of the projection: whole parts at a time, each write such that it may be repeated."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from neo4j import AsyncTransaction

from retrieval.stores.neo4j.graph import Position
from retrieval.stores.neo4j.held import Row, held, put
from retrieval.stores.neo4j.provenance import CITES, Neo4jProvenance
from retrieval.stores.neo4j.queries import Queries
from retrieval.stores.neo4j.server import Neo4j, values

_CYPHER = Queries("retrieval.stores.neo4j", "projection.cypher")
_REMOVED = 20_000
"""At a time, so that emptying a large graph stays within the limit of a write."""
FACTS = ("chunk", "mention", "word", "definition", "relation", "residue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All that is projected of some parts: ids, labels and names, and no text of a passage."""

    chunks: Sequence[Row] = ()
    mentions: Sequence[Row] = ()
    words: Sequence[Row] = ()
    definitions: Sequence[Row] = ()
    relations: Sequence[Row] = ()
    cites: Sequence[Row] = ()
    """Answers that are here and cite a passage of these parts."""

    def by_block(self) -> dict[str, Sequence[Row]]:
        """In the order in which they must be written."""
        return {
            "chunks": self.chunks,
            "mentions": self.mentions,
            "words": self.words,
            "definitions": self.definitions,
            "relations": self.relations,
        }


class Neo4jProjection:
    """The projection as its only writer sees it. Every method raises Unavailable("neo4j", …)."""

    def __init__(self, server: Neo4j) -> None:
        self._server = server
        self.provenance = Neo4jProvenance(server)
        """The records of what was asked of this graph."""

    async def generation(self) -> str | None:
        """Which filling it comes from; None where there is no projection at all."""
        found = await self._server.run(_CYPHER["generation"])
        return str(found[0][0]) if found else None

    async def empty(self) -> bool:
        """Removes some of what is there, whoever made it; gives whether there was anything."""
        [[removed]] = await self._server.run(_CYPHER["empty"], {"most": _REMOVED})
        return bool(removed)

    async def begin(self, position: Position) -> None:
        """Begins a new one where there is nothing."""
        held = {"generation": position.generation, "token": position.token - 1}
        await self._server.run(_CYPHER["begin"], held)

    async def replace(self, part_ids: Sequence[str], rows: Rows, position: Position) -> None:
        """Puts the rows in the place of all that these parts were; all of it or nothing."""
        async with held(self._server, position) as transaction:
            touched = await _take_out(transaction, part_ids) if part_ids else []
            for block, some in rows.by_block().items():
                await put(transaction, _CYPHER[block], some)
            await put(transaction, CITES, rows.cites)
            await _prune(transaction, touched)

    async def facts(self, kind: str) -> AsyncGenerator[tuple[int, tuple[Any, ...]], None]:
        """Every fact of a kind with its label, in no order."""
        async with aclosing(self._server.stream(_CYPHER[f"{kind}_facts"])) as records:
            async for label_id, fact in records:
                yield label_id, tuple(fact)


async def _take_out(transaction: AsyncTransaction, part_ids: Sequence[str]) -> list[str]:
    """Removes what the parts were; gives the nodes that may now hang on nothing."""
    parts = {"parts": list(part_ids)}
    touched = [
        row[0]
        for block in ("touched", "touched_by_relations")
        for row in await values(transaction, _CYPHER[block], parts)
    ]
    for block in ("remove_relations", "remove_chunks"):
        await values(transaction, _CYPHER[block], parts)
    return touched


async def _prune(transaction: AsyncTransaction, touched: Sequence[str]) -> None:
    """A name of which no passage is left is gone, with its words."""
    if not touched:
        return
    found = await values(transaction, _CYPHER["unname"], {"touched": touched})
    words = [row[0] for row in found if row[0] is not None]
    await values(transaction, _CYPHER["prune"], {"touched": [*touched, *words]})
