"""Disposal, as governed acts: legal holds, retention, and the certificates of what was deleted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from copilot import certificates
from copilot.gate import Admitted, Gate
from copilot.ingest.holds import Holds
from copilot.ledger.records import Kind
from copilot.names import stated
from copilot.recorder import Recorder
from copilot.results import (
    Certificate,
    CertificateOutcome,
    HoldChanged,
    HoldOutcome,
    NotFound,
    StepUpRequired,
)
from copilot.retention import Due, Retention
from copilot.texts import plain
from copilot.wording import notice
from policy.engine import Act, PolicyEngine
from policy.installation import Retention as Rule
from policy.labels import Label
from policy.principal import Asker
from policy.recheck import opened
from policy.scope import Scoper
from retrieval.stores.postgres.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """What `retention apply` found past its time, and which of it is gone."""

    due: tuple[Due, ...]
    deleted: tuple[str, ...]
    """Ledger ids of the deletions."""
    dry_run: bool
    ledger_id: str


class Disposal:
    """Every act: asks policy, does the work with its record, and only then says so."""

    def __init__(
        self,
        *,
        database: Database,
        engine: PolicyEngine,
        scoper: Scoper,
        gate: Gate,
        recorder: Recorder,
        holds: Holds,
        retention: Retention,
        rules: Callable[[str], Sequence[Rule]],
    ) -> None:
        self._database = database
        self._engine = engine
        self._scoper = scoper
        self._gate = gate
        self._recorder = recorder
        self._holds = holds
        self._retention = retention
        self._rules = rules

    async def hold(self, asker: Asker, document_id: str, reason: str) -> HoldOutcome:
        """Keeps all that the asker may read of a document as it is, until it is released."""
        return await self._change(asker, document_id, reason, held=True)

    async def release(self, asker: Asker, document_id: str, reason: str) -> HoldOutcome:
        """Lets go what the asker may read of a document, whoever held it."""
        return await self._change(asker, document_id, reason, held=False)

    async def _change(
        self, asker: Asker, document_id: str, reason: str, *, held: bool
    ) -> HoldOutcome:
        asker = replace(asker, reason=stated(reason))
        said = {"document_id": document_id, "held": held}

        async def work(admitted: Admitted) -> HoldChanged | NotFound | StepUpRequired:
            done = await self._holds.change(admitted.asker, plain(document_id), held=held)
            if done is None:
                return await self._gate.nothing(admitted, said, Kind.HOLD)
            return replace(done, notice=notice(admitted.step_up))

        return await self._gate.governed(Act.HOLD, asker, said, work)

    async def certificate(self, asker: Asker, document_id: str) -> CertificateOutcome:
        """Of the last deletion under this id: for auditors, and for whoever deleted it."""
        said = {"certificate": document_id}
        audits = "auditor" in asker.principal.roles
        by = None if audits else asker.principal.sub

        async def work(admitted: Admitted) -> Certificate | NotFound | StepUpRequired:
            found = await self._certificate(admitted.asker, plain(document_id), by)
            if found is None:
                return await self._gate.nothing(admitted, said, Kind.READ)
            given, labels = found
            details = {**said, "erasure_id": given.body["erasure_id"]}
            ledger_id = await self._recorder.record(
                Kind.READ, admitted.asker, given.kind, details, labels
            )
            return replace(given, ledger_id=ledger_id)

        act = Act.AUDIT if audits else Act.DELETE
        return await self._gate.governed(act, asker, said, work)

    async def _certificate(
        self, asker: Asker, document_id: str, by: str | None
    ) -> tuple[Certificate, tuple[Label, ...]] | None:
        """None as well where the double check closes one of its labels."""
        scope = await self._scoper.scope(asker)
        found = await certificates.read(self._database, scope, document_id, erased_by=by)
        if found is None or not set(found[1]) <= await opened(self._engine, asker, found[1]):
            return None
        return found

    async def retire(self, asker: Asker, *, dry_run: bool = False) -> Retired:
        """Deletes what is past its rule and not held; with `dry_run` it only says what that would be."""
        said = {"retention": {"dry_run": dry_run}}

        async def work(admitted: Admitted) -> Retired:
            due = await self._retention.due(admitted.asker, self._rules(asker.principal.tenant))
            details = {**said, "due": [one.to_json() for one in due]}
            ledger_id = await self._recorder.record(
                Kind.RETENTION, admitted.asker, "Due", details, (one.label for one in due)
            )
            deleted = [
                done
                for one in due
                if not (dry_run or one.held)
                and (done := await self._retention.delete(admitted.asker, one))
            ]
            return Retired(due=due, deleted=tuple(deleted), dry_run=dry_run, ledger_id=ledger_id)

        return await self._gate.required(Act.RETAIN, asker, said, work)
