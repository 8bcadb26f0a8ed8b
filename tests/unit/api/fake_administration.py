"""An in-memory Administration for tests of the edge: it does nothing and remembers what it was asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from copilot.results import (
    AccessGrant,
    AccessGrants,
    Deleted,
    DeleteOutcome,
    GrantState,
    NotFound,
    Relabelled,
    RelabelOutcome,
    StandingChanged,
)
from policy.errors import Forbidden
from policy.labels import Classification, Label
from policy.markings import portion
from policy.principal import Asker

GRANT = AccessGrant(
    grant_id="g1",
    state=GrantState.PENDING,
    sub="ann",
    operator=None,
    clearance=Classification.TS,
    compartments=("LANTERN",),
    authorities=(),
    reason="a life is at stake",
    seconds=600,
    requested_at=datetime(2026, 1, 2, tzinfo=UTC),
    approved_by=None,
    approved_at=None,
    not_after=None,
    ended_by=None,
    ended_at=None,
)


@dataclass
class FakeAdministration:
    """Knows the document d1; only ingesters, analysts and auditors come through."""

    calls: list[tuple[str, Any]] = field(default_factory=list)

    async def delete(self, asker: Asker, document_id: str) -> DeleteOutcome:
        self.calls.append(("delete", document_id))
        if document_id != "d1":
            return NotFound(text="nothing", ledger_id="l6")
        return Deleted(document_id="d1", part_ids=("p1",), ledger_id="l6")

    async def relabel(self, asker: Asker, document_id: str, label: Label) -> RelabelOutcome:
        self.calls.append(("relabel", label))
        if document_id != "d1":
            return NotFound(text="nothing", ledger_id="l7")
        return Relabelled(
            document_id="d1",
            part_ids=("p2",),
            label=label,
            marking=portion(label),
            ledger_id="l7",
        )

    async def revoke(self, asker: Asker, sub: str, reason: str) -> StandingChanged:
        self.calls.append(("revoke", (sub, reason)))
        return StandingChanged(sub=sub, revoked=True, ledger_id="l8")

    async def reinstate(self, asker: Asker, sub: str) -> StandingChanged:
        self.calls.append(("reinstate", sub))
        return StandingChanged(sub=sub, revoked=False, ledger_id="l9")

    async def request_access(
        self,
        asker: Asker,
        *,
        clearance: Classification,
        compartments: Sequence[str],
        authorities: Sequence[str],
        minutes: int,
        reason: str,
    ) -> AccessGrant:
        asked = (clearance, tuple(compartments), tuple(authorities), minutes, reason)
        self.calls.append(("request", asked))
        return GRANT

    async def approve_access(self, asker: Asker, grant_id: str) -> AccessGrant:
        self.calls.append(("approve", grant_id))
        return GRANT

    async def end_access(self, asker: Asker, grant_id: str) -> AccessGrant:
        self.calls.append(("end", grant_id))
        return GRANT

    async def access_grants(self, asker: Asker, *, first: int, after: str | None) -> AccessGrants:
        if "auditor" not in asker.principal.roles:
            raise Forbidden("only auditors see grants")
        self.calls.append(("grants", (first, after)))
        return AccessGrants(grants=(GRANT,), next_cursor=None, ledger_id="l10")
