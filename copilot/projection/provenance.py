"""Provenance: what was asked and answered, carried from the sealed log into Neo4j, leaf by leaf.

What is written of a record is what it is now, so a leaf may be taken again after a crash. What an erasure takes is
looked at again with the leaf of the erasure's own record, which is in the log once it stands; what an archive takes,
with whatever comes next.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from retrieval.stores.neo4j.provenance import Fact, Neo4jProvenance, Records
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.projection", "provenance.sql")
_LEAVES = 512
"""In one transaction."""
_IDS = 1_000
_NO_END = 2**62
_OF_ANSWER = ("ledger_id", "answer_id", "tenant", "label_id")
_OF_RECORD = (
    *("ledger_id", "tenant", "label_id", "leaf_hash", "outcome", "policy_revision"),
    *("investigation_id", "case_id"),
)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The next leaves of the log: the place of the last one, those of archived records, and what all these change."""

    last: int
    archived: Sequence[int]
    records: Records


async def waiting(connection: Connection) -> Batch | None:
    """What comes after all that was carried over; None where nothing waits."""
    [at] = await _rows(connection, "done_to")
    values = {"after": at["done_to"], "to": _NO_END, "most": _LEAVES}
    leaves = await _rows(connection, "leaves", values)
    archived = await _rows(connection, "archived", {"most": _LEAVES})
    if not leaves and not archived:
        return None
    named = [row["ledger_id"] for row in leaves]
    erased = await _rows(connection, "erased", {"ledger_ids": named})
    again = [row["ledger_id"] for row in (*erased, *archived)]
    rows = await _rows(connection, "records", {"ledger_ids": [*named, *again]})
    return Batch(
        last=leaves[-1]["leaf_index"] if leaves else at["done_to"],
        archived=[row["leaf_index"] for row in archived],
        records=_records(rows, again),
    )


async def done(connection: Connection, batch: Batch) -> None:
    """Counts the batch as carried over, and notes what its answers cite for passages that come later."""
    records = batch.records
    await connection.execute(_SQL["forget_cited"], {"ledger_ids": list(records.ledger_ids)})
    columns = ("ledger_id", "answer_id", "chunk_id")
    cited = {f"{name}s": [row[name] for row in records.cites] for name in columns}
    await connection.execute(_SQL["cited"], cited)
    await connection.execute(_SQL["done"], {"to": batch.last, "taken_out": list(batch.archived)})


async def anew(connection: Connection) -> None:
    """Begins with the first leaf again, for a Neo4j that holds nothing."""
    await connection.execute(_SQL["anew"])


async def behind(connection: Connection) -> Row:
    """`records` sealed or archived and not carried over, and `records_seconds` since the oldest of the sealed."""
    [row] = await _rows(connection, "behind")
    return row


async def done_to(database: Database) -> int:
    """The place of the last leaf that was carried over; -1 where none was."""
    async with database.transaction(Role.PROJECTOR) as connection:
        [row] = await _rows(connection, "done_to")
    place: int = row["done_to"]
    return place


async def stored(database: Database, to: int) -> AsyncIterator[tuple[int, Fact]]:
    """What Neo4j should hold of the leaves up to this place."""
    async with aclosing(_leaves(database, to)) as slices:
        async for ledger_ids in slices:
            async with database.transaction(Role.PROJECTOR) as connection:
                rows = await _rows(connection, "records", {"ledger_ids": ledger_ids})
                cited = {"chunk_ids": sorted({one for row in rows for one in row["chunk_ids"]})}
                present = {row["chunk_id"] for row in await _rows(connection, "present", cited)}
            for row in rows:
                for fact in _facts(row, present):
                    yield row["label_id"], fact


async def projected(
    database: Database, provenance: Neo4jProvenance, to: int
) -> AsyncIterator[tuple[int, Fact]]:
    """What it holds of them, and whatever it holds that no leaf stands for: later ones do not matter."""
    async with aclosing(_leaves(database, to)) as slices:
        async for ledger_ids in slices:
            for one in await provenance.facts(ledger_ids):
                yield one
    some: dict[str, int] = {}
    async with aclosing(provenance.ids()) as ids:
        async for ledger_id, label_id in ids:
            some[ledger_id] = label_id
            if len(some) == _IDS:
                for one in await _surplus(database, some):
                    yield one
                some = {}
    for one in await _surplus(database, some):
        yield one
    async with aclosing(provenance.residue()) as residue:
        async for one in residue:
            yield one


async def _surplus(database: Database, ids: Mapping[str, int]) -> list[tuple[int, Fact]]:
    async with database.transaction(Role.PROJECTOR) as connection:
        rows = await _rows(connection, "unknown", {"ledger_ids": list(ids)})
    return [(ids[row["ledger_id"]], ("provenance", row["ledger_id"])) for row in rows]


async def _leaves(database: Database, to: int) -> AsyncGenerator[list[str], None]:
    """Ledger ids in the order of the log, a slice at a time, each read in a transaction of its own."""
    after = -1
    while True:
        async with database.transaction(Role.PROJECTOR) as connection:
            rows = await _rows(connection, "leaves", {"after": after, "to": to, "most": _IDS})
        if not rows:
            return
        yield [row["ledger_id"] for row in rows]
        after = rows[-1]["leaf_index"]


def _records(rows: Sequence[Row], again: Sequence[str]) -> Records:
    """`again` names records that may have lost something, all of it perhaps."""
    answered = [row for row in rows if row["answer_id"] is not None]
    return Records(
        ledger_ids=sorted({*again, *(row["ledger_id"] for row in rows)}),
        records=[
            {name: row[name] for name in _OF_RECORD}
            | {"recorded_at": row["recorded_at"].astimezone(UTC)}
            for row in rows
        ],
        models=[{"ledger_id": row["ledger_id"], **one} for row in rows for one in row["models"]],
        answers=[{name: row[name] for name in _OF_ANSWER} for row in answered],
        cites=[
            {"ledger_id": row["ledger_id"], "answer_id": row["answer_id"], "chunk_id": one}
            for row in answered
            for one in row["chunk_ids"]
        ],
    )


def _facts(row: Row, present: set[str]) -> Iterator[Fact]:
    """As Neo4j tells them (`provenance.cypher`); of what is cited, the passages that are there."""
    ledger_id, tenant = row["ledger_id"], row["tenant"]
    at = row["recorded_at"].astimezone(UTC).isoformat()
    by = (row["outcome"], row["policy_revision"], tenant)
    yield ("provenance", ledger_id, row["leaf_hash"], at, *by)
    yield ("investigation", ledger_id, row["investigation_id"], row["case_id"], tenant)
    for one in row["models"]:
        yield ("model", ledger_id, one["provider"], one["name"])
    if row["answer_id"] is not None:
        yield ("answer", ledger_id, row["answer_id"], tenant)
        for chunk_id in sorted(present & set(row["chunk_ids"])):
            yield ("citation", ledger_id, row["answer_id"], chunk_id)


async def _rows(
    connection: Connection, block: str, values: Row | None = None
) -> list[dict[str, Any]]:
    return await (await connection.execute(_SQL[block], values)).fetchall()
