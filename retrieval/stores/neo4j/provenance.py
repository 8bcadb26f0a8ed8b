"""Records of questions and answers in Neo4j: whole records at a time, each write such that it may be repeated."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from neo4j import AsyncTransaction
from neo4j.time import DateTime

from retrieval.stores.neo4j.graph import Position
from retrieval.stores.neo4j.held import Row, held, put
from retrieval.stores.neo4j.queries import Queries
from retrieval.stores.neo4j.server import Neo4j, values

_CYPHER = Queries("retrieval.stores.neo4j", "provenance.cypher")
CITES = _CYPHER["cites"]
"""Ties answers to passages, where both are here."""
_FACTS = ("provenance", "investigation", "model", "answer", "citation")
NO_LABEL = -1
"""Of what bears none: a model, or what somebody has tampered with."""

Fact = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """All that is projected of the records `ledger_ids`: ids, hashes, labels and times."""

    ledger_ids: Sequence[str]
    records: Sequence[Row] = ()
    models: Sequence[Row] = ()
    answers: Sequence[Row] = ()
    cites: Sequence[Row] = ()

    def by_block(self) -> dict[str, Sequence[Row]]:
        """In the order in which they must be written."""
        return {
            "records": self.records,
            "models": self.models,
            "answers": self.answers,
            "cites": self.cites,
        }


class Neo4jProvenance:
    """The records as their only writer sees them. Every method raises Unavailable("neo4j", …)."""

    def __init__(self, server: Neo4j) -> None:
        self._server = server

    async def replace(self, records: Records, position: Position) -> None:
        """Puts the rows in the place of all that these records were; all of it or nothing."""
        async with held(self._server, position) as transaction:
            touched = await _take_out(transaction, records)
            for block, rows in records.by_block().items():
                await put(transaction, _CYPHER[block], rows)
            await values(transaction, _CYPHER["prune"], {"touched": touched})

    async def ids(self) -> AsyncGenerator[tuple[str, int], None]:
        """The id of every record that is there, and its label."""
        async with aclosing(self._server.stream(_CYPHER["ids"])) as rows:
            async for ledger_id, label_id in rows:
                yield ledger_id, label_id

    async def facts(self, ledger_ids: Sequence[str]) -> list[tuple[int, Fact]]:
        """Every fact of these records with its label, in no order."""
        named = {"ledger_ids": list(ledger_ids)}
        return [
            one
            for kind in _FACTS
            for one in _facts(await self._server.run(_CYPHER[f"{kind}_facts"], named))
        ]

    async def residue(self) -> AsyncGenerator[tuple[int, Fact], None]:
        """What hangs on no record."""
        async with aclosing(self._server.stream(_CYPHER["residue_facts"])) as rows:
            async for row in rows:
                for one in _facts([row]):
                    yield one


async def _take_out(transaction: AsyncTransaction, records: Records) -> list[str]:
    """Removes what the records were; gives the nodes that may now hang on nothing."""
    named = {"ledger_ids": list(records.ledger_ids)}
    touched = [row[0] for row in await values(transaction, _CYPHER["touched"], named)]
    for block in ("remove_answers", "remove_records"):
        await values(transaction, _CYPHER[block], named)
    answers = {"answer_ids": [row["answer_id"] for row in records.answers]}
    await values(transaction, _CYPHER["remove_strays"], answers)
    return touched


def _facts(rows: Iterable[Sequence[Any]]) -> list[tuple[int, Fact]]:
    return [
        (NO_LABEL if label_id is None else label_id, tuple(map(_plain, fact)))
        for label_id, fact in rows
    ]


def _plain(value: Any) -> Any:
    """Times as Postgres' are written here."""
    if isinstance(value, DateTime):
        return value.to_native().astimezone(UTC).isoformat()
    return value
