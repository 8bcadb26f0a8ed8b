"""Judgements of a language model about a question and its sources: optional, checked, and never needed.

What a model says here is data. It can split a question that is searched within the same scope, and it can leave out
sources that the asker may read; it can add, order or word nothing that is shown.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from copilot.asked import Consulted, consulting
from copilot.generation.port import Finished, Prompt
from copilot.generation.providers import Choice, Providers
from copilot.ledger.log import Ledger, high_water
from copilot.ledger.records import Kind
from copilot.prompts import Prompts
from copilot.results import Usage
from copilot.telemetry import Metrics
from policy.errors import Unavailable
from policy.labels import join_all
from policy.principal import Asker
from policy.scope import Scope
from retrieval.context import best, length
from retrieval.hybrid import Timings
from retrieval.types import Context

_MOST_QUESTIONS = 4
_LONGEST_QUESTION = 400
_MOST_TOKENS = 4_000
"""Of sources that are judged at once, as `retrieval.tokens` estimates them."""

Flag = Callable[[str], bool]
"""Whether a tenant wants it."""


def _never(_: str) -> bool:
    return False


@dataclass(slots=True, kw_only=True)
class Consultation:
    """One question for which models may be asked, and what they have been asked so far."""

    asker: Asker
    question: str
    scope: Scope
    kind: Kind
    timings: Timings = field(default_factory=Timings)
    consulted: list[Consulted] = field(default_factory=list)


class Consultant:
    """Asks whoever policy lets have it. Whatever the model does, the question goes on; a record that fails stops it."""

    def __init__(
        self,
        *,
        providers: Providers,
        prompts: Prompts,
        ledger: Ledger,
        metrics: Metrics,
        decompose: Flag = _never,
        filter_facts: Flag = _never,
    ) -> None:
        self._providers = providers
        self._prompts = prompts
        self._ledger = ledger
        self._metrics = metrics
        self._decompose = decompose
        self._filter_facts = filter_facts

    async def subquestions(self, about: Consultation) -> tuple[str, ...]:
        """The questions to search for besides this one; none where it is simple, or nobody may be asked."""
        if not self._decompose(about.scope.tenant):
            return ()
        # Without sources nothing but the asker's own mark says what the question may be about.
        choice = await self._providers.adviser(about.asker, high_water(about.asker, about.scope))
        if choice is None:
            return ()
        prompt = self._prompts.decompose(about.question, most=_MOST_QUESTIONS)
        with about.timings.stage("decomposition"):
            return await self._asked(about, prompt, choice, (), _QUESTIONS, _questions)

    async def bearing(self, about: Consultation, contexts: list[Context]) -> list[Context]:
        """The contexts, in their order, without those that the model was given and did not mark."""
        if not self._filter_facts(about.scope.tenant):
            return contexts
        choice, given = await self._given(about, contexts)
        if choice is None:
            return contexts
        prompt = self._prompts.filter(about.question)

        def marked(value: Any) -> tuple[str, ...]:
            return tuple(given[number - 1].chunk.chunk_id for number in _numbers(value, len(given)))

        with about.timings.stage("filter"):
            kept = await self._asked(about, prompt, choice, given, _RELEVANT, marked)
        # A model that marks nothing would leave no answer at all: the next step says so better.
        return [
            one for one in contexts if one.chunk.chunk_id in kept or one not in given or not kept
        ]

    async def _given(
        self, about: Consultation, contexts: Sequence[Context]
    ) -> tuple[Choice | None, list[Context]]:
        """Who is asked, and the best contexts that they may have: each by itself, and all together; or nobody."""
        ranked = sorted(contexts, key=lambda c: (-best(c), -c.score, c.chunk.chunk_id))
        choice = await self._providers.adviser(about.asker, ranked[0].label) if ranked else None
        if choice is None:
            return None, []
        open_ = {
            label: await self._providers.may_judge(about.asker, choice.provider, label)
            for label in dict.fromkeys(one.label for one in ranked)
        }
        given = _within([one for one in ranked if open_[one.label]], _MOST_TOKENS)
        if len(given) < 2:
            return None, []  # of one there is nothing to choose
        together = join_all(one.label for one in given)
        if not await self._providers.may_judge(about.asker, choice.provider, together):
            return None, []
        return choice, given

    async def _asked(
        self,
        about: Consultation,
        prompt: Prompt,
        choice: Choice,
        contexts: Sequence[Context],
        schema: Mapping[str, Any],
        read: Callable[[Any], tuple[str, ...]],
    ) -> tuple[str, ...]:
        """What the model said, as `read` takes it from the JSON; nothing where it failed or said nonsense."""
        adviser = choice.provider.adviser
        assert adviser is not None  # chosen for having one
        opening = await self._ledger.record(
            consulting(
                about.asker,
                about.question,
                about.scope,
                kind=about.kind,
                prompt=prompt,
                choice=choice,
                contexts=contexts,
            )
        )
        consulted = Consulted(prompt=prompt, choice=choice, opening=opening)
        about.consulted.append(consulted)
        begun = time.perf_counter()
        try:
            advice = await adviser.advise(prompt, contexts, schema)
            taken = time.perf_counter() - begun
            consulted.finished = replace(advice.finished, seconds=taken)
            consulted.said = read(json.loads(advice.text))
            consulted.outcome = "used"
        except Unavailable:  # recorded as failed: who was asked, and how long it took
            consulted.finished = Finished(
                provider=choice.provider.name,
                model=choice.provider.model,
                usage=Usage(cost_usd=None),
                seconds=time.perf_counter() - begun,
            )
        except (ValueError, RecursionError):
            pass  # recorded as failed, with what it cost
        self._metrics.consulted(prompt.template, consulted.outcome, consulted.finished)
        return consulted.said


def _within(contexts: Sequence[Context], tokens: int) -> list[Context]:
    given = []
    for one in contexts:
        if (tokens := tokens - length(one)) < 0:
            break
        given.append(one)
    return given


def _schema(name: str, kind: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "array", "items": {"type": kind}}},
        "required": [name],
        "additionalProperties": False,
    }


_QUESTIONS = _schema("questions", "string")
_RELEVANT = _schema("relevant", "integer")


def _only(value: Any, name: str) -> list[Any]:
    """The list that is all there is; ValueError otherwise: a provider may not hold to the schema it was given."""
    if not (isinstance(value, dict) and set(value) == {name} and isinstance(value[name], list)):
        raise ValueError(f"not an object with the list {name!r} alone")
    items: list[Any] = value[name]
    return items


def _questions(value: Any) -> tuple[str, ...]:
    items = _only(value, "questions")
    if len(items) > _MOST_QUESTIONS or not all(isinstance(one, str) for one in items):
        raise ValueError("not a few texts")
    questions = dict.fromkeys(" ".join(one.split()) for one in items)
    if not all(one.isprintable() and 0 < len(one) <= _LONGEST_QUESTION for one in questions):
        raise ValueError("not a question")
    return tuple(questions)


def _numbers(value: Any, most: int) -> list[int]:
    items = _only(value, "relevant")
    if not all(type(one) is int and 1 <= one <= most for one in items):
        raise ValueError("not numbers of sources")
    return sorted(set(items))
