"""Hybrid retrieval: the three arms, fused, with the texts of what they found."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from policy.errors import Unavailable
from policy.scope import Scope
from retrieval import fusion, graph, keyword, spelling, vector
from retrieval.analysis import Plan
from retrieval.embedding import Embedder, Vectors
from retrieval.fit import Fit
from retrieval.fusion import Fused
from retrieval.keyword import Ranking
from retrieval.links import Links
from retrieval.ports import GraphStore, PassageStore
from retrieval.types import Arm, Context, Hit

_READ_AT_ONCE = 16
"""Texts, between one look whether they are enough and the next."""
_SWITCHED_OFF = (
    "this tenant's questions need the graph, and the operator has switched it off"
    " (copilot.graphrag.enabled)"
)
Enough = Callable[[Sequence[Context]], bool]


def all_of_them(_contexts: Sequence[Context]) -> bool:
    """None is enough."""
    return False


@dataclass(slots=True)
class Timings:
    """How long each stage took, in milliseconds."""

    ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            taken = (time.perf_counter() - begun) * 1000
            self.ms[name] = round(self.ms.get(name, 0.0) + taken, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Contexts, best first, and what later stages need to weigh them."""

    plan: Plan
    """What was asked, with misspelt names as they stand in passages."""
    contexts: tuple[Context, ...]
    vector: Vectors
    """The question's embedding."""
    idf: Mapping[str, float]
    """Rarity of each question term among the visible chunks, …"""
    forms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """… and of those that are beginnings of words (`ship*`) the terms that they stand for."""
    arms: Mapping[str, int]
    """How many chunks each arm proposed."""
    degraded: tuple[str, ...] = ()
    """The arms that did not answer."""


class Hybrid:
    """Retrieves for a plan within a scope. `graphrag=False` leaves the vector arm alone.

    Where the graph does not answer, the other two arms do; where keywords do not, vectors alone; but not for
    a tenant for whom `required` says that the graph is. One that takes longer than `graph_within_s` in all, which
    the transaction of the other reads waits for, does not answer.
    """

    def __init__(
        self,
        passages: PassageStore,
        entities: GraphStore,
        embedder: Embedder,
        *,
        graphrag: bool = True,
        required: Callable[[str], bool] = lambda _: False,
        graph_within_s: float | None = None,
    ) -> None:
        self._passages = passages
        self._entities = entities
        self._embedder = embedder
        self._arms = tuple(Arm) if graphrag else (Arm.VECTOR,)
        self._required = required
        self._graph_within_s = graph_within_s

    async def search(
        self,
        plan: Plan,
        *,
        scope: Scope,
        limit: int,
        timings: Timings,
        enough: Enough = all_of_them,
    ) -> Found:
        """Up to `limit` chunks, best first; texts are read until those are `enough`.

        Raises Unavailable where a store does not answer, or where the graph is required and switched off.
        """
        if Arm.GRAPH not in self._arms and self._required(scope.tenant):
            raise Unavailable("neo4j", _SWITCHED_OFF)
        with timings.stage("embedding"):
            question = await self._embedder.embed_question(plan.question)
        asked = _Asked(
            plan=plan, question=question, scope=scope, limit=limit, timings=timings, enough=enough
        )
        try:
            return await self._search(asked, self._arms)
        except _Lost as lost:
            # A database that breaks off has failed everything; one that refuses may do the rest.
            broken = lost.error.dependency == "postgres" and not lost.error.refused
            if broken or self._required(scope.tenant):
                raise lost.error from None
            found = await self._search(asked, self._arms[: self._arms.index(lost.arm)])
            return replace(found, degraded=(str(lost.arm),))

    async def _search(self, asked: "_Asked", arms: Sequence[Arm]) -> Found:
        async with self._passages.reading(scope=asked.scope):
            return await self._found(asked, arms)

    async def _found(self, asked: "_Asked", arms: Sequence[Arm]) -> Found:
        ranking = keyword.NOTHING
        if Arm.KEYWORD in arms:
            ranking = await self._by_words(asked)
        if Arm.GRAPH in arms and ranking.absent and (mended := await self._mended(asked, ranking)):
            asked, ranking = mended, await self._by_words(mended)
        scope, question, timings = asked.scope, asked.question, asked.timings
        with timings.stage("vector"):
            nearest = await vector.search(self._passages, question, asked.limit, scope=scope)
        rankings: dict[Arm, list[Hit]] = {Arm.VECTOR: nearest}
        if Arm.KEYWORD in arms:
            rankings[Arm.KEYWORD] = ranking.hits
        fit = Fit(nearest, ranking)
        best = sorted({hit.chunk_id for hits in rankings.values() for hit in hits})
        with timings.stage("weighing"):
            fit.learn(await self._passages.weigh(best, question, fit.terms, scope=scope))
        if Arm.GRAPH in arms:
            with timings.stage("graph"), _lost(Arm.GRAPH):
                rankings[Arm.GRAPH] = await self._graph(asked, fit, best)
        with timings.stage("fusion"):
            fused = fusion.fuse(rankings, fit)[: asked.limit]
        with timings.stage("texts"):
            contexts = await self._read(fused, asked)
        return Found(
            plan=asked.plan,
            contexts=tuple(contexts),
            vector=question,
            idf={**ranking.idf, **ranking.prefixes},
            forms=ranking.expanded,
            arms={str(arm): len(hits) for arm, hits in rankings.items()},
        )

    async def _by_words(self, asked: "_Asked") -> Ranking:
        with asked.timings.stage("keyword"), _lost(Arm.KEYWORD):
            return await keyword.search(
                self._passages, asked.plan.wording, asked.limit, scope=asked.scope
            )

    async def _mended(self, asked: "_Asked", ranking: Ranking) -> "_Asked | None":
        """The same with misspelt names as they stand in passages; None where there are none."""
        with asked.timings.stage("spelling"), _lost(Arm.GRAPH):
            plan = await spelling.mended(
                self._passages, self._entities, asked.plan, ranking, scope=asked.scope
            )
        if plan is None:
            return None
        with asked.timings.stage("embedding"):
            question = await self._embedder.embed_question(plan.question)
        return replace(asked, plan=plan, question=question)

    async def _read(self, fused: Sequence[Fused], asked: "_Asked") -> list[Context]:
        contexts: list[Context] = []
        for start in range(0, len(fused), _READ_AT_ONCE):
            some = fused[start : start + _READ_AT_ONCE]
            ids = [one.chunk_id for one in some]
            chunks = await self._passages.chunks(ids, scope=asked.scope)
            contexts += [
                Context(chunk=chunks[one.chunk_id], score=one.score, arms=one.arms, path=one.path)
                for one in some
                if one.chunk_id in chunks
            ]
            if asked.enough(contexts):
                break
        return contexts

    async def _graph(self, asked: "_Asked", fit: Fit, best: Sequence[str]) -> list[Hit]:
        links = Links(
            self._passages,
            self._entities,
            asked.plan,
            asked.question,
            fit,
            best,
            scope=asked.scope,
        )
        try:
            async with asyncio.timeout(self._graph_within_s):
                return await graph.search(links, best, asked.limit)
        except TimeoutError as error:
            raise Unavailable("neo4j", "the graph takes too long; nothing was done") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a search is for."""

    plan: Plan
    question: Vectors
    scope: Scope
    limit: int
    timings: Timings
    enough: Enough


class _Lost(Exception):
    """An arm did not answer."""

    def __init__(self, arm: Arm, error: Unavailable) -> None:
        self.arm = arm
        self.error = error


@contextmanager
def _lost(arm: Arm) -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        raise _Lost(arm, error) from error
