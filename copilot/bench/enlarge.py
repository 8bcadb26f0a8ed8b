"""A small corpus made large: copies of its passages under many labels, with noise on their vectors.

To embed a hundred thousand passages takes an hour; copies have real words, real lengths and vectors that
lie as real ones do. What is measured on them is time, never quality.
"""

from collections.abc import Sequence

import psycopg
from psycopg.rows import dict_row

from policy.labels import Label
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.bench", "enlarge.sql")
_NOISE = 0.02
_COPIED = (
    *(
        "parts",
        "chunks",
        "sentences",
        "chunk_terms",
        "posting_blocks",
        "mentions",
        "mention_tokens",
        "relations",
    ),
    *("definitions", "statistics"),
)


async def enlarge(url: str, labels: Sequence[Label], chunks: int) -> int:
    """As the owner: copies what there is, spread over the labels, up to so many chunks; gives their number."""
    canonicals = [label.canonical() for label in labels]
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
        present = await _count(connection, "copies")
        if present >= chunks:
            return present
        values = {
            "canonicals": canonicals,
            "tenant": labels[0].tenant,
            "copies": chunks // await _count(connection, "originals"),
            "noise": _NOISE,
        }
        for name in ("labels", "plan", *_COPIED):
            await connection.execute(_SQL[name], values)
        present = await _count(connection, "copies")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("VACUUM ANALYZE")
    return present


async def _count(connection: psycopg.AsyncConnection[dict[str, int]], name: str) -> int:
    row = await (await connection.execute(_SQL[name])).fetchone()
    assert row is not None  # an aggregate gives one row
    return row["chunks"]
