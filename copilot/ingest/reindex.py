"""Reindexing: the keyword index cut anew, where it was cut by another scheme than this program's."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from copilot.ingest.prepare import Heading, heading
from copilot.ingest.rows import Rows
from copilot.ingest.writer import put
from policy.errors import Misconfigured
from policy.labels import Label
from retrieval.stores.postgres.blocks import BLOCK
from retrieval.stores.postgres.queries import Queries
from retrieval.terms import SCHEME, Terms

_SQL = Queries("copilot.ingest", "reindex.sql")

Connection = AsyncConnection[TupleRow]


async def stale(connection: Connection) -> bool:
    """Whether the index is of another scheme; Misconfigured where it is of one that comes later."""
    row = await (await connection.execute("SELECT scheme FROM keyword_index")).fetchone()
    assert row is not None  # its migration put it there, and nobody deletes it
    if row[0] > SCHEME:
        raise Misconfigured("the keyword index is of a newer version; run the newer program")
    return bool(row[0] < SCHEME)


async def reindex(connection: Connection) -> int:
    """Cuts all chunks anew, in one transaction of the owner's; gives how many.

    Whoever reads or writes meanwhile waits for it, and is refused afterwards if they go by another scheme.
    """
    terms, chunks = Terms(), 0
    async with connection.transaction():
        for name in ("take_apart", "numbered_by_block", "empty"):
            await connection.execute(_SQL[name])
        for block in await _rows(connection, "blocks", size=BLOCK):
            chunks += await _block(connection, terms, block["label_id"], block["block"])
        for name in ("statistics", "analyze", "renewed"):
            await connection.execute(_SQL[name])
        await connection.execute(_SQL["done"], {"scheme": SCHEME})
    return chunks


async def _block(connection: Connection, terms: Terms, label_id: int, block: int) -> int:
    """All that belongs to one block of a label, which shares no row with any other."""
    chunks = await _rows(connection, "chunks", label_id=label_id, first=block * BLOCK, size=BLOCK)
    headings = await _headings(connection, sorted({chunk["part_id"] for chunk in chunks}))
    rows = Rows("")
    for chunk in chunks:
        over = headings[chunk["part_id"]]
        counted = terms.counted(over.title, chunk["text"], over.language)
        rows.terms(chunk["chunk_id"], counted, label_id, chunk["ordinal"])
    await put(connection, rows)
    return len(chunks)


async def _headings(connection: Connection, part_ids: Sequence[str]) -> dict[str, Heading]:
    """Part id → the title and the language that it goes by."""
    return {
        row["part_id"]: heading(
            row["title"],
            row["metadata"] or {},
            _label(row["about"]),
            _label(row["label"]),
            row["text"],
        )
        for row in await _rows(connection, "parts", part_ids=part_ids)
    }


def _label(value: object) -> Label:
    return Label.from_json(value, tenant="", where="stored label")


async def _rows(connection: Connection, name: str, **values: object) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SQL[name], values)
        return await cursor.fetchall()
