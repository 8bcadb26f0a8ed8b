"""What auditors ask, in memory: one entry, and whatever was asked remembered."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from copilot.ledger.audit import Filters
from copilot.ledger.prove import Checkpoints, LedgerProof, SignedHead
from copilot.ledger.records import Entry, Kind, Page, Tally, WhatDid, WhoSaw
from policy.errors import Forbidden
from policy.principal import Asker

ENTRY = Entry(
    ledger_id="l1",
    kind=Kind.ASK,
    recorded_at=datetime(2026, 1, 2, tzinfo=UTC),
    tenant="t1",
    sub="ann",
    purpose="investigation",
    outcome="Answer",
    policy_revision="ab" * 32,
    leaf_hash="cd" * 32,
    details={"question": "who?"},
)
PROOF = LedgerProof(
    ledger_id="l1",
    leaf_index=1,
    leaf_hash="cd" * 32,
    tree_size=3,
    root_hash="ab" * 32,
    inclusion_path=("ef" * 32, "01" * 32),
    checkpoint="log\n3\nroot\n\n— log signature\n",
)
HEAD = SignedHead(
    size=3,
    checkpoint=PROOF.checkpoint,
    sealed_at=datetime(2026, 1, 2, tzinfo=UTC),
    published=("file:///kept",),
)
PAGE = Page(entries=(ENTRY,), next_cursor=ENTRY.ledger_id)


@dataclass
class FakeAuditing:
    """Answers auditors alone."""

    calls: list[dict[str, Any]] = field(default_factory=list)

    async def ledger(
        self, asker: Asker, filters: Filters, *, first: int, after: str | None
    ) -> Page:
        self._asked(asker, filters, first=first, after=after)
        return PAGE

    async def entry(self, asker: Asker, ledger_id: str) -> Entry | None:
        self._asked(asker, Filters(), id=ledger_id)
        return ENTRY if ledger_id == ENTRY.ledger_id else None

    async def proof(self, asker: Asker, ledger_id: str) -> LedgerProof | None:
        self._asked(asker, Filters(), id=ledger_id)
        return PROOF if ledger_id == ENTRY.ledger_id else None

    async def checkpoints(self, asker: Asker, *, first: int, before: int | None) -> Checkpoints:
        self._asked(asker, Filters(), first=first, before=before)
        return Checkpoints(heads=(HEAD,), next_size=HEAD.size)

    async def who_saw(
        self,
        asker: Asker,
        filters: Filters,
        *,
        first: int,
        after: str | None,
        after_person: str | None,
    ) -> WhoSaw:
        self._asked(asker, filters, first=first, after=after, after_person=after_person)
        return WhoSaw(people=(tally("ann"),), next_person="ann", page=PAGE)

    async def what_did(
        self, asker: Asker, filters: Filters, *, first: int, after: str | None
    ) -> WhatDid:
        self._asked(asker, filters, first=first, after=after)
        return WhatDid(kinds=(tally("ask"),), page=PAGE)

    def _asked(self, asker: Asker, filters: Filters, **given: Any) -> None:
        if "auditor" not in asker.principal.roles:
            raise Forbidden("only auditors read the ledger")
        self.calls.append({**filters.said(), **given})


def tally(name: str) -> Tally:
    """Two acts within a day."""
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    return Tally(name=name, acts=2, more=False, first_at=first, last_at=last)
