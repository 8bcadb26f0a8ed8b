"""The fields of Query and Mutation by which access is taken away or, in an emergency, given."""

import strawberry

from copilot import results
from copilot.api import access_types as types
from copilot.api.cost import PAGE
from copilot.api.declare import field, view
from copilot.api.inputs import LabelInput
from copilot.api.limits import between, short
from copilot.api.permissions import Info
from policy.labels import Classification


@view()
class AccessQuery:
    """What auditors and administrators see of access that was given in an emergency."""

    @field(types.AccessGrants)
    async def access_grants(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> results.AccessGrants:
        """Grants that wait, are open or are over, newest first, for auditors and administrators."""
        return await info.context.copilot.administration.access_grants(
            info.context.asker(),
            first=between(first, "first", PAGE),
            after=after and short(after, "after"),
        )


@view()
class AccessMutation:
    """What takes access away or gives it."""

    @field(types.DeleteOutcome, strawberry.mutation)
    async def delete_document(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
    ) -> results.DeleteOutcome:
        """Deletes all that the asker may read of a document."""
        context = info.context
        return await context.copilot.administration.delete(context.asker(), short(id, "the id"))

    @field(types.RelabelOutcome, strawberry.mutation)
    async def relabel_document(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        label: LabelInput,
    ) -> results.RelabelOutcome:
        """Puts what the asker may read of a document under another label; by a part's id, that part."""
        context = info.context
        new = label.read(context.principal.tenant, "label")
        return await context.copilot.administration.relabel(
            context.asker(), short(id, "the id"), new
        )

    @field(types.StandingChanged, strawberry.mutation)
    async def revoke_principal(self, info: Info, sub: str, reason: str) -> results.StandingChanged:
        """Takes all access from a principal, whatever their tokens say; for administrators."""
        context = info.context
        return await context.copilot.administration.revoke(
            context.asker(), short(sub, "the sub"), short(reason, "the reason", 2000)
        )

    @field(types.StandingChanged, strawberry.mutation)
    async def reinstate_principal(self, info: Info, sub: str) -> results.StandingChanged:
        """Gives a principal back what was revoked; for administrators."""
        context = info.context
        return await context.copilot.administration.reinstate(
            context.asker(), short(sub, "the sub")
        )

    @field(types.AccessGrant, strawberry.mutation)
    async def request_access(
        self,
        info: Info,
        clearance: Classification,
        minutes: int,
        reason: str,
        compartments: list[str] = [],  # noqa: B006  strawberry copies it into the schema
        authorities: list[str] = [],  # noqa: B006
    ) -> results.AccessGrant:
        """Asks for access for at most 240 minutes; every auditor of the tenant can read the reason."""
        context = info.context
        return await context.copilot.administration.request_access(
            context.asker(),
            clearance=clearance,
            compartments=compartments,
            authorities=authorities,
            minutes=minutes,
            reason=short(reason, "the reason", 2000),
        )

    @field(types.AccessGrant, strawberry.mutation)
    async def approve_access(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
    ) -> results.AccessGrant:
        """Opens what another person asked for; for administrators."""
        context = info.context
        return await context.copilot.administration.approve_access(
            context.asker(), short(id, "the id")
        )

    @field(types.AccessGrant, strawberry.mutation)
    async def end_access(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
    ) -> results.AccessGrant:
        """Ends what was opened, or takes the request back; for who asked and for administrators."""
        context = info.context
        return await context.copilot.administration.end_access(context.asker(), short(id, "the id"))
