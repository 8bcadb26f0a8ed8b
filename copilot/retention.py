"""Retention: what is past its tenant's rule is deleted by the same defensible deletion; a legal hold wins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from copilot.ingest.held import Held
from copilot.ingest.removal import Removal
from policy.installation import Retention as Rule
from policy.labels import Label
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot", "retention.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A document that a rule says is past its time."""

    document_id: str
    label: Label
    key: Any
    """Of the row, in this process alone: it says nothing and is never shown."""
    ingested_at: datetime
    rule: Rule
    held: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "document_id": self.document_id,
            "ingested_at": self.ingested_at.isoformat(),
            "days": self.rule.days,
            "held": self.held,
        }


class Retention:
    """Finds what is past its time among what somebody may read, and deletes it."""

    def __init__(self, database: Database, scoper: Scoper, removal: Removal) -> None:
        self._database = database
        self._scoper = scoper
        self._removal = removal

    async def due(self, asker: Asker, rules: Sequence[Rule]) -> tuple[Due, ...]:
        """The oldest first. Of several rules the first that is about a document holds for it."""
        if not rules:
            return ()
        scope, now = await self._scoper.scope(asker), datetime.now(UTC)
        before = now - timedelta(days=min(rule.days for rule in rules))
        values = {"tenant": scope.tenant, "before": before}
        async with self._database.transaction(Role.WRITER, scope.label_ids) as connection:
            query = _SQL.scoped("standing", scope.label_ids)
            rows = await (await connection.execute(query, values)).fetchall()
        return tuple(one for row in rows if (one := _due(row, scope, rules, now)))

    async def delete(self, asker: Asker, one: Due) -> str | None:
        """The ledger id of the deletion; None where it is held, or gone already."""
        asker = replace(asker, reason=f"retention: kept for {one.rule.days} days")
        try:
            done = await self._removal.delete(asker, one.document_id, key=one.key)
        except Held:
            return None
        return done.ledger_id if done else None


def _due(row: dict[str, Any], scope: Scope, rules: Sequence[Rule], now: datetime) -> Due | None:
    label = scope.labels[row["label_id"]]
    rule = next((one for one in rules if one.about(row["source"], label)), None)
    if rule is None or row["ingested_at"] >= now - timedelta(days=rule.days):
        return None
    return Due(
        document_id=row["document_id"],
        label=label,
        key=row["document_key"],
        ingested_at=row["ingested_at"],
        rule=rule,
        held=row["held"],
    )
