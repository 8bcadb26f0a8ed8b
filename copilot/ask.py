"""The way of a question: from plain words to cited sentences and a record of how they came about."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from uuid import uuid4

import anyio

from copilot.asked import Asked, record_of, refused_tools
from copilot.compose import Composer
from copilot.find import Finder
from copilot.gate import FAILURE_S
from copilot.ledger.log import Ledger, StoredAnswer
from copilot.ledger.records import Kind
from copilot.results import (
    Answer,
    Denied,
    Explanation,
    NotFound,
    SearchResult,
    Sentence,
    StepUpRequired,
)
from copilot.serialise import answer_json
from copilot.telemetry import Metrics
from copilot.wording import CHANGED, NOT_FOUND, REFUSED, STEP_UP, notice
from policy.engine import PolicyEngine, Release
from policy.errors import CopilotError
from policy.labels import join_all
from policy.markings import banner
from policy.principal import Asker
from policy.scope import Scoper
from retrieval.ports import PassageStore

Outcome = Answer | NotFound | StepUpRequired | Denied


class Pipeline:
    """The steps in order. It handles no errors: whoever calls it decides what a failure looks like."""

    def __init__(
        self,
        *,
        engine: PolicyEngine,
        scoper: Scoper,
        finder: Finder,
        composer: Composer,
        passages: PassageStore,
        ledger: Ledger,
        metrics: Metrics,
        strict: bool = False,
    ) -> None:
        self._engine = engine
        self._scoper = scoper
        self._finder = finder
        self._composer = composer
        self._passages = passages
        self._ledger = ledger
        self._metrics = metrics
        self._strict = strict

    def warm(self) -> None:
        """Begins to load what a serving process will need, so that no reader waits for it."""
        self._composer.warm()

    async def ask(self, asker: Asker, question: str, *, step_up: bool = False) -> Outcome:
        """The answer, released after its record is durable: the end of a stream that nobody watches."""
        async with aclosing(self.stream(asker, question, step_up=step_up)) as items:
            async for item in items:
                if not isinstance(item, Sentence):
                    return item
        raise AssertionError("a stream ends with an outcome")

    async def stream(
        self, asker: Asker, question: str, *, step_up: bool = False
    ) -> AsyncGenerator[Sentence | Outcome, None]:
        """Checked sentences as they come, then the outcome; strict, only once all are checked.

        The opening record is durable before a model is given anything and before the first sentence leaves.

        A stream that breaks off leaves a closing record that says so, with the hash of each sentence sent.
        """
        asked = await self._finder.contexts(asker, question)
        asked.step_up = step_up
        await self._composer.route(asked)
        asked.opening = await self._ledger.record(record_of(asked, "Opened"))
        outcome: Outcome | None = None
        try:
            async with aclosing(self._checked(asked)) as sentences:
                async for sentence in sentences:
                    yield sentence
            outcome = await self._release(asked)
        finally:
            if outcome is None:
                await self._break_off(asked)
        yield outcome

    async def search(
        self, asker: Asker, question: str, k: int | None, *, step_up: bool = False
    ) -> SearchResult | StepUpRequired | Denied:
        """The contexts alone: as many as would be passed on, or the best of `k` distinct documents."""
        if k is None:
            asked = await self._finder.contexts(asker, question, Kind.SEARCH)
        else:
            asked = await self._finder.documents(asker, question, k)
        if not await self._still_open(asked):
            asked.stopped = "changed"
            return await self._stopped(asked, "changed", Kind.SEARCH)
        raised = step_up and not asked.contexts
        outcome = "StepUpRequired" if raised else "SearchResult"
        ledger_id = await self._ledger.record(record_of(asked, outcome, kind=Kind.SEARCH))
        if raised:
            return StepUpRequired(text=STEP_UP, ledger_id=ledger_id)
        return SearchResult(
            contexts=tuple(asked.contexts),
            notice=_notice(asked, step_up=step_up),
            ledger_id=ledger_id,
            timings_ms=asked.timings.ms,
        )

    async def _checked(self, asked: Asked) -> AsyncGenerator[Sentence, None]:
        """Sentences as long as policy lets them out; held back until all are known where it is strict."""
        held: list[Sentence] = []
        async with aclosing(self._composer.sentences(asked)) as sentences:
            async for sentence in sentences:
                if self._strict:
                    held.append(sentence)
                elif await self._may_go_on(asked):
                    asked.sentences.append(sentence)
                    yield sentence
                else:
                    return
        for sentence in held:
            # Anew for each: whoever reads slowly may have lost access since the last one.
            if not await self._may_go_on(asked):
                return
            asked.sentences.append(sentence)
            yield sentence

    async def _may_go_on(self, asked: Asked) -> bool:
        """Whether access still stands, and whether what the scan has found lets anything out at all."""
        if asked.stopped is None and not await self._still_open(asked):
            asked.stopped = "changed"
        if asked.stopped is None and await self._decided(asked) is Release.REFUSE:
            asked.stopped = "output"
        return asked.stopped is None

    async def _decided(self, asked: Asked) -> Release:
        kinds = [kind.name.lower() for kind in asked.findings]
        return await self._engine.may_release(
            asked.asker, cited=True, findings=kinds, strict=self._strict
        )

    async def _still_open(self, asked: Asked) -> bool:
        """Whether all that the answer rests on is open to the asker now: a fence may have been raised."""
        asker = await self._scoper.standing(asked.asker)
        if asker.principal.revoked:
            return False
        scope = await self._scoper.scope(asker)
        if scope == asked.scope:
            return True
        read = {one.chunk.chunk_id: one.chunk for one in asked.contexts}
        # The same to the last field: a new label, also of the document, changes what a citation may show.
        return await self._passages.chunks(list(read), scope=scope) == read

    async def _break_off(self, asked: Asked) -> None:
        # Whoever left must not keep this from being recorded, nor may it hide what went wrong first.
        with anyio.move_on_after(FAILURE_S, shield=True), suppress(CopilotError):
            await self._ledger.record(record_of(asked, "BrokenOff", asked.opening))

    async def _release(self, asked: Asked) -> Outcome:
        """Records what is about to be given, then gives it."""
        for stage, taken in asked.timings.ms.items():
            self._metrics.stage(stage, taken / 1000)
        finished = asked.finished
        self._metrics.tokens(finished.provider, finished.model, finished.usage)
        if finished.tool_calls:
            await self._ledger.record(refused_tools(asked))
        if not await self._may_go_on(asked):
            return await self._stopped(asked, asked.stopped or "output")
        return await (self._answer(asked) if asked.sentences else self._nothing(asked))

    async def _answer(self, asked: Asked) -> Answer:
        answer_id = uuid4().hex
        with asked.timings.stage("ledger"):
            stored = StoredAnswer(
                answer_id=answer_id,
                label_ids=tuple(sorted({one.label_id for one in asked.contexts})),
                body=answer_json(_answer(asked, answer_id, "")) | {"rests_on": _chunk_ids(asked)},
            )
            ledger_id = await self._ledger.record(record_of(asked, "Answer", asked.opening), stored)
        return _answer(asked, answer_id, ledger_id)

    async def _nothing(self, asked: Asked) -> NotFound | StepUpRequired:
        outcome = "StepUpRequired" if asked.step_up else "NotFound"
        ledger_id = await self._ledger.record(record_of(asked, outcome, asked.opening))
        if asked.step_up:
            return StepUpRequired(text=STEP_UP, ledger_id=ledger_id)
        return NotFound(
            text=" ".join(filter(None, [NOT_FOUND, _notice(asked, step_up=False)])),
            explanation=_explanation(asked),
            redactions=asked.redactions,
            ledger_id=ledger_id,
            model=asked.finished.model,
            usage=asked.finished.usage,
            timings_ms=asked.timings.ms,
        )

    async def _stopped(self, asked: Asked, reason: str, kind: Kind = Kind.ASK) -> Denied:
        record = record_of(asked, "Denied", asked.opening, kind=kind)
        ledger_id = await self._ledger.record(record)
        text = CHANGED if reason == "changed" else REFUSED
        return Denied(text=text, reason=reason, ledger_id=ledger_id)


def _answer(asked: Asked, answer_id: str, ledger_id: str) -> Answer:
    labels = [citation.label for sentence in asked.sentences for citation in sentence.citations]
    return Answer(
        text=" ".join(sentence.text for sentence in asked.sentences),
        banner=banner(join_all(labels)),
        sentences=tuple(asked.sentences),
        explanation=_explanation(asked),
        redactions=asked.redactions,
        notice=_notice(asked, step_up=asked.step_up),
        answer_id=answer_id,
        ledger_id=ledger_id,
        model=asked.finished.model,
        usage=asked.finished.usage,
        timings_ms=asked.timings.ms,
    )


def _notice(asked: Asked, *, step_up: bool) -> str | None:
    return notice(step_up, asked.found.degraded, asked.read_as)


def _chunk_ids(asked: Asked) -> list[str]:
    """All that went into the answer, cited or not: while one of them is closed, so is the answer."""
    return sorted({one.chunk.chunk_id for one in asked.contexts})


def _explanation(asked: Asked) -> Explanation:
    paths = dict.fromkeys(one.path for one in asked.contexts if one.path)
    return Explanation(plan=asked.plan.to_json(), arms=asked.found.arms, paths=tuple(paths))
