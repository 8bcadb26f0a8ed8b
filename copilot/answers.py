"""Stored answers: read again only by whoever may read, now, all that they cite."""

from typing import Any

from copilot.results import Answer
from copilot.serialise import stored_answer
from policy.scope import Scope
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "ledger.sql")


async def read(database: Database, scope: Scope, answer_id: str, ledger_id: str) -> Answer | None:
    """The answer under today's scope; None where it is absent, hidden or no longer open to the reader."""
    values: dict[str, Any] = {"answer_id": answer_id, "tenant": scope.tenant}
    async with database.transaction(Role.READER, scope.label_ids) as connection:
        cursor = await connection.execute(_SQL.scoped("read_answer", scope.label_ids), values)
        row = await cursor.fetchone()
    return stored_answer(row["body"], ledger_id) if row else None
