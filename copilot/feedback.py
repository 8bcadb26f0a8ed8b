"""Feedback: what a reader says of an answer that they may read, kept in the ledger beside it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from copilot import answers
from copilot.gate import Admitted, Gate
from copilot.ledger.records import Kind
from copilot.names import LONGEST_REASON
from copilot.reads import read_in
from copilot.recorder import Recorder
from copilot.results import Denied, NotFound, StepUpRequired, Unavailable
from copilot.texts import plain
from policy.engine import Act
from policy.errors import BadInput
from policy.principal import Asker
from policy.scope import Scoper
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.search import PostgresPassages


class Verdict(StrEnum):
    """What a reader finds an answer to be."""

    RIGHT = "right"
    INCOMPLETE = "incomplete"
    WRONG = "wrong"
    WRONGLY_CITED = "wrongly_cited"
    """A source does not say what it is cited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackGiven:
    """What was said of an answer is in the ledger."""

    kind: ClassVar[str] = "FeedbackGiven"
    answer_id: str
    verdict: Verdict
    ledger_id: str


FeedbackOutcome = FeedbackGiven | NotFound | Denied | StepUpRequired | Unavailable


class Feedback:
    """Whoever may read a stored answer now may say what it is worth; of hidden and absent ones nobody may."""

    def __init__(
        self, database: Database, *, scoper: Scoper, gate: Gate, recorder: Recorder
    ) -> None:
        self._database = database
        self._scoper = scoper
        self._gate = gate
        self._recorder = recorder
        self._passages = PostgresPassages(database)

    async def give(
        self, asker: Asker, answer_id: str, verdict: Verdict, comment: str = ""
    ) -> FeedbackOutcome:
        """Records the verdict; each stands beside earlier ones. BadInput where the comment is a whole report."""
        said = {"answer_id": answer_id, "verdict": str(verdict)}

        async def work(admitted: Admitted) -> FeedbackGiven | NotFound | StepUpRequired | Denied:
            if len(plain(comment)) > LONGEST_REASON:
                raise BadInput(
                    f"the comment has {len(comment)} characters; the most is {LONGEST_REASON}"
                )
            scope = await self._scoper.scope(admitted.asker)
            found = await answers.read(
                self._database, self._passages, scope, plain(answer_id), asker.principal.sub
            )
            if found is None:
                return await self._gate.nothing(admitted, said, Kind.FEEDBACK)
            details = {**said, "comment": comment} if comment.strip() else said
            labels = [one.label for one in read_in(found)]
            ledger_id = await self._recorder.record(
                Kind.FEEDBACK, admitted.asker, FeedbackGiven.kind, details, labels
            )
            return FeedbackGiven(answer_id=answer_id, verdict=verdict, ledger_id=ledger_id)

        return await self._gate.governed(Act.READ, asker, said, work)
