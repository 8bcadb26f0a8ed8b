"""The fields of Query by which auditors check the ledger without us."""

import strawberry

from copilot.api import proof_types
from copilot.api.cost import PAGE
from copilot.api.declare import field, view
from copilot.api.limits import between, short
from copilot.api.permissions import Info
from copilot.ledger import prove


@view()
class ProofQuery:
    """What an auditor takes to a verifier of their own."""

    @field(proof_types.LedgerProof | None)
    async def ledger_proof(self, info: Info, id: strawberry.ID) -> prove.LedgerProof | None:  # noqa: A002
        """
        That an entry is in the log, under its newest checkpoint; null where there is none, none that the auditor may
        see, or none yet: an entry is sealed a moment after it was written.
        """
        auditing = info.context.copilot.auditing
        return await auditing.proof(info.context.asker(), short(id, "the id"))

    @field(proof_types.Checkpoints)
    async def checkpoints(
        self, info: Info, first: int = 20, before: int | None = None
    ) -> prove.Checkpoints:
        """Signed states of the log, the newest first; at most 100 at once, of fewer entries than `before`."""
        return await info.context.copilot.auditing.checkpoints(
            info.context.asker(), first=between(first, "first", PAGE), before=before
        )
