"""The fields of Query, Mutation and Subscription: each calls one governed act."""

from collections.abc import AsyncGenerator

import strawberry

from copilot import results
from copilot.api import inputs, types
from copilot.api.access import AccessMutation, AccessQuery
from copilot.api.audit import AuditQuery
from copilot.api.cost import PAGE
from copilot.api.declare import field, view
from copilot.api.disposal import DisposalMutation, DisposalQuery
from copilot.api.entities import EntityQuery
from copilot.api.feedback import FeedbackMutation
from copilot.api.limits import between, short
from copilot.api.permissions import Info
from copilot.api.proofs import ProofQuery
from copilot.api.provenance import ProvenanceQuery
from copilot.api.replay import ReplayQuery
from copilot.ingest.report import IngestReport as Report
from policy.principal import Principal


@view()
class Query(
    AccessQuery, AuditQuery, DisposalQuery, EntityQuery, ProofQuery, ProvenanceQuery, ReplayQuery
):
    """What can be read. Each act is recorded, by the purpose and the reason that it names."""

    @field(types.Me)
    def me(self, info: Info) -> Principal:
        """Who is asking."""
        return info.context.principal

    @field(types.SearchOutcome)
    async def search(
        self,
        info: Info,
        question: str,
        k: int | None = None,
        purpose: str | None = None,
        reason: str = "",
    ) -> results.SearchOutcome:
        """Passages, best first; `k` distinct documents where it is given (at most 100)."""
        context = info.context
        most = None if k is None else between(k, "k", PAGE)
        return await context.copilot.search(context.asker(purpose, reason), question, most)

    @field(types.AskOutcome)
    async def ask(
        self, info: Info, question: str, purpose: str | None = None, reason: str = ""
    ) -> results.AskOutcome:
        """An answer with its citations, or why there is none."""
        context = info.context
        return await context.copilot.ask(context.asker(purpose, reason), question)

    @field(types.AskOutcome)
    async def answer(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        purpose: str | None = None,
        reason: str = "",
    ) -> results.AskOutcome:
        """A stored answer, authorised anew."""
        context = info.context
        return await context.copilot.answer(context.asker(purpose, reason), short(id, "the id"))

    @field(types.DocumentOutcome)
    async def document(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        purpose: str | None = None,
        reason: str = "",
    ) -> results.DocumentOutcome:
        """A document as far as the asker may see it."""
        context = info.context
        return await context.copilot.document(context.asker(purpose, reason), short(id, "the id"))


@view()
class Mutation(AccessMutation, DisposalMutation, FeedbackMutation):
    """What can be changed."""

    @field(types.IngestReport, strawberry.mutation)
    async def ingest(self, info: Info, documents: list[inputs.DocumentInput]) -> Report:
        """Takes documents in; one that is refused does not stop the others."""
        context = info.context
        between(len(documents), "the number of documents", context.limits.documents)
        given = inputs.read(documents, context.principal.tenant)
        return await context.copilot.ingest(context.asker(), given)


@view()
class Subscription:
    """What comes piece by piece."""

    @field(types.AskEvent, strawberry.subscription)
    async def ask(
        self, info: Info, question: str, purpose: str | None = None, reason: str = ""
    ) -> AsyncGenerator[results.Sentence | results.AskOutcome, None]:
        """Checked sentences as they come, then the outcome."""
        context = info.context
        events = context.copilot.ask_stream(context.asker(purpose, reason), question)
        try:
            async for event in events:
                yield event
        finally:
            # A reader who leaves breaks the answer off at once, so that the ledger says so.
            if isinstance(events, AsyncGenerator):
                await events.aclose()
