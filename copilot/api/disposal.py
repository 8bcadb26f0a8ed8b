"""The fields of Query and Mutation for legal holds and certificates of deletion."""

import strawberry

from copilot import results
from copilot.api import disposal_types as types
from copilot.api.declare import field, view
from copilot.api.limits import short
from copilot.api.permissions import Info


@view()
class DisposalQuery:
    """What can be read of deletions."""

    @field(types.CertificateOutcome)
    async def certificate(
        self,
        info: Info,
        document: strawberry.ID,
    ) -> results.CertificateOutcome:
        """The certificate of a document's last deletion, for auditors and for who deleted it."""
        context = info.context
        return await context.copilot.disposal.certificate(
            context.asker(), short(document, "the document")
        )


@view()
class DisposalMutation:
    """What keeps documents from being deleted."""

    @field(types.HoldOutcome, strawberry.mutation)
    async def hold_document(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        reason: str,
    ) -> results.HoldOutcome:
        """Puts what the asker may read of a document under legal hold; for administrators."""
        context = info.context
        return await context.copilot.disposal.hold(
            context.asker(), short(id, "the id"), short(reason, "the reason", 2000)
        )

    @field(types.HoldOutcome, strawberry.mutation)
    async def release_hold(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        reason: str,
    ) -> results.HoldOutcome:
        """Releases what the asker may read of a document; for administrators."""
        context = info.context
        return await context.copilot.disposal.release(
            context.asker(), short(id, "the id"), short(reason, "the reason", 2000)
        )
