"""An in-memory Feedback for tests of the edge: it keeps nothing and remembers what it was given."""

from dataclasses import dataclass, field

from copilot.feedback import FeedbackGiven, FeedbackOutcome, Verdict
from copilot.results import NotFound
from policy.principal import Asker


@dataclass
class FakeFeedback:
    """Knows the answer a1."""

    calls: list[tuple[str, Verdict, str]] = field(default_factory=list)

    async def give(
        self, asker: Asker, answer_id: str, verdict: Verdict, comment: str = ""
    ) -> FeedbackOutcome:
        self.calls.append((answer_id, verdict, comment))
        if answer_id != "a1":
            return NotFound(text="nothing", ledger_id="l14")
        return FeedbackGiven(answer_id=answer_id, verdict=verdict, ledger_id="l14")
