"""The entry of an answer as it was recorded, held against its commitments, with what of it was erased."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from copilot.ledger.opened import opened
from policy.errors import BadInput
from policy.scope import Scope
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.provenance", "provenance.sql")
OF_AN_ANSWER = "stored_answer"
"""Every entry of an answer commits to the answer that was stored with it, and no other entry does."""

Place = tuple[str, int, int]
"""Chunk id, start and end: where a citation stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One entry. `details` has what its commitments open to; of what was erased the commitments alone are left."""

    ledger_id: str
    leaf: bytes
    commitments: Mapping[str, str]
    details: Mapping[str, Any]
    erasures: Mapping[str, tuple[str, ...]]
    """Of what was erased: the ledger ids of the records that say so, by the name of the opening."""

    @property
    def leaf_hash(self) -> str:
        """SHA-256 (hex) of the leaf as RFC 9162 has it."""
        return hashlib.sha256(b"\x00" + self.leaf).hexdigest()

    @property
    def sub(self) -> str | None:
        """Who did it; None where that was erased."""
        return self.details["act"]["sub"] if "act" in self.details else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An answer that is kept beside its entry."""

    answer_id: str
    ledger_id: str
    quotes: Mapping[Place, str]


async def stored(database: Database, scope: Scope, given_id: str) -> Stored | None:
    """By its own id or by that of its entry; None where the scope shows no such answer."""
    values = {"id": given_id, "tenant": scope.tenant}
    async with database.transaction(Role.READER, scope.label_ids) as connection:
        cursor = await connection.execute(_SQL.scoped("answer", scope.label_ids), values)
        row = await cursor.fetchone()
    if row is None:
        return None
    quotes = {
        (one["chunk_id"], one["start"], one["end"]): one["quote"]
        for sentence in row["body"]["sentences"]
        for one in sentence["citations"]
    }
    return Stored(answer_id=row["answer_id"], ledger_id=row["ledger_id"], quotes=quotes)


async def read(database: Database, scope: Scope, ledger_id: str) -> Recorded | None:
    """None where the scope shows no such entry.

    Raises BadInput where it is none of an answer, Unavailable where it is not what was written.
    """
    values = {"ledger_id": ledger_id, "tenant": scope.tenant}
    async with database.transaction(Role.AUDITOR, scope.label_ids) as connection:
        entries = await _rows(connection, scope, "entry", values)
        if not entries:
            return None
        openings = await _rows(connection, scope, "openings", values)
        erased = await _rows(connection, scope, "erased", values)
    leaf = bytes(entries[0]["leaf"])
    found = opened(ledger_id, leaf, openings)
    if OF_AN_ANSWER not in found.commitments:
        raise BadInput(
            f"the entry {ledger_id} is none of an answer; give the id of an answer, or of its entry"
        )
    erasures: dict[str, tuple[str, ...]] = {}
    for row in erased:
        erasures[row["name"]] = (*erasures.get(row["name"], ()), row["recorded"])
    return Recorded(
        ledger_id=ledger_id,
        leaf=leaf,
        commitments=found.commitments,
        details=found.details,
        erasures=erasures,
    )


async def _rows(
    connection: Connection, scope: Scope, block: str, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    cursor = await connection.execute(_SQL.scoped(block, scope.label_ids), values)
    return await cursor.fetchall()
