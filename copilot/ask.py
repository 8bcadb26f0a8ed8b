"""The way of a question: from plain words to cited sentences and a record of how they came about."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import cast
from uuid import uuid4

import anyio

from copilot.asked import Asked, record_of
from copilot.citations import Dropped, cite, sha256
from copilot.generation.port import Claim, Finished, Generator, Prompt
from copilot.ledger.log import Ledger, StoredAnswer
from copilot.ledger.records import Kind
from copilot.output_scan import OutputScan, Redacted, Withheld
from copilot.prompts import Prompts
from copilot.resources import Resources
from copilot.results import Answer, Explanation, NotFound, SearchResult, Sentence
from copilot.serialise import answer_json
from copilot.telemetry import Metrics
from policy.engine import PolicyEngine
from policy.errors import BadInput
from policy.labels import join_all
from policy.markings import banner
from policy.principal import Asker
from policy.recheck import double_check
from policy.scope import Scoper
from retrieval import context as assembly
from retrieval.analysis import analyse
from retrieval.grounding import unnamed
from retrieval.hybrid import Hybrid, Timings
from retrieval.relevance import Relevance
from retrieval.terms import Terms
from retrieval.types import Context

NOT_FOUND = "Nothing that you may read answers this question."
_LONGEST_QUESTION = 4000
_CANDIDATES = 40
"""Chunks that each arm proposes."""
_WEIGHED = 12
"""Fused chunks whose sentences are weighed; the rest would cost time and is hardly ever passed on."""
_MOST_K = 1000


class Pipeline:
    """The steps in order. It handles no errors: whoever calls it decides what a failure looks like."""

    def __init__(
        self,
        *,
        engine: PolicyEngine,
        scoper: Scoper,
        hybrid: Hybrid,
        relevance: Relevance,
        prompts: Prompts,
        generator: Generator,
        resources: Resources,
        ledger: Ledger,
        metrics: Metrics,
    ) -> None:
        self._engine = engine
        self._scoper = scoper
        self._hybrid = hybrid
        self._relevance = relevance
        self._prompts = prompts
        self._generator = generator
        self._resources = resources
        self._ledger = ledger
        self._metrics = metrics
        self._scan = OutputScan()
        self._terms = Terms()

    async def ask(self, asker: Asker, question: str) -> Answer | NotFound:
        """The answer, released after its record is durable: the end of a stream that nobody watches."""
        async with aclosing(self.stream(asker, question)) as items:
            async for item in items:
                if not isinstance(item, Sentence):
                    return item
        raise AssertionError("a stream ends with an outcome")

    async def stream(
        self, asker: Asker, question: str
    ) -> AsyncGenerator[Sentence | Answer | NotFound, None]:
        """Checked sentences as they come, then the outcome.

        The opening record is durable before a model is given anything and before the first sentence leaves.

        A stream that breaks off leaves a closing record that says so, with the hash of each sentence sent.
        """
        asked = await self._retrieve(asker, question)
        opening = await self._ledger.record(record_of(asked, "Opened"))
        outcome: Answer | NotFound | None = None
        try:
            async with aclosing(self._write(asked)) as sentences:
                async for sentence in sentences:
                    yield sentence
            outcome = await self._release(asked, opening)
        finally:
            if outcome is None:
                # Whoever left must not keep this from being recorded.
                with anyio.CancelScope(shield=True):
                    await self._ledger.record(record_of(asked, "BrokenOff", opening))
        yield outcome

    async def search(self, asker: Asker, question: str, k: int | None) -> SearchResult:
        """The contexts alone: as many as would be passed on, or the best of `k` distinct documents."""
        if k is None:
            asked = await self._retrieve(asker, question)
        else:
            asked = await self._best_documents(asker, question, k)
        ledger_id = await self._ledger.record(record_of(asked, "SearchResult", kind=Kind.SEARCH))
        return SearchResult(
            contexts=tuple(asked.contexts), ledger_id=ledger_id, timings_ms=asked.timings.ms
        )

    async def _retrieve(self, asker: Asker, question: str) -> Asked:
        asked = await self._find(asker, question, _CANDIDATES)
        with asked.timings.stage("relevance"):
            weighed = await self._relevance.weigh(
                asked.contexts[:_WEIGHED],
                asked.plan,
                asked.found.vector,
                asked.found.idf,
                scope=asked.scope,
            )
        with asked.timings.stage("context"):
            asked.unnamed = unnamed(asked.plan.question, weighed)
            asked.contexts = assembly.assemble(weighed)
        return asked

    async def _best_documents(self, asker: Asker, question: str, k: int) -> Asked:
        if not 1 <= k <= _MOST_K:
            raise BadInput(f"k must be between 1 and {_MOST_K}, not {k}")
        limit = max(_CANDIDATES, 2 * k)
        while True:
            asked = await self._find(asker, question, limit)
            best: dict[str, Context] = {}
            for one in asked.contexts:
                best.setdefault(one.chunk.document_id, one)
            if len(best) >= k or len(asked.contexts) < limit:
                asked.contexts = list(best.values())[:k]
                return asked
            limit *= 4

    async def _find(self, asker: Asker, question: str, limit: int) -> Asked:
        timings = Timings()
        with timings.stage("analysis"):
            plan = analyse(_checked(question), self._terms)
        with timings.stage("scope"):
            scope = await self._scoper.scope(asker)
        found = await self._hybrid.search(plan, scope=scope, limit=limit, timings=timings)
        with timings.stage("recheck"):
            checked = await double_check(self._engine, asker, scope, found.contexts)
        if checked.dropped:
            self._metrics.recheck_mismatches(len(checked.dropped))
        return Asked(
            asker=asker,
            question=question,
            plan=plan,
            scope=scope,
            found=found,
            contexts=list(checked.kept),
            refused=checked.dropped,
            timings=timings,
        )

    async def _write(self, asked: Asked) -> AsyncGenerator[Sentence, None]:
        """Generates, scans and cites sentence by sentence; what fails a check is dropped and counted."""
        if asked.unnamed or not asked.contexts:
            return
        prompt = asked.prompt = self._prompts.answer(asked.question)
        check = await self._check(asked, prompt)
        with asked.timings.stage("generation"):
            async with aclosing(self._generate(prompt, asked)) as items:
                async for item in items:
                    if isinstance(item, Finished):
                        asked.finished = item
                    elif sentence := check(item):
                        asked.sentences.append(sentence)
                        yield sentence

    def _generate(self, prompt: Prompt, asked: Asked) -> AsyncGenerator[Claim | Finished, None]:
        """The generator's stream, as what can be closed: a call that nobody reads costs on."""
        stream = self._generator.stream(prompt, asked.contexts)
        return cast(AsyncGenerator[Claim | Finished, None], stream)

    async def _check(self, asked: Asked, prompt: Prompt) -> Callable[[Claim], Sentence | None]:
        """Output scan, then citation check: what a claim becomes, or None where it must not go out."""
        scan = self._scan.request(asked.contexts, asked.refused, prompt.system)
        known = await self._resources.assertions(
            asked.scope, [one.chunk.chunk_id for one in asked.contexts]
        )

        def check(claim: Claim) -> Sentence | None:
            scanned = scan(claim)
            if isinstance(scanned, Withheld):
                reasons = "; ".join(sorted({one.kind for one in scanned.findings}))
                return self._drop(asked, claim, "scan", reasons)
            shown = scanned.text if isinstance(scanned, Redacted) else None
            cited = cite(
                claim, asked.contexts, shown=shown, entities=known.names, relation=known.relation
            )
            if isinstance(cited, Dropped):
                return self._drop(asked, claim, "citation", cited.reason)
            return cited

        return check

    def _drop(self, asked: Asked, claim: Claim, stage: str, reason: str) -> Sentence | None:
        self._metrics.dropped(stage, 1)
        asked.dropped.append({"stage": stage, "reason": reason, "sha256": sha256(claim.text)})
        return None

    async def _release(self, asked: Asked, opening: str | None = None) -> Answer | NotFound:
        """Records what is about to be given, then gives it."""
        for stage, taken in asked.timings.ms.items():
            self._metrics.stage(stage, taken / 1000)
        finished = asked.finished
        self._metrics.tokens(finished.provider, finished.model, finished.usage)
        if not asked.sentences:
            ledger_id = await self._ledger.record(record_of(asked, "NotFound", opening))
            return NotFound(
                text=NOT_FOUND,
                explanation=_explanation(asked),
                ledger_id=ledger_id,
                model=finished.model,
                usage=finished.usage,
                timings_ms=asked.timings.ms,
            )
        answer_id = uuid4().hex
        with asked.timings.stage("ledger"):
            stored = StoredAnswer(
                answer_id=answer_id,
                label_ids=_used_labels(asked),
                body=answer_json(_answer(asked, answer_id, "")),
            )
            ledger_id = await self._ledger.record(record_of(asked, "Answer", opening), stored)
        return _answer(asked, answer_id, ledger_id)


def _checked(question: str) -> str:
    if not question.strip():
        raise BadInput("the question is empty; write what you want to know")
    if len(question) > _LONGEST_QUESTION:
        raise BadInput(
            f"the question has {len(question)} characters; the most is {_LONGEST_QUESTION}: shorten it"
        )
    return plain(question)


def plain(text: str) -> str:
    """The text; BadInput where neither a database nor a log could hold it."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadInput("a NUL or half a character stands in the text; write it in plain Unicode")
    return text


def _answer(asked: Asked, answer_id: str, ledger_id: str) -> Answer:
    labels = [citation.label for sentence in asked.sentences for citation in sentence.citations]
    return Answer(
        text=" ".join(sentence.text for sentence in asked.sentences),
        banner=banner(join_all(labels)),
        sentences=tuple(asked.sentences),
        explanation=_explanation(asked),
        answer_id=answer_id,
        ledger_id=ledger_id,
        model=asked.finished.model,
        usage=asked.finished.usage,
        timings_ms=asked.timings.ms,
    )


def _explanation(asked: Asked) -> Explanation:
    paths = dict.fromkeys(one.path for one in asked.contexts if one.path)
    return Explanation(plan=asked.plan.to_json(), arms=asked.found.arms, paths=tuple(paths))


def _used_labels(asked: Asked) -> tuple[int, ...]:
    return tuple(sorted({one.label_id for one in asked.contexts}))
