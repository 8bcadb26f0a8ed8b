"""The stored tree: hashes of complete subtrees, from which every proof follows."""

from collections.abc import Sequence
from typing import Any

import psycopg

from copilot.ledger.proofs.merkle import Subtree
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "seal.sql")


async def subtree_hashes(
    connection: psycopg.AsyncConnection[dict[str, Any]], wanted: Sequence[Subtree]
) -> dict[Subtree, bytes]:
    """The hashes of these, by level and index; one that is not stored is not there."""
    values = {
        "levels": [level for level, _ in wanted],
        "indices": [index for _, index in wanted],
    }
    rows = await (await connection.execute(_SQL["subtrees"], values)).fetchall()
    return {(row["level"], row["index"]): row["hash"] for row in rows if row["hash"] is not None}
