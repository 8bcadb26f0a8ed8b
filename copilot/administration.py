"""The governed acts by which access is taken away or, in an emergency, given."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from copilot.break_glass import BreakGlass
from copilot.gate import Admitted, Gate
from copilot.ingest.held import Held
from copilot.ingest.relabelling import Relabelling
from copilot.ingest.removal import Removal
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from copilot.results import (
    AccessGrant,
    AccessGrants,
    DeleteOutcome,
    Denied,
    RelabelOutcome,
    StandingChanged,
    StepUpRequired,
)
from copilot.standing import Standing
from copilot.texts import plain
from copilot.wording import CLOSED_LABEL, STEP_UP, notice
from policy.engine import Act, PolicyEngine
from policy.labels import Classification, Label
from policy.principal import Asker
from policy.recheck import opened

_NOBODYS = {"requested_by": " ", "seconds": 1}
"""Asked of policy where there is no such grant: no sub is blank, so only roles decide who hears of that."""


class Administration:
    """Every act: asks policy, does the work with its record in one transaction, and only then says so."""

    def __init__(
        self,
        *,
        engine: PolicyEngine,
        gate: Gate,
        recorder: Recorder,
        removal: Removal,
        relabelling: Relabelling,
        standing: Standing,
        break_glass: BreakGlass,
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._recorder = recorder
        self._removal = removal
        self._relabelling = relabelling
        self._standing = standing
        self._break_glass = break_glass

    async def delete(self, asker: Asker, document_id: str) -> DeleteOutcome:
        """Deletes all of a document that the asker may read. Absent and hidden are the same."""
        said = {"document_id": document_id}

        async def work(admitted: Admitted) -> DeleteOutcome:
            try:
                done = await self._removal.delete(admitted.asker, plain(document_id))
            except Held as error:
                return await self._held(admitted, said, Act.DELETE, error)
            if done is None:
                return await self._gate.nothing(admitted, said, Kind.DELETE)
            return replace(done, notice=notice(admitted.step_up))

        return await self._gate.governed(Act.DELETE, asker, said, work)

    async def relabel(self, asker: Asker, document_id: str, label: Label) -> RelabelOutcome:
        """Puts what the asker may read of a document, or one part, under a label that they may read."""
        said = {"document_id": document_id, "label": label.to_json()}

        async def work(admitted: Admitted) -> RelabelOutcome:
            if not await opened(self._engine, admitted.asker, [label]):
                return await self._closed(admitted, said)
            try:
                done = await self._relabelling.relabel(admitted.asker, plain(document_id), label)
            except Held as error:
                return await self._held(admitted, said, Act.RELABEL, error)
            if done is None:
                return await self._gate.nothing(admitted, said, Kind.RELABEL)
            return replace(done, notice=notice(admitted.step_up))

        return await self._gate.governed(Act.RELABEL, asker, said, work)

    async def revoke(self, asker: Asker, sub: str, reason: str) -> StandingChanged:
        """Takes all access from a principal of the asker's tenant. Raises Forbidden for who may not."""
        said = {"revoke": sub, "because": reason}

        async def work(admitted: Admitted) -> StandingChanged:
            return await self._standing.revoke(admitted.asker, sub, reason)

        return await self._gate.required(Act.ADMINISTER, asker, said, work)

    async def reinstate(self, asker: Asker, sub: str) -> StandingChanged:
        """Gives a principal the access back that was revoked."""

        async def work(admitted: Admitted) -> StandingChanged:
            return await self._standing.reinstate(admitted.asker, sub)

        return await self._gate.required(Act.ADMINISTER, asker, {"reinstate": sub}, work)

    async def request_access(
        self,
        asker: Asker,
        *,
        clearance: Classification,
        compartments: Sequence[str] = (),
        authorities: Sequence[str] = (),
        minutes: int,
        reason: str,
    ) -> AccessGrant:
        """Asks for more in an emergency; it opens once somebody else approves, for so many minutes from then.

        The request with its reason is shown to every auditor of the tenant.
        """
        asker = replace(asker, reason=reason)
        subject = {"requested_by": asker.principal.sub, "seconds": 60 * minutes}
        said = {"requested": [str(clearance), *compartments, *authorities], **subject}

        async def work(admitted: Admitted) -> AccessGrant:
            return await self._break_glass.request(
                admitted.asker, clearance, compartments, authorities, 60 * minutes
            )

        return await self._gate.required(Act.REQUEST_ACCESS, asker, said, work, subject)

    async def approve_access(self, asker: Asker, grant_id: str) -> AccessGrant:
        """Opens what somebody else has asked for."""

        async def work(admitted: Admitted) -> AccessGrant:
            return await self._break_glass.approve(admitted.asker, grant_id)

        subject = _subject(await self._break_glass.find(asker, plain(grant_id)))
        said = {"grant_id": grant_id}
        return await self._gate.required(Act.APPROVE_ACCESS, asker, said, work, subject)

    async def end_access(self, asker: Asker, grant_id: str) -> AccessGrant:
        """Closes it before its time: whoever may ask for it or approve it may also end it."""

        async def work(admitted: Admitted) -> AccessGrant:
            return await self._break_glass.end(admitted.asker, grant_id)

        grant = await self._break_glass.find(asker, plain(grant_id))
        act, said = Act.APPROVE_ACCESS, {"grant_id": grant_id}
        if grant is not None and grant.sub == asker.principal.sub:
            act, asker = Act.REQUEST_ACCESS, replace(asker, reason=grant.reason)
        return await self._gate.required(act, asker, said, work, _subject(grant))

    async def access_grants(
        self, asker: Asker, *, first: int = 50, after: str | None = None
    ) -> AccessGrants:
        """All that was asked for in the tenant, for auditors and administrators; reading it is itself recorded."""
        said = {"access_grants": {"first": first, "after": after}}

        async def work(admitted: Admitted) -> AccessGrants:
            who, cursor = admitted.asker, plain(after or "") or None
            found = await self._break_glass.newest(who, first=first + 1, after=cursor)
            shown = found[:first]
            details = {**said, "grants": [one.grant_id for one in shown]}
            ledger_id = await self._recorder.record(Kind.READ, who, "AccessGrants", details)
            following = shown[-1].grant_id if len(found) > first else None
            return AccessGrants(grants=shown, next_cursor=following, ledger_id=ledger_id)

        act = Act.AUDIT if "auditor" in asker.principal.roles else Act.ADMINISTER
        return await self._gate.required(act, asker, said, work)

    async def _held(
        self, admitted: Admitted, said: Mapping[str, Any], act: Act, error: Held
    ) -> Denied:
        """It is told to whoever may read what is held, and to nobody else."""
        details = {**said, "denied_act": str(act), "denied_reason": "hold"}
        ledger_id = await self._recorder.record(Kind.DENIED, admitted.asker, "Denied", details)
        return Denied(text=error.message, reason="hold", ledger_id=ledger_id)

    async def _closed(self, admitted: Admitted, said: Mapping[str, Any]) -> Denied | StepUpRequired:
        """The new label is one that the asker may not read, or not with this sign-in."""
        outcome = "StepUpRequired" if admitted.step_up else "Denied"
        details = {**said, "denied_act": str(Act.RELABEL), "denied_reason": "label"}
        ledger_id = await self._recorder.record(Kind.DENIED, admitted.asker, outcome, details)
        if admitted.step_up:
            return StepUpRequired(text=STEP_UP, ledger_id=ledger_id)
        return Denied(text=CLOSED_LABEL, reason="label", ledger_id=ledger_id)


def _subject(grant: AccessGrant | None) -> Mapping[str, Any]:
    if grant is None:
        return _NOBODYS
    return {"requested_by": grant.sub, "seconds": grant.seconds}
