"""The GraphQL types of acts by which access is taken away or, in an emergency, given."""

from datetime import datetime
from typing import Annotated

import strawberry

from copilot import results
from copilot.api.declare import view
from copilot.api.types import Denied, Label, NotFound, StepUpRequired, Unavailable
from policy.labels import Classification

strawberry.enum(results.GrantState)


@view(results.Deleted)
class Deleted:
    """All that whoever deleted it may read of the document is gone; `partIds` are those of its parts."""

    document_id: str
    part_ids: list[str]
    notice: str | None
    ledger_id: str | None


@view(results.Relabelled)
class Relabelled:
    """The document, or the part, is now under this label; `partIds` are the new ones."""

    document_id: str
    part_ids: list[str]
    label: Label
    marking: str
    notice: str | None
    ledger_id: str | None


@view()
class StandingChanged:
    """Whether the principal's access is revoked now."""

    sub: str
    revoked: bool
    ledger_id: str


@view()
class AccessGrant:
    """Break-glass: what somebody asked for, and what became of it."""

    grant_id: str
    state: results.GrantState
    sub: str
    operator: str | None
    clearance: Classification
    compartments: list[str]
    authorities: list[str]
    reason: str
    seconds: int
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    not_after: datetime | None
    ended_by: str | None
    ended_at: datetime | None


@view()
class AccessGrants:
    """Grants, the newest request first."""

    grants: list[AccessGrant]
    next_cursor: str | None
    ledger_id: str


DeleteOutcome = Annotated[
    Deleted | NotFound | Denied | StepUpRequired | Unavailable, strawberry.union("DeleteOutcome")
]
RelabelOutcome = Annotated[
    Relabelled | NotFound | Denied | StepUpRequired | Unavailable,
    strawberry.union("RelabelOutcome"),
]
