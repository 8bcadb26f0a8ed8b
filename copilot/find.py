"""The first half of a question's way: analysis, scope, the three arms, policy re-check, context."""

from copilot.asked import Asked
from copilot.telemetry import Metrics
from policy.engine import PolicyEngine
from policy.errors import BadInput
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

_LONGEST_QUESTION = 4000
_CANDIDATES = 40
"""Chunks that each arm proposes."""
_WEIGHED = 12
"""Fused chunks whose sentences are weighed; the rest would cost time and is hardly ever passed on."""
_MOST_K = 1000


class Finder:
    """Finds what an answer may be written from. It handles no errors and records nothing."""

    def __init__(
        self,
        *,
        engine: PolicyEngine,
        scoper: Scoper,
        hybrid: Hybrid,
        relevance: Relevance,
        metrics: Metrics,
    ) -> None:
        self._engine = engine
        self._scoper = scoper
        self._hybrid = hybrid
        self._relevance = relevance
        self._metrics = metrics
        self._terms = Terms()

    async def contexts(self, asker: Asker, question: str) -> Asked:
        """As many contexts as are worth passing on."""
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

    async def documents(self, asker: Asker, question: str, k: int) -> Asked:
        """The best context of each of the best `k` documents."""
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
        for arm in found.degraded:
            self._metrics.degraded(arm)
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
