"""The port to the product: the governed acts that GraphQL offers."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

from copilot.entity_graph import End
from copilot.feedback import FeedbackOutcome, Verdict
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.report import IngestReport
from copilot.ledger.audit import Filters
from copilot.ledger.prove import Checkpoints, LedgerProof
from copilot.ledger.records import Entry, Page, WhatDid, WhoSaw
from copilot.provenance.results import ProvenanceOutcome
from copilot.replay.results import ReplayOutcome
from copilot.results import (
    AccessGrant,
    AccessGrants,
    AskOutcome,
    CertificateOutcome,
    DeleteOutcome,
    DocumentOutcome,
    EntitiesOutcome,
    EntityOutcome,
    HoldOutcome,
    PathsOutcome,
    RelabelOutcome,
    SearchOutcome,
    Sentence,
    StandingChanged,
)
from copilot.settings import Settings
from copilot.telemetry import Metrics
from policy.labels import Classification, Label
from policy.principal import Asker, Principal


class RateLimit(Protocol):
    """How much each person may still ask for, shared by all replicas."""

    async def take(self, principal: Principal, cost: int) -> float:
        """Seconds to wait until this cost can be taken; 0 where it was taken just now."""


class SignIns(Protocol):
    """Records each token once, when it first serves."""

    async def note(self, principal: Principal, token: str, expires_at: float) -> None: ...


class Administration(Protocol):
    """The acts by which access is taken away or, in an emergency, given."""

    async def delete(self, asker: Asker, document_id: str) -> DeleteOutcome: ...

    async def relabel(self, asker: Asker, document_id: str, label: Label) -> RelabelOutcome: ...

    async def revoke(self, asker: Asker, sub: str, reason: str) -> StandingChanged: ...

    async def reinstate(self, asker: Asker, sub: str) -> StandingChanged: ...

    async def request_access(
        self,
        asker: Asker,
        *,
        clearance: Classification,
        compartments: Sequence[str],
        authorities: Sequence[str],
        minutes: int,
        reason: str,
    ) -> AccessGrant: ...

    async def approve_access(self, asker: Asker, grant_id: str) -> AccessGrant: ...

    async def end_access(self, asker: Asker, grant_id: str) -> AccessGrant: ...

    async def access_grants(
        self, asker: Asker, *, first: int, after: str | None
    ) -> AccessGrants: ...


class Disposal(Protocol):
    """The acts by which documents are kept from deletion, and by which deletions are certified."""

    async def hold(self, asker: Asker, document_id: str, reason: str) -> HoldOutcome: ...

    async def release(self, asker: Asker, document_id: str, reason: str) -> HoldOutcome: ...

    async def certificate(self, asker: Asker, document_id: str) -> CertificateOutcome: ...


class Feedback(Protocol):
    """What readers say of answers."""

    async def give(
        self, asker: Asker, answer_id: str, verdict: Verdict, comment: str = ""
    ) -> FeedbackOutcome: ...


class Auditing(Protocol):
    """What auditors read of the ledger; Forbidden for who may not audit. Hidden and absent are alike."""

    async def ledger(
        self, asker: Asker, filters: Filters, *, first: int, after: str | None
    ) -> Page:
        """Newest first, after the entry with the id `after`."""

    async def entry(self, asker: Asker, ledger_id: str) -> Entry | None: ...

    async def proof(self, asker: Asker, ledger_id: str) -> LedgerProof | None: ...

    async def checkpoints(self, asker: Asker, *, first: int, before: int | None) -> Checkpoints: ...

    async def who_saw(
        self,
        asker: Asker,
        filters: Filters,
        *,
        first: int,
        after: str | None,
        after_person: str | None,
    ) -> WhoSaw: ...

    async def what_did(
        self, asker: Asker, filters: Filters, *, first: int, after: str | None
    ) -> WhatDid: ...


class Copilot(Protocol):
    """Every act decides, records and only then gives; what goes wrong raises a CopilotError."""

    @property
    def settings(self) -> Settings: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def rate_limit(self) -> RateLimit: ...

    @property
    def sign_ins(self) -> SignIns: ...

    async def ask(self, asker: Asker, question: str) -> AskOutcome: ...

    def ask_stream(self, asker: Asker, question: str) -> AsyncIterator[Sentence | AskOutcome]:
        """Checked sentences as they come, then the outcome. Closing it early breaks the answer off."""

    async def search(self, asker: Asker, question: str, k: int | None = None) -> SearchOutcome: ...

    async def document(self, asker: Asker, document_id: str) -> DocumentOutcome: ...

    async def entity(self, asker: Asker, name: str) -> EntityOutcome: ...

    async def entities(
        self, asker: Asker, words: str, *, first: int, after: str | None
    ) -> EntitiesOutcome: ...

    async def paths(
        self, asker: Asker, start: End, end: End, *, most_hops: int, first: int
    ) -> PathsOutcome: ...

    async def answer(self, asker: Asker, answer_id: str) -> AskOutcome:
        """A stored answer, authorised anew."""

    async def replay(self, asker: Asker, ledger_id: str) -> ReplayOutcome:
        """The decision of an entry made again; BadInput where the entry is none."""

    async def provenance(self, asker: Asker, given_id: str) -> ProvenanceOutcome:
        """How an answer came about, by its id or that of its entry."""

    async def ingest(
        self, asker: Asker, documents: Iterable[Document | Rejected]
    ) -> IngestReport: ...

    @property
    def administration(self) -> Administration: ...

    @property
    def disposal(self) -> Disposal: ...

    @property
    def feedback(self) -> Feedback: ...

    @property
    def auditing(self) -> Auditing: ...

    async def fields(self, asker: Asker) -> frozenset[str]:
        """The restricted output fields that the asker's roles open."""

    async def ready(self) -> dict[str, str]:
        """Each dependency with its state (`readiness`), safe to show."""
