"""The gate of every act: who asks now, whether policy lets them, and a record of what was denied or failed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import anyio

from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from copilot.replay.decided import Decisions
from copilot.results import Denied, NotFound, StepUpRequired, Unavailable
from copilot.telemetry import Metrics
from copilot.wording import NO_SUCH, STEP_UP
from policy import decision_log
from policy import engine as policy_engine
from policy.engine import Act, PolicyEngine
from policy.errors import CopilotError, Forbidden
from policy.errors import Unavailable as UnavailableError
from policy.labels import Label
from policy.principal import Asker
from policy.scope import Scoper

FAILURE_S = 0.75
"""Spent at most on recording a failure: the same dependency may be the one that is down."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An asker whom policy lets do the act, with their standing of this moment."""

    asker: Asker
    step_up: bool
    """Whether a stronger sign-in might open more to them."""


class Gate:
    """Asks policy before an act, and records what became of it where the act does not do so itself."""

    def __init__(
        self,
        engine: PolicyEngine,
        scoper: Scoper,
        recorder: Recorder,
        metrics: Metrics,
        decisions: Decisions | None = None,
    ) -> None:
        """Without `decisions` what is denied cannot be decided again."""
        self._decisions = decisions
        self._engine = engine
        self._scoper = scoper
        self._recorder = recorder
        self._metrics = metrics

    async def governed(
        self,
        act: Act,
        asker: Asker,
        said: Mapping[str, Any],
        work: Callable[[Admitted], Awaitable[T]],
        subject: Mapping[str, Any] | None = None,
    ) -> T | Denied | Unavailable:
        """What the work gives, or why it was not done."""
        try:
            admitted = await self.admit(act, asker, said, subject)
            result = admitted if isinstance(admitted, Denied) else await work(admitted)
        except CopilotError as error:
            return await self.failed(act, asker, said, error)
        except BaseException as error:
            await self.broken(act, asker, said, error)
            raise
        self._metrics.outcome(str(act), getattr(result, "kind", "Done"))
        return result

    async def required(
        self,
        act: Act,
        asker: Asker,
        said: Mapping[str, Any],
        work: Callable[[Admitted], Awaitable[T | Denied]],
        subject: Mapping[str, Any] | None = None,
    ) -> T:
        """As `governed`, for acts that have no result for a refusal: it is raised."""
        result = await self.governed(act, asker, said, work, subject)
        if isinstance(result, Denied):
            raise Forbidden(result.text)
        if isinstance(result, Unavailable):
            raise UnavailableError(result.dependency, result.text)
        return result

    async def admit(
        self,
        act: Act,
        asker: Asker,
        said: Mapping[str, Any],
        subject: Mapping[str, Any] | None = None,
    ) -> Admitted | Denied:
        """The asker as they stand now, or the recorded refusal."""
        decision_log.begin()
        asker = await self._scoper.standing(asker)
        decision = await self._engine.permits(asker, act, subject)
        if isinstance(decision, policy_engine.Allowed):
            asker = replace(asker, fresh=not decision.step_up)
            return Admitted(asker=asker, step_up=decision.step_up)
        asker = replace(asker, fresh=False)
        self._metrics.denied(str(act))
        details = {**said, "denied_act": str(act), "denied_reason": decision.reason}
        if self._decisions and subject is None:
            decided = await self._decisions.begun(asker)
            details["decided"] = decided.to_json()
        ledger_id = await self._recorder.record(Kind.DENIED, asker, "Denied", details)
        return Denied(
            text=_REFUSALS.get(decision.reason, _REFUSAL).format(act=act, reason=decision.reason),
            reason=decision.reason,
            ledger_id=ledger_id,
        )

    async def again(
        self, act: Act, admitted: Admitted, said: Mapping[str, Any]
    ) -> Admitted | Denied:
        """The same where nothing changed; else the asker as they stand now, or the recorded refusal.

        For the moment before something is given: finding it may have taken longer than a change of access.
        """
        if await self._scoper.standing(admitted.asker) is admitted.asker:
            return admitted
        return await self.admit(act, admitted.asker, said)

    async def nothing(
        self,
        admitted: Admitted,
        said: Mapping[str, Any],
        kind: Kind,
        read: Iterable[Label] = (),
    ) -> NotFound | StepUpRequired:
        """Records that nothing is given, and says so, or that a stronger sign-in may open more.

        `read` are the labels of what was read all the same.
        """
        outcome = "StepUpRequired" if admitted.step_up else "NotFound"
        ledger_id = await self._recorder.record(kind, admitted.asker, outcome, said, read)
        if admitted.step_up:
            return StepUpRequired(text=STEP_UP, ledger_id=ledger_id)
        return NotFound(text=NO_SUCH, ledger_id=ledger_id)

    async def failed(
        self, act: Act, asker: Asker, said: Mapping[str, Any], error: CopilotError
    ) -> Unavailable:
        """Records the failure; gives it as a result where a dependency is at fault, else raises it."""
        asker = replace(asker, fresh=False)  # who has not been admitted may be anybody
        self._metrics.outcome(str(act), error.code)
        details = {**said, "failed_act": str(act), "error": error.code, "message": error.message}
        down = error.dependency if isinstance(error, UnavailableError) else None
        ledger_id = None  # where it cannot be recorded either, nothing was released
        if down != "ledger":  # which has just been waited for
            with anyio.move_on_after(FAILURE_S if down else None), suppress(UnavailableError):
                ledger_id = await self._recorder.record(
                    Kind.FAILED, asker, error.code, details, decided=down != "policy"
                )
        if not isinstance(error, UnavailableError):
            raise error
        return Unavailable(text=error.message, dependency=error.dependency, ledger_id=ledger_id)

    async def broken(
        self, act: Act, asker: Asker, said: Mapping[str, Any], error: BaseException
    ) -> None:
        """Records an act that was cancelled or met a defect, also where nobody waits for it any more."""
        asker = replace(asker, fresh=False)
        details = {**said, "failed_act": str(act), "error": type(error).__name__}
        with anyio.move_on_after(FAILURE_S, shield=True), suppress(CopilotError):
            await self._recorder.record(Kind.FAILED, asker, "BrokenOff", details)


_REFUSAL = "Policy does not allow you to {act} (by your {reason})."
_REFUSALS = {
    "revoked": "Your access has been revoked; ask an administrator of your tenant.",
    "reason": "Your tenant wants a reason for access; say why you {act}.",
    "tenant": "Your tenant's own policy does not allow you to {act}.",
    "two_people": "Nobody may approve what they asked for themselves; it takes two people.",
    "time_limit": "Access in an emergency is given for a stated time of at most four hours.",
}
