"""Hybrid retrieval: the three arms, fused, with the texts of what they found."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from policy.scope import Scope
from retrieval import fusion, graph, keyword, vector
from retrieval.analysis import Plan
from retrieval.embedding import Embedder, Vectors
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
        """Up to `limit` chunks from each arm, fused. Raises Unavailable where a store does not answer."""
        with timings.stage("embedding"):
            question = (await self._embedder.embed([plan.question]))[0]
        with timings.stage("vector"):
            nearest = await vector.search(self._passages, question, limit, scope=scope)
        rankings: dict[Arm, list[Hit]] = {Arm.VECTOR: nearest}
        idf: Mapping[str, float] = {}
        if self._graphrag:
            with timings.stage("keyword"):
                ranking = await keyword.search(self._passages, plan.terms, limit, scope=scope)
            rankings[Arm.KEYWORD], idf = ranking.hits, ranking.idf
            with timings.stage("graph"):
                rankings[Arm.GRAPH] = await graph.search(
                    self._entities, plan, question, _best(rankings), limit, scope=scope
                )
        with timings.stage("fusion"):
            fused = fusion.fuse(rankings)
        with timings.stage("texts"):
            chunks = await self._passages.chunks([one.chunk_id for one in fused], scope=scope)
        contexts = tuple(
            Context(chunk=chunks[one.chunk_id], score=one.score, arms=one.arms, path=one.path)
            for one in fused
            if one.chunk_id in chunks
        )
        arms = {str(arm): len(hits) for arm, hits in rankings.items()}
        return Found(contexts=contexts, vector=question, idf=idf, arms=arms)


def _best(rankings: Mapping[Arm, list[Hit]]) -> list[Hit]:
    """The seeds of the graph: the first passages of the other arms, fused."""
    return [Hit(chunk_id=one.chunk_id, score=one.score) for one in fusion.fuse(rankings)]
