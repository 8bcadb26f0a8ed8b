"""The second half of a question's way: prompt, generation, output scan and citations, sentence by sentence."""

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import cast

from copilot.asked import Asked
from copilot.citations import Dropped, cite, sha256
from copilot.generation.port import Begun, Claim, Failed, Finished, Item, Prompt
from copilot.generation.providers import Providers
from copilot.output_scan import Finding, Kind, OutputScan, Redacted, Withheld, counts, reasons
from copilot.prompts import Prompts
from copilot.resources import Resources
from copilot.results import Sentence, Usage
from copilot.telemetry import Metrics
from policy.engine import PolicyEngine
from policy.errors import Unavailable
from policy.labels import join_all
from retrieval.context import reading_order

_PERSONAL = "personal_data"
_LEFT = "it was not waited for until its end"


class Composer:
    """Writes what may be said from the contexts; what fails a check is dropped, counted and noted in `Asked`."""

    def __init__(
        self,
        *,
        engine: PolicyEngine,
        providers: Providers,
        prompts: Prompts,
        resources: Resources,
        scan: OutputScan,
        metrics: Metrics,
    ) -> None:
        self._engine = engine
        self._providers = providers
        self._prompts = prompts
        self._resources = resources
        self._scan = scan
        self._metrics = metrics

    def warm(self) -> None:
        """Begins to load what a serving process will need, so that no reader waits for it."""
        self._scan.warm()

    async def route(self, asked: Asked) -> None:
        """Chooses, by the labels of the contexts, who may be given them, and in which order."""
        if asked.contexts and not asked.unnamed:
            asked.contexts = reading_order(asked.contexts)
            label = join_all(one.label for one in asked.contexts)
            asked.prompt = self._prompts.answer(asked.question)
            asked.choice = await self._providers.choose(asked.asker, label)

    async def sentences(self, asked: Asked) -> AsyncGenerator[Sentence, None]:
        """What the chosen provider says of the contexts, as far as it may be said."""
        if asked.prompt is None or asked.choice is None:
            return
        check = await self._check(asked, asked.prompt)
        stream = asked.choice.provider.generator.stream(asked.prompt, asked.contexts)
        # Closed at the end: a call that nobody reads costs on.
        with asked.timings.stage("generation"), _told(asked) as call:
            async with aclosing(cast(AsyncGenerator[Item, None], stream)) as items:
                async for item in items:
                    if isinstance(item, Claim):
                        if sentence := check(item):
                            yield sentence
                    elif isinstance(item, Finished):
                        call.finish(item)
                        self._tools_refused(asked, item.tool_calls)
                    else:
                        call.take(item)

    async def _check(self, asked: Asked, prompt: Prompt) -> Callable[[Claim], Sentence | None]:
        """Output scan, then citation check: what a claim becomes, or None where it must not go out."""
        known = await self._resources.assertions(
            asked.scope, [one.chunk.chunk_id for one in asked.contexts]
        )
        scan = self._scan.request(
            asked.contexts,
            asked.refused,
            prompt.system,
            personal_open=_PERSONAL in await self._engine.fields(asked.asker),
            persons=known.persons,
        )

        def check(claim: Claim) -> Sentence | None:
            scanned = scan(claim)
            if isinstance(scanned, Redacted | Withheld):
                self._found(asked, scanned.findings)
            if isinstance(scanned, Withheld):
                return self._drop(asked, claim, "scan", "; ".join(reasons(scanned.findings)))
            shown = scanned.text if isinstance(scanned, Redacted) else None
            cited = cite(
                claim, asked.contexts, shown=shown, entities=known.names, relation=known.relation
            )
            if isinstance(cited, Dropped):
                return self._drop(asked, claim, "citation", cited.reason)
            return cited

        return check

    def _tools_refused(self, asked: Asked, calls: int) -> None:
        """None was offered, so a reply that uses one obeys somebody else than us; nothing comes of it."""
        if calls:
            asked.findings[Kind.TOOL_CALL] += calls
            self._metrics.finding(Kind.TOOL_CALL.name.lower(), calls)

    def _found(self, asked: Asked, findings: Sequence[Finding]) -> None:
        for kind, places in counts(findings).items():
            asked.findings[kind] += places
            self._metrics.finding(kind.name.lower(), places)

    def _drop(self, asked: Asked, claim: Claim, stage: str, reason: str) -> Sentence | None:
        self._metrics.dropped(stage, 1)
        asked.dropped.append({"stage": stage, "reason": reason, "sha256": sha256(claim.text)})
        return None


class _Call:
    """A model is at it: how that ended, and each try that came to nothing, goes into `Asked`."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._began = time.perf_counter()
        self._usage: Usage | None = None
        self._open = True

    def take(self, item: Begun | Failed) -> None:
        if isinstance(item, Begun):
            self._usage, self._open = item.usage, True
        else:
            self._asked.failed.append(item)
            self._usage, self._open = None, False

    def finish(self, item: Finished) -> None:
        self._asked.finished = replace(item, seconds=time.perf_counter() - self._began)
        self._open = False

    def break_off(self, why: str) -> None:
        """Unless it has ended: it was given the passages, whatever came of that."""
        if self._open:
            seconds = time.perf_counter() - self._began
            self.take(Failed(why=why, usage=self._usage, seconds=seconds))


@contextmanager
def _told(asked: Asked) -> Iterator[_Call]:
    call = _Call(asked)
    try:
        yield call
    except Unavailable as error:
        call.break_off(error.message)
        raise
    finally:
        call.break_off(_LEFT)
