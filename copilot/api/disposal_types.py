"""The GraphQL types of legal holds and certificates of deletion."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from copilot import results
from copilot.api.declare import view
from copilot.api.types import Denied, NotFound, StepUpRequired, Unavailable


@view(results.HoldChanged)
class HoldChanged:
    """Whether what the asker may read of the document is under legal hold now."""

    document_id: str
    held: bool
    part_ids: list[str]
    notice: str | None
    ledger_id: str | None


@view(results.Certificate)
class Certificate:
    """What a deletion took, when, by whom and why, and what stands in its place."""

    document_id: str
    erased_at: datetime
    erased_by: str
    body: JSON
    ledger_id: str | None


HoldOutcome = Annotated[
    HoldChanged | NotFound | Denied | StepUpRequired | Unavailable, strawberry.union("HoldOutcome")
]
CertificateOutcome = Annotated[
    Certificate | NotFound | Denied | StepUpRequired | Unavailable,
    strawberry.union("CertificateOutcome"),
]
