"""Archiving: a month's records go into a bundle, which is checked, and then out of the database; their leaves stay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from copilot.ledger.archived import OPENING, Contents, contents, digest
from copilot.ledger.bundled import Exported, Told, export
from copilot.ledger.month import Month
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.stored import StoredArchive, StoredLog, stored_log
from policy.errors import BadInput, Unavailable
from retrieval.stores.postgres.connections import Connection, Severable
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "archive.sql")
_TRIES, _PAUSE_S = 20, 0.5

Recorded = Callable[[Connection, Mapping[str, Any]], Awaitable[None]]
"""Records the act with these details, in the transaction of that connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiver:
    """For the owner of the database. Nothing is dropped of which the bundle was not found to hold all."""

    url: str
    signers: Sequence[Signer]
    recorded: Recorded
    told: Mapping[str, Told] = field(default_factory=dict)
    """As `export` takes it."""
    held: Collection[int] = ()
    """As `export` takes it."""

    async def archive(self, month: Month, folder: Path) -> int:
        """Gives the number of records.

        BadInput where the month is not over, empty, not sealed, not published, or under legal hold. Unavailable where
        others are in the way for ten seconds, or the bundle does not hold; then nothing was dropped.
        """
        async with _connected(self.url) as connection:
            await _require_ready(connection, month)
            async with stored_log(self.url) as log:
                exported = await export(
                    log,
                    folder,
                    by="copilot ledger archive",
                    signers=self.signers,
                    month=month,
                    held=self.held,
                    told=self.told,
                )
            held = self._verified(folder, exported)
            for _ in range(_TRIES):
                try:
                    await self._drop(connection, month, exported, held)
                except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                    await asyncio.sleep(_PAUSE_S)
                else:
                    return held.records
        raise Unavailable(
            "postgres", f"others are in the way; nothing was dropped: remove {folder} and try again"
        )

    def _verified(self, folder: Path, exported: Exported) -> Contents:
        report = verify_bundle(folder, self.signers[0].verifier_key, [exported.checkpoint])
        if found := [*report.problems, *report.contents.problems]:
            raise Unavailable(
                "ledger", f"the bundle does not hold, and nothing was dropped: {found[0]}"
            )
        return contents(folder)

    async def _drop(
        self, connection: Connection, month: Month, exported: Exported, held: Contents
    ) -> None:
        """In one transaction with the record that says so; what came meanwhile ends it."""
        async with connection.transaction():
            await connection.execute(_SQL["patience"])
            await _row(connection, "gather", month)
            await _row(connection, "still", month)
            await _require_no_hold(connection, month)
            now = await _row(connection, "contents", month)
            if (now["records"], now["openings"], now["hashes"]) != held[:3]:
                raise Unavailable("ledger", f"{month} has changed; remove the bundle and try again")
            values = {
                "statement": bytes.fromhex(exported.statement_sha256),
                "month": month.first,
                "leaves": now["leaves"],
                "hashes": held.hashes,
            }
            await self._record(connection, StoredArchive(**values))
            await connection.execute(_SQL["archived"], values)
            await connection.execute(_SQL["answers"], values)
            await _row(connection, "drop", month)

    async def _record(self, connection: Connection, archive: StoredArchive) -> None:
        """Fewer than eight words in each opening: an erasure takes them for nobody's text."""
        before = await StoredLog(connection).archives()
        said = {"month": f"{archive.month:%Y-%m}", "statement": archive.statement.hex()}
        await self.recorded(connection, {"archive": said, OPENING: digest([*before, archive])})


async def _require_ready(connection: Connection, month: Month) -> None:
    row = await _row(connection, "month", month)
    if not row["over"]:
        raise BadInput(f"{month} is not over yet")
    if not row["records"]:
        raise BadInput(f"there are no records of {month} here")
    if row["unsealed"]:
        raise BadInput(f"{row['unsealed']} records of {month} are not sealed yet; try again")
    if not row["published"]:
        raise BadInput(
            f"no checkpoint lies outside that has all of {month}: set COPILOT_LEDGER_PUBLISH, and serve"
        )
    await _require_no_hold(connection, month)


async def _require_no_hold(connection: Connection, month: Month) -> None:
    if (await _row(connection, "held", month))["held"]:
        raise BadInput(
            f"a legal hold covers records of {month}; release it, or archive the month later"
        )


async def _row(connection: Connection, block: LiteralString, month: Month) -> dict[str, Any]:
    given = {"since": month.since, "until": month.until}
    row = await (await connection.execute(_SQL[block], given)).fetchone()
    assert row is not None  # each gives one
    return row


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    try:
        async with await Severable[dict[str, Any]].connect(
            url, row_factory=dict_row, connect_timeout=5, autocommit=True
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise Unavailable("postgres", "cannot reach the database that holds the ledger") from error
