"""The field of Mutation by which readers say what an answer is worth."""

from typing import Annotated

import strawberry

from copilot import feedback
from copilot.api.declare import field, view
from copilot.api.limits import short
from copilot.api.permissions import Info
from copilot.api.types import Denied, NotFound, StepUpRequired, Unavailable

strawberry.enum(feedback.Verdict, name="AnswerVerdict")


@view(feedback.FeedbackGiven)
class FeedbackGiven:
    """What was said of an answer is in the ledger."""

    answer_id: str
    verdict: feedback.Verdict
    ledger_id: str | None


FeedbackOutcome = Annotated[
    FeedbackGiven | NotFound | Denied | StepUpRequired | Unavailable,
    strawberry.union("FeedbackOutcome"),
]


@view()
class FeedbackMutation:
    """What readers say of answers."""

    @field(FeedbackOutcome, strawberry.mutation)
    async def rate_answer(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        verdict: feedback.Verdict,
        comment: str = "",
        purpose: str | None = None,
        reason: str = "",
    ) -> feedback.FeedbackOutcome:
        """Says what an answer is worth, for whoever may read it now; each verdict stands beside earlier ones."""
        context = info.context
        return await context.copilot.feedback.give(
            context.asker(purpose, reason), short(id, "the id"), verdict, comment
        )
