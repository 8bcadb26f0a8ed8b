"""An entry under the policy of then and under today's, as far as one auditor may know of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from copilot.citations import sha256
from copilot.replay.again import OPEN, Again
from copilot.replay.entry import Entry, RecordedContext
from copilot.replay.results import ContextDecision, Decision, Verdict
from policy.engine import Call
from policy.labels import Label, join_all
from policy.markings import portion
from retrieval.types import Chunk

MOST_LABELS = 100
"""Labels that one replay lists."""
_WITHHELD = Verdict(reasons=("label",))
_NOT_IN_SCOPE = Verdict(reasons=("scope",))
"""The search was not within this label, or not within this label for that passage."""
_LET_OUT = frozenset(["Answer", "NotFound", "StepUpRequired"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Each method gives one kind of decision: as recorded, as made again, and as it would be made today."""

    entry: Entry
    readable: frozenset[Label]
    """The labels that the auditor may read; of others nothing is said."""
    stored: Mapping[str, Chunk]
    """By id: the passages of the entry that the auditor finds today."""
    then: Again
    now: Again

    async def act(self) -> Decision:
        """On the act itself."""
        denied = self.entry.denied
        recorded = Verdict(reasons=(denied,)) if denied else OPEN
        return await self._both(str(self.entry.act), recorded, self.then.act, self.now.act)

    async def contexts(self) -> tuple[ContextDecision, ...]:
        """On each passage that was found, in the order of the record."""
        return tuple([await self._context(one) for one in self._visible()])

    async def labels(self) -> tuple[Decision, ...]:
        """On labels: those that today's policy decides otherwise or the record has otherwise, then those withheld."""
        differing, withheld = [], []
        for label in sorted(self.readable, key=Label.canonical):
            recorded = OPEN if label in self.entry.scope else _WITHHELD
            moment = self.then.moment_of(label, recorded=recorded)
            opens = self.then.opens(label, moment)
            if opens and not recorded.allowed:
                continue  # it has come since: the policy of then was never asked about it
            if opens != recorded.allowed or opens != self.now.opens(label, moment):
                differing.append((label, recorded, moment))
            elif not opens:
                withheld.append((label, recorded, moment))
        listed = [*differing, *withheld][:MOST_LABELS]
        return tuple([await self._label(*one) for one in listed])

    async def routing(self) -> tuple[Decision, ...]:
        """On each provider that was considered; none where the auditor may not read all that it would be given."""
        routing = self.entry.routing
        shown = [one.label for one in self.entry.contexts if one.shown]
        if routing is None or not shown or not self.readable.issuperset(shown):
            return ()
        label = join_all(shown)
        refused = [
            (one["provider"], Verdict(reasons=(one["reason"],))) for one in routing["refused"]
        ]
        decisions = []
        for provider, recorded in [*refused, (routing["provider"], OPEN)]:
            # Rules may ask for a model's name, and decide by none: only that of the chosen one is recorded.
            call = Call(provider=provider, model=routing["model"], label=label)

            async def then(moment: int, call: Call = call) -> Verdict:
                return await self.then.routed(call, moment)

            async def now(moment: int, call: Call = call) -> Verdict:
                return await self.now.routed(call, moment)

            decisions.append(await self._both(provider, recorded, then, now))
        return tuple(decisions)

    async def release(self) -> Decision | None:
        """On letting the answer out; None where it did not come to that."""
        entry = self.entry
        if entry.stopped == "output":
            recorded = Verdict(reasons=("output",))
        elif str(entry.act) == "ask" and entry.stopped is None and entry.outcome in _LET_OUT:
            recorded = OPEN
        else:
            return None
        return await self._both("output", recorded, self.then.released, self.now.released)

    def _visible(self) -> list[RecordedContext]:
        return [one for one in self.entry.contexts if one.label in self.readable]

    async def _context(self, one: RecordedContext) -> ContextDecision:
        recorded = OPEN if one.shown else _NOT_IN_SCOPE if one.why == "scope" else _WITHHELD
        moment = self.then.moment_of(one.label, recorded=recorded)
        outside = one.why == "scope" or one.label not in self.entry.scope
        then, now = [
            _NOT_IN_SCOPE if outside and verdict.allowed else verdict
            for verdict in [await by.label(one.label, moment) for by in (self.then, self.now)]
        ]
        return ContextDecision(
            subject=portion(one.label),
            recorded=recorded,
            then=then,
            now=now,
            document_id=one.document_id,
            part_id=one.part_id,
            chunk_id=one.chunk_id,
            sha256=one.sha256,
            label=one.label,
            arms=one.arms,
            unchanged=_unchanged(one, self.stored.get(one.chunk_id)),
        )

    async def _label(self, label: Label, recorded: Verdict, moment: int) -> Decision:
        return Decision(
            subject=portion(label),
            recorded=recorded,
            then=await self.then.label(label, moment),
            now=await self.now.label(label, moment),
        )

    async def _both(
        self,
        subject: str,
        recorded: Verdict,
        then: Callable[[int], Awaitable[Verdict]],
        now: Callable[[int], Awaitable[Verdict]],
    ) -> Decision:
        made_again, moment = await self.then.first_as(recorded, then)
        return Decision(subject=subject, recorded=recorded, then=made_again, now=await now(moment))


def _unchanged(recorded: RecordedContext, chunk: Chunk | None) -> bool:
    if chunk is None:
        return False
    return chunk.label == recorded.label and sha256(chunk.text) == recorded.sha256
