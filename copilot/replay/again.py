"""The decisions of one entry made again by one policy, at the moments between which they were made."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from copilot.replay.entry import Entry
from copilot.replay.results import Verdict
from policy.engine import Call, Decision, Denied, Release
from policy.labels import Label
from policy.narrowed import NarrowedEngine
from policy.recheck import opened

OPEN = Verdict()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One policy at one moment, and which of the labels it opens to the asker then."""

    engine: NarrowedEngine
    open: frozenset[Label]

    @classmethod
    async def at(cls, engine: NarrowedEngine, entry: Entry, labels: Iterable[Label]) -> "Moment":
        return cls(engine=engine, open=frozenset(await opened(engine, entry.asker, labels)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """One policy over the time of the act.

    An authority may have run out in between, so of its moments that one counts at which the policy of then decided as
    recorded, where there is one: whoever asks for a verdict says at which.
    """

    entry: Entry
    moments: Sequence[Moment]

    def moment_of(self, label: Label, *, recorded: Verdict) -> int:
        """The first moment at which this policy decided of the label as recorded, else the first of all."""
        fits = [(label in one.open) == recorded.allowed for one in self.moments]
        return fits.index(True) if True in fits else 0

    def opens(self, label: Label, moment: int) -> bool:
        return label in self.moments[moment].open

    async def label(self, label: Label, moment: int) -> Verdict:
        """Open, or closed and why."""
        if self.opens(label, moment):
            return OPEN
        reasons = await self.moments[moment].engine.obstacles(self.entry.asker, label)
        return Verdict(reasons=tuple(sorted(reasons)) or ("label",))

    async def act(self, moment: int) -> Verdict:
        """Whether roles, purpose and reason allow the act."""
        engine = self.moments[moment].engine
        return _verdict(await engine.permits(self.entry.asker, self.entry.act))

    async def routed(self, call: Call, moment: int) -> Verdict:
        """Whether the provider may be given what bears the label of the call."""
        return _verdict(await self.moments[moment].engine.may_route(self.entry.asker, call))

    async def released(self, moment: int) -> Verdict:
        """Whether what the output scan found lets an answer out."""
        release = await self.moments[moment].engine.may_release(
            self.entry.asker,
            cited=True,
            findings=self.entry.findings,
            strict=self.entry.policy.strict,
        )
        return Verdict(reasons=("output",)) if release is Release.REFUSE else OPEN

    async def first_as(
        self, recorded: Verdict, decide: Callable[[int], Awaitable[Verdict]]
    ) -> tuple[Verdict, int]:
        """The verdict of the first moment that is as recorded, else of the first of all; and which it is."""
        found = [await decide(moment) for moment in range(len(self.moments))]
        fits = [one.allowed == recorded.allowed for one in found]
        moment = fits.index(True) if True in fits else 0
        return found[moment], moment


def _verdict(decision: Decision) -> Verdict:
    return Verdict(reasons=(decision.reason,)) if isinstance(decision, Denied) else OPEN
