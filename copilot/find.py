"""The first half of a question's way: analysis, scope, the three arms, policy re-check, context."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from copilot.asked import Asked
from copilot.consult import Consultant, Consultation
from copilot.ledger.records import Kind
from copilot.replay.decided import Decisions
from copilot.telemetry import Metrics
from copilot.texts import plain
from policy.engine import PolicyEngine
from policy.errors import BadInput, Unavailable
from policy.principal import Asker
from policy.recheck import Rechecked, double_check
from policy.scope import Scoper
from retrieval import context as assembly
from retrieval import several
from retrieval.analysis import Plan, analyse
from retrieval.besides import affordable, besides
from retrieval.copies import without_copies
from retrieval.following import Following
from retrieval.grounding import unnamed
from retrieval.hybrid import Enough, Hybrid, Timings, all_of_them
from retrieval.neighbours import Neighbours
from retrieval.relevance import Relevance
from retrieval.terms import Terms
from retrieval.types import Context

_LONGEST_QUESTION = 4000
_CANDIDATES = 40
"""Chunks that each arm proposes."""
_WEIGHED = 12
"""Fused chunks whose sentences are weighed; the rest would cost time and is hardly ever passed on."""
_MOST_K = 1000
_MOST_TRIES = 3


class Finder:
    """Finds what an answer may be written from. It handles no errors; only judgements of models are recorded here."""

    def __init__(
        self,
        *,
        engine: PolicyEngine,
        scoper: Scoper,
        hybrid: Hybrid,
        relevance: Relevance,
        neighbours: Neighbours,
        metrics: Metrics,
        consultant: Consultant | None = None,
        tokens: int = assembly.TOKENS,
        following: Following | None = None,
        decisions: Decisions | None = None,
    ) -> None:
        """Without `following` the caller answers for it that the store's vectors stay of one model.

        Without `decisions` what is decided cannot be decided again.
        """
        self._following = following
        self._decisions = decisions
        self._engine = engine
        self._scoper = scoper
        self._hybrid = hybrid
        self._relevance = relevance
        self._neighbours = neighbours
        self._metrics = metrics
        self._consultant = consultant
        self._budget = tokens
        self._terms = Terms()

    async def contexts(self, asker: Asker, question: str, kind: Kind = Kind.ASK) -> Asked:
        """As many contexts as are worth passing on; `kind` is the act for which they are wanted."""
        return await self._decided(asker, lambda: self._contexts(asker, question, kind))

    async def documents(
        self, asker: Asker, question: str, k: int, kind: Kind = Kind.SEARCH
    ) -> Asked:
        """The best context of each of the best `k` documents."""
        if not 1 <= k <= _MOST_K:
            raise BadInput(f"k must be between 1 and {_MOST_K}, not {k}")
        return await self._decided(asker, lambda: self._documents(asker, question, k, kind))

    async def _decided(self, asker: Asker, search: Callable[[], Awaitable[Asked]]) -> Asked:
        """With what policy decided by; Unavailable where that changed meanwhile or cannot be kept."""
        if self._decisions is None:
            return await self._of_one_model(search)
        decided = await self._decisions.begun(asker)
        asked = await self._of_one_model(search)
        asked.decided = self._decisions.finished(asker, decided, asked.scope.revision)
        return asked

    async def _of_one_model(self, search: Callable[[], Awaitable[Asked]]) -> Asked:
        """Searches again where the stored vectors have become another model's: two may have been compared."""
        if self._following is None:
            return await search()
        for _ in range(_MOST_TRIES):
            model = self._following.model
            try:
                asked = await search()
            except (Unavailable, ValueError):  # the latter, where two dimensions met
                if await self._following.settled(model):
                    raise
            else:
                if await self._following.settled(model):
                    return asked
        raise Unavailable("embedding", "the embedding model is being changed; try again")

    async def _contexts(self, asker: Asker, question: str, kind: Kind) -> Asked:
        search = await self._begun(asker, question, kind)
        asked = await self._find(search, _CANDIDATES)
        with asked.timings.stage("copies"):
            distinct = without_copies(asked.contexts)[:_WEIGHED]
        with asked.timings.stage("relevance"):
            weighed = await self._weighed(asked, distinct)
        asked.unnamed = unnamed(asked.question, weighed)
        if self._consultant:
            weighed = await self._consultant.bearing(search.about, weighed)
        with asked.timings.stage("context"):
            most = max(assembly.MOST, 1 + len(asked.parts))
            chosen = assembly.assemble(weighed, most=most, tokens=self._budget)
            more = besides(chosen, weighed, asked.found.plan)
            chosen = affordable(chosen, more, self._budget)
            asked.contexts = await self._preceded(asked, chosen)
        return asked

    async def _documents(self, asker: Asker, question: str, k: int, kind: Kind) -> Asked:
        limit = max(_CANDIDATES, 2 * k)
        search = await self._begun(asker, question, kind)
        enough: Enough = partial(_has_documents, k)
        while True:
            asked = await self._find(search, limit, enough)
            best = _by_document(asked.contexts)
            if len(best) < k and asked.refused and enough is not all_of_them:
                enough = all_of_them  # what was refused has to be made up for
            elif len(best) < k and len(asked.contexts) >= limit:
                limit *= 4
            else:
                asked.contexts = list(best.values())[:k]
                return asked

    async def _begun(self, asker: Asker, question: str, kind: Kind) -> "_Search":
        timings = Timings()
        with timings.stage("analysis"):
            plans = [analyse(_checked(question), self._terms)]
        with timings.stage("scope"):
            scope = await self._scoper.scope(asker)
        about = Consultation(
            asker=asker, question=question, scope=scope, kind=kind, timings=timings
        )
        if self._consultant:
            parts = await self._consultant.subquestions(about)
            plans += [analyse(part, self._terms) for part in parts]
        return _Search(about=about, plans=plans)

    async def _find(self, search: "_Search", limit: int, enough: Enough = all_of_them) -> Asked:
        asker, scope, timings = search.about.asker, search.about.scope, search.about.timings
        found = [
            await self._hybrid.search(
                plan, scope=scope, limit=limit, timings=timings, enough=enough
            )
            for plan in search.plans
        ]
        checked = await self._checked_again(search, several.merged(found, limit))
        degraded = tuple(dict.fromkeys(arm for one in found for arm in one.degraded))
        for arm in degraded:
            self._metrics.degraded(arm)
        asked = Asked(
            asker=asker,
            question=search.about.question,
            scope=scope,
            found=replace(found[0], degraded=degraded),
            parts=tuple(found[1:]),
            consulted=search.about.consulted,
            contexts=list(checked.kept),
            refused=(),
            timings=timings,
        )
        self._note_dropped(asked, checked.dropped)
        return asked

    async def _checked_again(
        self, search: "_Search", contexts: Sequence[Context]
    ) -> Rechecked[Context]:
        with search.about.timings.stage("recheck"):
            return await double_check(
                self._engine, search.about.asker, search.about.scope, contexts
            )

    async def _weighed(self, asked: Asked, contexts: Sequence[Context]) -> list[Context]:
        """Each sentence by the question, or by the part of it that it fits better."""
        return several.better(
            [
                await self._relevance.weigh(contexts, found, scope=asked.scope)
                for found in (asked.found, *asked.parts)
            ]
        )

    async def _preceded(self, asked: Asked, chosen: Sequence[Context]) -> list[Context]:
        """The chosen with the passages that they cannot be understood without, each decided on again as well."""
        before = await self._neighbours.before(chosen, scope=asked.scope)
        checked = await double_check(self._engine, asked.asker, asked.scope, before.values())
        self._note_dropped(asked, checked.dropped)
        open_ = {one.precedes: one for one in checked.kept if one.precedes}
        return assembly.preceded(chosen, open_, tokens=self._budget)

    def _note_dropped(self, asked: Asked, dropped: Sequence[Context]) -> None:
        """What the double check did not open again: an incident, counted and recorded."""
        if dropped:
            asked.refused += tuple(dropped)
            self._metrics.recheck_mismatches(len(dropped))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """A question that is about to be searched, and first of its plans its own; the others are of its parts."""

    about: Consultation
    plans: Sequence[Plan]


def _has_documents(k: int, contexts: Sequence[Context]) -> bool:
    return len(_by_document(contexts)) >= k


def _by_document(contexts: Sequence[Context]) -> dict[str, Context]:
    """Document id → its best context, best first."""
    best: dict[str, Context] = {}
    for one in contexts:
        best.setdefault(one.chunk.document_id, one)
    return best


def _checked(question: str) -> str:
    if not question.strip():
        raise BadInput("the question is empty; write what you want to know")
    if len(question) > _LONGEST_QUESTION:
        raise BadInput(
            f"the question has {len(question)} characters; the most is {_LONGEST_QUESTION}: shorten it"
        )
    return plain(question)
