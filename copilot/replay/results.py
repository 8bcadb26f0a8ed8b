"""What a replay gives: for each decision of an act what was decided, what is decided again, and what differs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from copilot.results import Denied, NotFound, Unavailable
from policy.labels import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One decision: open where there is no reason against it."""

    reasons: tuple[str, ...] = ()
    """Such as "clearance", "compartments" or "sign-in"; sorted."""

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def text(self) -> str:
        return "open" if self.allowed else f"closed: {', '.join(self.reasons)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The same decision by the policy of then and by today's, on whom and what was recorded."""

    subject: str
    """The act, a label's marking, or a provider."""
    recorded: Verdict
    """As the record has it; of what is closed it may name fewer reasons."""
    then: Verdict
    now: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextDecision(Decision):
    """A passage that the search found; shown where the double check opened it again. `subject` is its marking."""

    document_id: str
    part_id: str
    chunk_id: str
    sha256: str
    label: Label
    arms: tuple[str, ...]
    """By which ways of searching it was found."""
    unchanged: bool
    """Whether the auditor finds the same text under the same label today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A sentence that was written and not given, by the check that took it out."""

    stage: str
    reason: str
    sha256: str


class What(StrEnum):
    """What may differ between then and now, and last what should never differ."""

    POLICY = "policy"
    SETTING = "setting"
    ACCREDITATION = "accreditation"
    ACT = "act"
    CONTEXT = "context"
    LABEL = "label"
    ROUTING = "routing"
    RELEASE = "release"
    CONTENT = "content"
    RECORD = "record"
    """The policy of then does not decide what was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs, in words."""

    what: What
    subject: str
    then: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What decided: the revision, and the bundles by their digests."""

    revision: str
    release: str
    own: str | None
    """The tenant's own rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A recorded decision, made again."""

    kind: ClassVar[str] = "Replay"
    entry: str
    act: str
    sub: str
    purpose: str
    outcome: str
    recorded_at: datetime
    policy_then: Policy
    policy_now: Policy
    decision: Decision
    """On the act itself."""
    contexts: tuple[ContextDecision, ...]
    """As far as the auditor may read them, in the order of the record."""
    labels: tuple[Decision, ...]
    """Of those that the auditor may read: first those decided differently now, then those that were withheld."""
    routing: tuple[Decision, ...]
    release: Decision | None
    """Whether the answer was let out as it was; None where that was not decided."""
    dropped: tuple[Left, ...]
    differences: tuple[Difference, ...]
    ledger_id: str

    @property
    def agrees(self) -> bool:
        """Whether the policy of then decides again all that was recorded."""
        return not any(one.what is What.RECORD for one in self.differences)


ReplayOutcome = Replay | NotFound | Denied | Unavailable
