"""Deletion: all of a document that somebody may read, in one transaction with its record."""

from collections.abc import Sequence
from uuid import UUID

from copilot.ingest import addressed, erasure, holds, writer
from copilot.ingest.addressed import Addressed
from copilot.ledger.log import Ledger, Record
from copilot.ledger.records import Kind
from copilot.ledger.vouch import Vouching
from copilot.recorder import Recorder
from copilot.results import Deleted
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.labels import raise_fence


class Removal:
    """Deletes what somebody may read. What they may not read stays, and stays unsaid."""

    def __init__(
        self,
        database: Database,
        scoper: Scoper,
        ledger: Ledger,
        recorder: Recorder,
        vouching: Vouching,
    ) -> None:
        self._database = database
        self._scoper = scoper
        self._ledger = ledger
        self._recorder = recorder
        self._vouching = vouching

    async def delete(
        self, asker: Asker, given_id: str, *, key: UUID | None = None
    ) -> Deleted | None:
        """What was deleted; None where the asker may read nothing of it, hidden or absent.

        With a `key` only that one of the documents that the id stands for. Raises Held where it is under legal hold,
        Unavailable where it keeps changing meanwhile, BadInput where the reason repeats it, and Misconfigured where
        no key of the log is at hand that vouches for what is erased; nothing was done then.
        """
        for _ in range(addressed.MOST_TRIES):
            scope = await self._scoper.scope(asker)
            found = _only(await addressed.look(self._database, scope, given_id), key)
            if not found:
                return None
            record = await self._record(asker, given_id, found)
            if ledger_id := await self._delete(scope, given_id, key, found, record):
                part_ids = tuple(addressed.part_ids(found))
                return Deleted(document_id=given_id, part_ids=part_ids, ledger_id=ledger_id)
        raise addressed.unsettled(given_id)

    async def _record(self, asker: Asker, given_id: str, found: Sequence[Addressed]) -> Record:
        details = {"deleted": addressed.described(given_id, found)}
        labels = addressed.labels(found)
        return await self._recorder.prepared(Kind.DELETE, asker, "Deleted", details, labels)

    async def _delete(
        self,
        scope: Scope,
        given_id: str,
        key: UUID | None,
        found: Sequence[Addressed],
        record: Record,
    ) -> str | None:
        """The ledger id; None where the document is not any more what was found."""
        going, signers = addressed.part_ids(found), await self._vouching()
        await self._ledger.label_id(record.label)
        async with self._database.transaction(
            Role.WRITER, scope.label_ids, tenant=scope.tenant
        ) as connection:
            if _only(await addressed.find(connection, scope, given_id), key) != found:
                return None
            await holds.require_none(connection, scope, going)
            await erasure.require_other_words(connection, found, record.asker.reason)
            await writer.hold_statistics(connection, going, [])
            begun = await erasure.begin(connection, scope, self._ledger, given_id, found, record)
            for one in found:
                await addressed.remove(connection, scope, one)
            await raise_fence(connection, scope.tenant)
            ledger_id = await erasure.finish(connection, begun, given_id, found, record, signers)
        self._database.fences.doubt()
        return ledger_id


def _only(found: list[Addressed], key: UUID | None) -> list[Addressed]:
    return [one for one in found if key in {None, one.key}]
