"""Hybrid retrieval over the shipped fakes."""

from typing import Any, cast

import anyio
import pytest

from copilot.ingest.documents import Document, Part
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryGraph, MemoryPassages
from policy.errors import Unavailable
from policy.labels import Classification, Label
from policy.scope import Scope
from retrieval.analysis import analyse
from retrieval.hybrid import Found, Hybrid, Timings
from retrieval.ports import GraphStore, PassageStore
from retrieval.terms import Terms
from retrieval.types import Arm
from tests.unit.retrieval.readers import scope_of

pytestmark = pytest.mark.anyio

U = Label(tenant="t1", classification=Classification.U)
TEXTS = [
    "Anton Drell owns Alder Shipping Ltd.",
    "Alder Shipping Ltd runs the tanker.",
    "The berth is long.",
    "Nobody saw the tanker leave.",
]


@pytest.fixture
async def corpus() -> MemoryCorpus:
    corpus = MemoryCorpus()
    for text in TEXTS:
        part = Part(label=U, text=text)
        document = Document(document_id=text, title="", label=U, parts=(part,), source="test")
        await corpus.put(document)
    return corpus


@pytest.fixture
async def scope(corpus: MemoryCorpus) -> Scope:
    return await scope_of(corpus)


async def search(
    corpus: MemoryCorpus, scope: Scope, *, limit: int = 10, graphrag: bool = True
) -> tuple[Found, Timings]:
    hybrid = Hybrid(MemoryPassages(corpus), MemoryGraph(corpus), FakeEmbedder(), graphrag=graphrag)
    timings = Timings()
    plan = analyse("Who owns the tanker of Alder Shipping?", Terms())
    return await hybrid.search(plan, scope=scope, limit=limit, timings=timings), timings


async def test_three_arms_propose_and_each_context_says_which(
    corpus: MemoryCorpus, scope: Scope
) -> None:
    found, timings = await search(corpus, scope)
    assert set(found.arms) == {str(arm) for arm in Arm}
    assert {hit.arm for one in found.contexts for hit in one.arms} == set(Arm)
    assert found.contexts == tuple(
        sorted(found.contexts, key=lambda one: (-one.score, one.chunk.chunk_id))
    )
    assert set(timings.ms) == {
        *("embedding", "vector", "keyword", "weighing", "graph", "fusion", "texts")
    }


async def test_with_graphrag_off_there_is_the_vector_arm_alone(
    corpus: MemoryCorpus, scope: Scope
) -> None:
    found, timings = await search(corpus, scope, graphrag=False)
    assert found.arms == {"vector": len(TEXTS)}
    assert {hit.arm for one in found.contexts for hit in one.arms} == {Arm.VECTOR}
    assert found.idf == {}
    assert not {"keyword", "graph"} & set(timings.ms)


async def test_the_limit_is_one_for_each_arm(corpus: MemoryCorpus, scope: Scope) -> None:
    found, _ = await search(corpus, scope, limit=1)
    assert all(count <= 1 for count in found.arms.values())
    assert 1 <= len(found.contexts) <= 3


async def test_a_text_that_went_away_meanwhile_is_left_out(
    corpus: MemoryCorpus, scope: Scope
) -> None:
    class Forgetful(MemoryPassages):
        async def chunks(self, chunk_ids, *, scope):  # type: ignore[no-untyped-def]
            found = await super().chunks(chunk_ids, scope=scope)
            return dict(list(found.items())[1:])

    hybrid = Hybrid(Forgetful(corpus), MemoryGraph(corpus), FakeEmbedder())
    plan = analyse("tanker", Terms())
    found = await hybrid.search(plan, scope=scope, limit=10, timings=Timings())
    assert len(found.contexts) == len(TEXTS) - 1


class Silent:
    """A store that does not answer one of its questions."""

    def __init__(
        self, store: object, method: str, dependency: str = "postgres", *, refused: bool = True
    ) -> None:
        self._store, self._method = store, method
        self._error = Unavailable(dependency, "it does not answer", refused=refused)

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._method else getattr(self._store, name)

    async def _fail(self, *_: object, **__: object) -> None:
        raise self._error


async def searched(passages: object, graph: object, scope: Scope, **options: Any) -> Found:
    hybrid = Hybrid(
        cast("PassageStore", passages), cast("GraphStore", graph), FakeEmbedder(), **options
    )
    plan = analyse("Who owns the tanker of Alder Shipping?", Terms())
    return await hybrid.search(plan, scope=scope, limit=10, timings=Timings())


async def test_without_its_graph_it_goes_on_with_words_and_meaning(
    corpus: MemoryCorpus, scope: Scope
) -> None:
    passages = MemoryPassages(corpus)
    for method in ("around", "linked"):
        graph = Silent(MemoryGraph(corpus), method, "neo4j")
        found = await searched(passages, graph, scope)
        assert found.degraded == ("graph",)
        assert set(found.arms) == {"vector", "keyword"}
        assert found.idf
        assert len(found.contexts) == len(TEXTS)


async def test_a_graph_that_is_slow_in_all_does_not_hold_up_the_others(
    corpus: MemoryCorpus, scope: Scope
) -> None:
    """No read of it fails, and yet together they would outlast the transaction of the other reads."""
    graph = MemoryGraph(corpus)
    linked = graph.linked

    async def slow(*given: Any, **more: Any) -> Any:
        await anyio.sleep(0.3)
        return await linked(*given, **more)

    graph.linked = slow  # type: ignore[method-assign]
    found = await searched(MemoryPassages(corpus), graph, scope, graph_within_s=0.05)
    assert found.degraded == ("graph",)
    assert found.arms.keys() == {"vector", "keyword"}
    assert (await searched(MemoryPassages(corpus), graph, scope, graph_within_s=9)).degraded == ()


async def test_without_keywords_it_goes_on_with_vectors_alone(
    corpus: MemoryCorpus, scope: Scope
) -> None:
    passages, graph = Silent(MemoryPassages(corpus), "postings"), MemoryGraph(corpus)
    found = await searched(passages, graph, scope)
    assert found.degraded == ("keyword",)
    assert set(found.arms) == {"vector"}
    alone, _ = await search(corpus, scope, graphrag=False)
    assert found.contexts == alone.contexts
    assert alone.degraded == ()


async def test_a_tenant_that_wants_the_graph_gets_nothing_without_it(
    corpus: MemoryCorpus, scope: Scope
) -> None:
    graph = Silent(MemoryGraph(corpus), "around", "neo4j")
    for tenant in ("t1", "t2"):
        found = searched(MemoryPassages(corpus), graph, scope, required=lambda one: one == tenant)  # noqa: B023
        if tenant == scope.tenant:
            with pytest.raises(Unavailable, match="does not answer"):
                await found
        else:
            assert (await found).degraded == ("graph",)


@pytest.mark.parametrize("method", ["nearest", "weigh", "chunks"])
async def test_without_vectors_or_texts_there_is_nothing(
    corpus: MemoryCorpus, scope: Scope, method: str
) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await searched(Silent(MemoryPassages(corpus), method), MemoryGraph(corpus), scope)


async def test_a_database_that_breaks_off_is_not_asked_again(
    corpus: MemoryCorpus, scope: Scope
) -> None:
    passages, graph = MemoryPassages(corpus), MemoryGraph(corpus)
    stores: list[tuple[object, object]] = [
        (Silent(passages, "postings", refused=False), graph),
        (passages, Silent(graph, "around", refused=False)),
    ]
    for store, around in stores:
        with pytest.raises(Unavailable, match="does not answer"):
            await searched(store, around, scope)
    found = await searched(passages, Silent(graph, "around", "neo4j", refused=False), scope)
    assert found.degraded == ("graph",)


def test_a_stage_that_runs_twice_is_summed() -> None:
    timings = Timings()
    for _ in range(2):
        with timings.stage("vector"):
            pass
    assert list(timings.ms) == ["vector"]
