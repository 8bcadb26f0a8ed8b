"""The field of Query that tells how an answer came about."""

import strawberry

from copilot.api import provenance_types as types
from copilot.api.declare import field, view
from copilot.api.limits import short
from copilot.api.permissions import Info
from copilot.provenance import results


@view()
class ProvenanceQuery:
    """What can be read of how answers came about."""

    @field(types.ProvenanceOutcome)
    async def provenance(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        purpose: str | None = None,
        reason: str = "",
    ) -> results.ProvenanceOutcome:
        """
        How a stored answer came about, by its id or that of its ledger entry: for who may read it, and for auditors
        as far as they may read what it rests on.
        """
        context = info.context
        return await context.copilot.provenance(context.asker(purpose, reason), short(id, "the id"))
