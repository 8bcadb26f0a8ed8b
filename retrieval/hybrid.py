"""Hybrid retrieval: the three arms, fused, with the texts of what they found."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from policy.scope import Scope
from retrieval import fusion, graph, keyword, vector
from retrieval.analysis import Plan
from retrieval.embedding import Embedder, Vectors
from retrieval.fit import Fit
from retrieval.links import Links
from retrieval.ports import GraphStore, PassageStore
from retrieval.types import Arm, Context, Hit


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

    contexts: tuple[Context, ...]
    vector: Vectors
    """The question's embedding."""
    idf: Mapping[str, float]
    """Rarity of each question term among the visible chunks."""
    arms: Mapping[str, int]
    """How many chunks each arm proposed."""


class Hybrid:
    """Retrieves for a plan within a scope. `graphrag=False` leaves the vector arm alone."""

    def __init__(
        self,
        passages: PassageStore,
        entities: GraphStore,
        embedder: Embedder,
        *,
        graphrag: bool = True,
    ) -> None:
        self._passages = passages
        self._entities = entities
        self._embedder = embedder
        self._graphrag = graphrag

    async def search(self, plan: Plan, *, scope: Scope, limit: int, timings: Timings) -> Found:
        """Up to `limit` chunks. Raises Unavailable where a store does not answer."""
        with timings.stage("embedding"):
            question = (await self._embedder.embed([plan.question]))[0]
        async with self._passages.reading(scope=scope):
            return await self._search(plan, question, scope=scope, limit=limit, timings=timings)

    async def _search(
        self, plan: Plan, question: Vectors, *, scope: Scope, limit: int, timings: Timings
    ) -> Found:
        with timings.stage("vector"):
            nearest = await vector.search(self._passages, question, limit, scope=scope)
        rankings: dict[Arm, list[Hit]] = {Arm.VECTOR: nearest}
        ranking = keyword.NOTHING
        if self._graphrag:
            with timings.stage("keyword"):
                ranking = await keyword.search(self._passages, plan.terms, limit, scope=scope)
            rankings[Arm.KEYWORD] = ranking.hits
        fit = Fit(nearest, ranking)
        best = sorted({hit.chunk_id for hits in rankings.values() for hit in hits})
        with timings.stage("weighing"):
            terms = list(ranking.idf)
            fit.learn(await self._passages.weigh(best, question, terms, scope=scope))
        if self._graphrag:
            with timings.stage("graph"):
                links = Links(
                    self._passages, self._entities, plan, question, fit, best, scope=scope
                )
                rankings[Arm.GRAPH] = await graph.search(links, best, limit)
        with timings.stage("fusion"):
            fused = fusion.fuse(rankings, fit)[:limit]
        with timings.stage("texts"):
            chunks = await self._passages.chunks([one.chunk_id for one in fused], scope=scope)
        return Found(
            contexts=tuple(
                Context(chunk=chunks[one.chunk_id], score=one.score, arms=one.arms, path=one.path)
                for one in fused
                if one.chunk_id in chunks
            ),
            vector=question,
            idf=ranking.idf,
            arms={str(arm): len(hits) for arm, hits in rankings.items()},
        )
