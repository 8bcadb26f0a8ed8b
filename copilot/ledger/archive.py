"""Archiving: a month's records go into a bundle, which is checked, and then out of the database; their leaves stay."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg.rows import dict_row

from copilot.ledger import archived
from copilot.ledger.append import append
from copilot.ledger.bundled import export
from copilot.ledger.entry import Record
from copilot.ledger.month import Month
from copilot.ledger.proofs.bundle import STATEMENT
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.stored import StoredArchive, StoredCheckpoint, stored_log
from policy.errors import BadInput, Unavailable
from retrieval.stores.postgres.connections import Connection, Severable
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "archive.sql")
_TRIES, _PAUSE_S = 20, 0.5
_MARKED = 1_000

_Held = tuple[int, int]
"""How many records and how many openings the bundle holds."""
Recorded = Callable[[str, Mapping[str, Any]], tuple[Record, int]]
"""The record, for this tenant and with these details, and the id of its label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What was done."""

    records: int
    size: int
    """Of the log, by the bundle's checkpoint."""
    acts: tuple[str, ...]
    """Ledger ids of the records that say so, one for each tenant that had records in the month."""


class Archiver:
    """For the owner of the database. Nothing is dropped of which the bundle was not found to hold all."""

    def __init__(self, url: str, signers: Sequence[Signer], recorded: Recorded) -> None:
        self._url = url
        self._signers = signers
        self._recorded = recorded

    async def archive(self, month: Month, folder: Path) -> Archived:
        """BadInput where the month is not over, empty, not sealed, not published, or under legal hold.

        Unavailable where others are in the way for ten seconds, or the bundle does not hold; then nothing was dropped.
        """
        async with await _connected(self._url) as connection:
            before = await self._ready(connection, month)
            async with stored_log(self._url) as log:
                newest = await export(
                    log, folder, by="copilot ledger archive", signers=self._signers, month=month
                )
            held = self._verified(folder, newest, before["records"])
            for _ in range(_TRIES):
                try:
                    acts = await self._drop(connection, month, folder, held)
                except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                    await asyncio.sleep(_PAUSE_S)
                else:
                    return Archived(records=held[0], size=newest.size, acts=tuple(acts))
        raise Unavailable(
            "postgres", f"others are in the way; nothing was dropped: remove {folder} and try again"
        )

    async def _ready(self, connection: Connection, month: Month) -> dict[str, Any]:
        [row] = await _rows(connection, "month", month)
        [over] = await (
            await connection.execute("SELECT now() >= %s AS over", [month.until])
        ).fetchall()
        if not over["over"]:
            raise BadInput(f"{month} is not over yet")
        if not row["records"]:
            raise BadInput(f"there are no records of {month} here")
        if row["unsealed"]:
            raise BadInput(f"{row['unsealed']} records of {month} are not sealed yet; try again")
        values = {"last": row["last"]}
        [published] = await _rows(connection, "published", month, values)
        if not published["published"]:
            raise BadInput(
                f"no checkpoint lies outside that has all of {month}: set COPILOT_LEDGER_PUBLISH, and serve"
            )
        await self._mark(connection, month, row["last"])
        await _require_no_hold(connection, month)
        return row

    async def _mark(self, connection: Connection, month: Month, last: int) -> None:
        """Marks tell whether a hold covers the month."""
        while (await _rows(connection, "marked", month))[0]["leaves"] <= last:
            [done] = await _rows(connection, "mark", month, {"most": _MARKED})
            if not done["records"]:
                raise Unavailable("ledger", "a document is being deleted; try again")

    def _verified(self, folder: Path, newest: StoredCheckpoint, records: int) -> _Held:
        report = verify_bundle(folder, self._signers[0].verifier_key, [newest.note])
        if report.problems or report.records != records:
            raise Unavailable(
                "ledger",
                f"the bundle does not hold, and nothing was dropped: {report.summary()}",
            )
        return records, sum(len(one.openings) for one, _ in archived.records(folder))

    async def _drop(
        self, connection: Connection, month: Month, folder: Path, held: _Held
    ) -> list[str]:
        """In one transaction with the records that say so; what came meanwhile ends it."""
        async with connection.transaction():
            await connection.execute(_SQL["patience"])
            await _rows(connection, "gather", month)
            await _rows(connection, "still", month)
            await _require_no_hold(connection, month)
            [now] = await _rows(connection, "month", month)
            [there] = await _rows(connection, "openings", month)
            if (now["records"], there["openings"]) != held:
                raise Unavailable(
                    "ledger", f"{month} has changed; remove {folder}, and archive it again"
                )
            archive = await self._described(connection, month, folder)
            tenants = await _rows(connection, "tenants", month)
            acts = [
                await self._act(connection, archive, row["tenant"], row["records"])
                for row in tenants
            ]
            await _rows(connection, "drop", month)
            values = {
                "archive_id": archive.archive_id,
                "month": archive.month,
                "leaves": archive.leaves,
                "hashes": archive.hashes,
                "statement": archive.statement,
                "acts": acts,
            }
            await connection.execute(_SQL["answers"], values)
            await connection.execute(_SQL["archived"], values)
        return acts

    async def _described(self, connection: Connection, month: Month, folder: Path) -> StoredArchive:
        [row] = await _rows(connection, "leaves", month)
        statement = hashlib.sha256((folder / STATEMENT).read_bytes()).digest()
        return StoredArchive(uuid4().hex, month.first, **row, statement=statement, acts=())

    async def _act(
        self, connection: Connection, archive: StoredArchive, tenant: str, records: int
    ) -> str:
        record, label_id = self._recorded(
            tenant, {"archive": archive.said() | {"records": records}}
        )
        return await append(connection, record, label_id)


async def _require_no_hold(connection: Connection, month: Month) -> None:
    [row] = await _rows(connection, "held", month)
    if row["held"]:
        raise BadInput(
            f"a legal hold covers records of {month}; release it, or archive the month later"
        )


async def _rows(
    connection: Connection,
    block: LiteralString,
    month: Month,
    values: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    given = {"since": month.since, "until": month.until, **(values or {})}
    return await (await connection.execute(_SQL[block], given)).fetchall()


async def _connected(url: str) -> Connection:
    try:
        return await Severable[dict[str, Any]].connect(
            url, row_factory=dict_row, connect_timeout=5, autocommit=True
        )
    except psycopg.OperationalError as error:
        raise Unavailable("postgres", "cannot reach the database that holds the ledger") from error
