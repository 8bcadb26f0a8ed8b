"""The GraphQL types of how an answer came about."""

from typing import Annotated

import strawberry

from copilot.api.declare import view
from copilot.api.types import Denied, NotFound, StepUpRequired, Unavailable
from copilot.provenance import results


@view(results.Provenance)
class Provenance:
    """
    How one answer came about, from its ledger entry: `prov` is W3C PROV-JSON, `page` one HTML document that needs
    nothing else. Both bear `banner`, the marking of the entry. `answerId` is null where that was erased.
    """

    entry: strawberry.ID
    answer_id: strawberry.ID | None
    banner: str
    prov: str
    page: str
    ledger_id: str | None


ProvenanceOutcome = Annotated[
    Provenance | NotFound | Denied | StepUpRequired | Unavailable,
    strawberry.union("ProvenanceOutcome"),
]
