"""Pages of the ledger, for auditors."""

from typing import Any

from copilot.ledger.records import Entry, Kind, Page
from policy.scope import Scope
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "ledger.sql")


async def page(
    database: Database,
    scope: Scope,
    *,
    first: int,
    after: str | None = None,
    sub: str | None = None,
    kind: str | None = None,
) -> Page:
    """The newest entries that the scope shows. The cursor is a ledger id: random, so it tells no position."""
    values = {"tenant": scope.tenant, "first": first + 1, "after": after, "sub": sub, "kind": kind}
    async with database.transaction(Role.AUDITOR, scope.label_ids) as connection:
        cursor = await connection.execute(_SQL.scoped("page", scope.label_ids), values)
        rows = await cursor.fetchall()
    entries = tuple(_entry(row) for row in rows[:first])
    return Page(entries=entries, next_cursor=entries[-1].ledger_id if len(rows) > first else None)


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(
        ledger_id=row["ledger_id"],
        kind=Kind(row["kind"]),
        recorded_at=row["recorded_at"],
        tenant=row["tenant"],
        sub=row["sub"],
        purpose=row["purpose"],
        outcome=row["outcome"],
        policy_revision=row["policy_revision"],
        leaf_hash=row["leaf_hash"].hex(),
        details=row["details"],
    )
