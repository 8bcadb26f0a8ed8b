"""The GraphQL types of recorded decisions that are made again."""

from datetime import datetime
from typing import Annotated

import strawberry

from copilot.api.declare import field, view
from copilot.api.types import Denied, Label, NotFound, Unavailable
from copilot.replay import results

strawberry.enum(results.What, name="DifferenceKind")


@view()
class Verdict:
    """One decision: open where there is no reason against it, such as "clearance" or "compartments"."""

    allowed: bool
    reasons: list[str]


@view()
class Decision:
    """
    A decision as it was recorded, as the policy of then makes it again, and as today's would make it, on the person
    and the label of the record. `subject` is the act, a label's marking, or a provider.
    """

    subject: str
    recorded: Verdict
    then: Verdict
    now: Verdict


@view()
class ContextDecision:
    """
    The decision on a passage that the search found. `unchanged` is whether the auditor finds the same text under the
    same label today.
    """

    document_id: str
    part_id: str
    chunk_id: str
    sha256: str
    label: Label
    arms: list[str]
    unchanged: bool
    recorded: Verdict
    then: Verdict
    now: Verdict

    @field()
    def marking(self, root: strawberry.Parent[results.ContextDecision]) -> str:
        """The portion marking, such as (S//NF)."""
        return root.subject


@view()
class DroppedClaim:
    """A sentence that was written and not given, by the check that took it out."""

    stage: str
    reason: str
    sha256: str


@view()
class Difference:
    """One thing that differs. Of the kind RECORD: the policy of then does not decide what was recorded (`now`)."""

    what: results.What
    subject: str
    then: str
    now: str


@view()
class DecidingPolicy:
    """What decided: its revision, and the digests of its bundles; `own` is that of the tenant's own rules."""

    revision: str
    release: str
    own: str | None


@view(results.Replay)
class Replay:
    """A recorded decision, made again: as far as the auditor may read what was decided on."""

    entry: strawberry.ID
    act: str
    sub: str
    purpose: str
    outcome: str
    recorded_at: datetime
    agrees: bool
    policy_then: DecidingPolicy
    policy_now: DecidingPolicy
    decision: Decision
    contexts: list[ContextDecision]
    labels: list[Decision]
    routing: list[Decision]
    release: Decision | None
    dropped: list[DroppedClaim]
    differences: list[Difference]
    ledger_id: str | None


ReplayOutcome = Annotated[
    Replay | NotFound | Denied | Unavailable, strawberry.union("ReplayOutcome")
]
