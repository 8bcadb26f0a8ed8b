"""Legal hold: what is held is neither deleted nor overwritten nor relabelled until the hold is released."""

from collections.abc import Collection, Sequence

from copilot.ingest import addressed
from copilot.ingest.addressed import Addressed
from copilot.ingest.held import Held
from copilot.ledger.log import Ledger, append
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from copilot.results import HoldChanged
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ingest", "holds.sql")


class Holds:
    """Holds and releases what somebody may read of a document, in one transaction with the record."""

    def __init__(
        self, database: Database, scoper: Scoper, ledger: Ledger, recorder: Recorder
    ) -> None:
        self._database = database
        self._scoper = scoper
        self._ledger = ledger
        self._recorder = recorder

    async def change(self, asker: Asker, given_id: str, *, held: bool) -> HoldChanged | None:
        """The document as it is held now; None where the asker may read nothing of it, hidden or absent."""
        scope = await self._scoper.scope(asker)
        outcome = "Held" if held else "Released"
        for _ in range(addressed.MOST_TRIES):
            found = await addressed.look(self._database, scope, given_id)
            if not found:
                return None
            record = await self._recorder.prepared(
                Kind.HOLD,
                asker,
                outcome,
                {"hold": addressed.described(given_id, found)},
                addressed.labels(found),
            )
            record_label = await self._ledger.label_id(record.label)
            async with self._database.transaction(Role.WRITER, scope.label_ids) as connection:
                if await addressed.find(connection, scope, given_id) != found:
                    continue
                await _change(connection, scope, found, asker.principal.sub, held=held)
                ledger_id = await append(connection, record, record_label)
            part_ids = tuple(addressed.part_ids(found))
            return HoldChanged(
                document_id=given_id, held=held, part_ids=part_ids, ledger_id=ledger_id
            )
        raise addressed.unsettled(given_id)


async def _change(
    connection: Connection, scope: Scope, found: Sequence[Addressed], sub: str, *, held: bool
) -> None:
    query = _SQL.scoped("hold" if held else "release", scope.label_ids)
    await connection.execute(query, {"part_ids": addressed.part_ids(found), "sub": sub})


async def require_none(connection: Connection, scope: Scope, part_ids: Sequence[str]) -> None:
    """Raises Held where one of the parts, which the asker sees, is held."""
    query = _SQL.scoped("held", scope.label_ids)
    if await (await connection.execute(query, {"part_ids": list(part_ids)})).fetchone():
        raise Held


async def held_documents(
    database: Database, scope: Scope, documents: Collection[tuple[str, int]]
) -> set[tuple[str, int]]:
    """Of these document and label ids those of which a part that is seen is held."""
    values = {
        "tenant": scope.tenant,
        "document_ids": [document_id for document_id, _ in documents],
        "label_ids": [label_id for _, label_id in documents],
    }
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        query = _SQL.scoped("held_documents", scope.label_ids)
        rows = await (await connection.execute(query, values)).fetchall()
    return {(row["document_id"], row["label_id"]) for row in rows}
