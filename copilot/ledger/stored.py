"""The stored log as the operator reads it, who holds the database's own credentials: all of it, at one moment."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from psycopg.types.multirange import Multirange

from copilot.ledger import scopes
from copilot.ledger.month import Month
from copilot.ledger.proofs.checkpoint import SignedCheckpoint
from copilot.ledger.proofs.keys import VerifierKey
from copilot.ledger.proofs.merkle import Subtree
from copilot.ledger.proofs.policies import built_of
from copilot.ledger.proofs.rotation import KeyTerm, Rotation, open_signed
from copilot.ledger.succession import in_order
from copilot.ledger.tree import subtree_hashes
from policy.bundle import Built
from policy.errors import BadInput, Unavailable
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "verify.sql")
_BATCH = 500

_UNREADABLE = (psycopg.DataError, errors.StatementTooComplex, errors.ProgramLimitExceeded)
"""What Postgres says of a value that is no JSON, or too deep or large a one."""

Row = dict[str, Any]
Astray = Literal["nowhere", "strays", "timeline", "touched", "erasing", "late"]


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it stands: its leaf in the tree beside its columns, and what openings are left of it."""

    row: Mapping[str, Any]
    openings: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    size: int
    root: bytes
    note: bytes

    def opened(self, terms: Sequence[KeyTerm]) -> SignedCheckpoint:
        """BadInput where the log did not sign it with one of these keys that may at its size."""
        origin = terms[0].key.name if terms else ""
        return open_signed(self.note, origin=origin, terms=terms)


@dataclass(frozen=True, slots=True)
class StoredArchive:
    """Records that lie in a bundle now; their leaves stand in the log as before."""

    statement: bytes
    """SHA-256 of the bundle's statement, and so of all that is in it."""
    month: date
    leaves: Multirange[int]
    hashes: bytes
    """SHA-256 over the hashes of these leaves, in their order."""

    @property
    def last(self) -> int:
        """The last leaf of these; -1 where there is none."""
        return max((one.upper - 1 for one in self.leaves if one.upper), default=-1)

    def holds(self, leaf_index: int) -> bool:
        return any(leaf_index in one for one in self.leaves)


class StoredLog:
    """One transaction that reads: what is written meanwhile is not seen."""

    def __init__(self, connection: psycopg.AsyncConnection[Row]) -> None:
        self._connection = connection

    def batches(self, block: Literal["leaves", "unsealed"]) -> AsyncIterator[Sequence[StoredEntry]]:
        """All entries, sealed or still waiting, in their order."""
        return self._batches(block)

    def month(self, month: Month) -> AsyncIterator[Sequence[StoredEntry]]:
        """Sealed entries of that month, in the order of their leaves."""
        return self._batches("month", since=month.since, until=month.until)

    async def archives(self) -> list[StoredArchive]:
        return [StoredArchive(**row) for row in await self._rows("archives")]

    async def _batches(self, block: str, **values: Any) -> AsyncIterator[Sequence[StoredEntry]]:
        after = -1
        while rows := await self._rows(block, after=after, first=_BATCH, **values):
            openings = await self._openings(rows)
            yield [StoredEntry(row, openings.get(row["leaf_id"], [])) for row in rows]
            after = rows[-1]["leaf_index"]

    async def checkpoints(self, after: int, to: int) -> list[StoredCheckpoint]:
        """Those of more than `after` leaves and at most `to`, the smallest first."""
        return [
            StoredCheckpoint(**row) for row in await self._rows("checkpoints", after=after, to=to)
        ]

    async def newest(self) -> StoredCheckpoint | None:
        rows = await self._rows("newest")
        return StoredCheckpoint(**rows[0]) if rows else None

    async def keys(self) -> list[VerifierKey]:
        """Those that the log names as its own, oldest first; BadInput where one is none."""
        rows, envelopes = await self._rows("keys"), await self.rotations()
        known = [VerifierKey.parse(row["verifier_key"]) for row in rows]
        return in_order(known, [Rotation.open(one) for one in envelopes])

    async def rotations(self) -> list[bytes]:
        """The envelopes in which its keys state that one follows the other."""
        return [row["envelope"] for row in await self._rows("rotations")]

    async def policy(self, digest: str) -> Built | None:
        """The policy bundle of that digest (hex), as it is kept; None where it is not, or is another by now."""
        rows = await self._rows("policy", digest=bytes.fromhex(digest))
        built = built_of(rows[0]["sources"], rows[0]["wasm"]) if rows else None
        return built if built is not None and built.sha256 == digest else None

    async def misled(self, entries: Sequence[StoredEntry]) -> list[Row]:
        """Which of these the auditors' index tells otherwise, and those that have begun.

        By `ledger_id`, with whether anything of it is `listed`, and whether that is `alike`.

        BadInput where what they say cannot be read.
        """
        if not entries:
            return []
        times = sorted({one.row["recorded_at"] for one in entries})
        ids = [one.row["ledger_id"] for one in entries]
        try:
            async with self._connection.transaction():
                return await self._rows(
                    "misled", ids=ids, times=times, since=times[0], until=times[-1]
                )
        except _UNREADABLE as error:
            raise BadInput("an opening among them cannot be read") from error

    async def astray(self, block: Astray, most: int) -> list[str]:
        """Ids of what stands where it should not, or not where it should: see the blocks."""
        return [row["ledger_id"] for row in await self._rows(block, first=most)]

    async def subtrees(self, wanted: Sequence[Subtree]) -> dict[Subtree, bytes]:
        return await subtree_hashes(self._connection, wanted)

    async def _openings(self, rows: Sequence[Row]) -> dict[str, list[Row]]:
        """By ledger id; each with the scope that it names, as that is stored."""
        openings = await self._rows("openings", ids=[row["leaf_id"] for row in rows])
        stored = await scopes.stored(self._connection, openings)
        found: dict[str, list[Row]] = {}
        for one in openings:
            scope = stored.get((one["label_id"], scopes.digest_in(one) or ""))
            found.setdefault(one["ledger_id"], []).append(one | {"scope": scope})
        return found

    async def _rows(self, block: str, **values: Any) -> list[Row]:
        return await (await self._connection.execute(_SQL[block], values)).fetchall()


@asynccontextmanager
async def stored_log(url: str) -> AsyncIterator[StoredLog]:
    """Raises Unavailable where the database cannot be reached, or breaks off."""
    try:
        async with await psycopg.AsyncConnection.connect(
            url, row_factory=dict_row, connect_timeout=5
        ) as connection:
            await connection.execute("SET TIME ZONE 'UTC'")
            await connection.commit()
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            yield StoredLog(connection)
    except psycopg.OperationalError as error:
        raise Unavailable("postgres", "cannot reach the database that holds the ledger") from error
