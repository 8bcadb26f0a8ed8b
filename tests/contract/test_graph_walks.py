"""Entities, their neighbours and the paths between them: one oracle in plain Python for every GraphStore."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, permutations
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot import testing
from copilot.ingest.documents import Document, Part
from policy.labels import Classification
from policy.scope import Scope
from retrieval import paths
from retrieval.identity import entity_id
from retrieval.ports import KnownEntity, Neighbour
from retrieval.stores.neo4j import graph as neo4j_graph
from retrieval.stores.postgres import graph as postgres_graph
from tests.contract.stores import (
    HIDDEN,
    HIGH,
    LOW,
    Opened,
    Stores,
    document,
)
from tests.contract.test_stores import few

BOUNDS = {"MOST_NEIGHBOURS": 2, "MOST_RELATIONS": 7, "MOST_STATED": 2}
"""Narrow ones, so that small worlds meet them."""
U, C, S = Classification.U, Classification.C, Classification.S
NAMES = ["Alder Shipping", "Heron Marine", "Kestrel Holdings", "Marlpit Consulting", "Quay Brokers"]
ALDER, HERON, KESTREL, MARLPIT, QUAY = (entity_id("t1", name.casefold()) for name in NAMES)
IDS = [ALDER, HERON, KESTREL, MARLPIT, QUAY]
Edge = tuple[int, int]


@pytest.fixture(autouse=True)
def _bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (testing, neo4j_graph, postgres_graph):
        for name, value in BOUNDS.items():
            monkeypatch.setattr(module, name, value)


def owning(edges: Sequence[Edge]) -> str:
    return " ".join(f"{NAMES[a]} Ltd owns {NAMES[b]} Ltd." for a, b in edges)


def holdings(number: int, level: Classification, *edges: Edge) -> Document:
    return document(number, "", level, (level, owning(edges)))


numbers = st.integers(0, len(NAMES) - 1)
edges = st.tuples(numbers, numbers).filter(lambda one: one[0] != one[1])
worlds = st.lists(
    st.tuples(st.sampled_from([U, C, S]), st.lists(edges, min_size=1, max_size=5, unique=True)),
    min_size=1,
    max_size=5,
)


class Oracle:
    """What is found among some relations, by the words of the contract and nothing cleverer."""

    def __init__(self, owned: Sequence[tuple[str, str]]) -> None:
        self.steps = [(a, b, True) for a, b in owned] + [(b, a, False) for a, b in owned]

    def neighbours(self, asked: set[str], near: set[str]) -> Counter[tuple[str, str, bool]]:
        led = Counter[tuple[str, str, bool]]()
        for one in asked:
            steps = [step for step in self.steps if step[0] == one]
            many = len({other for _, other, _ in steps}) > BOUNDS["MOST_NEIGHBOURS"]
            for step in steps if len(steps) <= BOUNDS["MOST_RELATIONS"] else ():
                if not many or step[1] in near:
                    led[step] = min(led[step] + 1, BOUNDS["MOST_STATED"])
        return led

    def paths(self, start: str, end: str, most_hops: int) -> list[tuple[str, ...]]:
        front = met = {start, end}
        known = set[tuple[str, str]]()
        for _ in range(1 if most_hops == 1 else 2):
            known |= {(a, b) for a, b, _ in self.neighbours(front, met)}
            front = {b for _, b in known} - met
            met = met | front
        joined = known | {(b, a) for a, b in known}
        inner = sorted(set(IDS) - {start, end})
        for hops in range(1, most_hops + 1):
            ways = [(start, *some, end) for some in permutations(inner, hops - 1)]
            if found := [way for way in ways if set(pairwise(way)) <= joined]:
                return sorted(found)
        return []


def seen_by(world: Sequence[tuple[Classification, list[Edge]]], *levels: Classification) -> Oracle:
    return Oracle([(IDS[a], IDS[b]) for level, some in world for a, b in some if level in levels])


async def walked(stores: Stores, scope: Scope) -> dict[Any, Any]:
    """All that can be asked about the five."""
    found: dict[Any, Any] = {
        one: await stores.graph.neighbours([one], [ALDER, QUAY], scope=scope) for one in IDS
    }
    found["all"] = await stores.graph.neighbours(IDS, scope=scope)
    for start, end in permutations(IDS[:3], 2):
        for hops in range(1, paths.MOST_HOPS + 1):
            found[start, end, hops] = await paths.shortest(
                stores.graph, start, end, most_hops=hops, limit=100, scope=scope
            )
    found["named"] = await stores.graph.entities(["shipping"], 10, scope=scope)
    return found


def plain(steps: Sequence[Neighbour]) -> Counter[tuple[str, str, bool]]:
    assert all(step.relation == "owns" for step in steps)
    return Counter((step.from_id, step.entity_id, step.forward) for step in steps)


def check(found: dict[Any, Any], oracle: Oracle) -> None:
    for one in IDS:
        assert plain(found[one]) == oracle.neighbours({one}, {ALDER, QUAY})
    assert plain(found["all"]) == oracle.neighbours(set(IDS), set())
    for start, end in permutations(IDS[:3], 2):
        for hops in range(1, paths.MOST_HOPS + 1):
            ways = [path.entity_ids for path in found[start, end, hops]]
            assert ways == oracle.paths(start, end, hops)


@few
@given(world=worlds, hidden=worlds)
def test_walks_are_those_of_the_visible_part_whatever_is_hidden(
    opened: Opened, world: list[Any], hidden: list[Any]
) -> None:
    async def run() -> None:
        async with opened() as stores:
            await stores.put(*(holdings(n, level, *some) for n, (level, some) in enumerate(world)))
            before = await walked(stores, await stores.scope(LOW))
            check(before, seen_by(world, U, C))
            check(await walked(stores, await stores.scope(HIGH)), seen_by(world, U, C, S))
            await stores.put(
                *(
                    Document(
                        document_id=f"hidden-{n}",
                        title="",
                        label=HIDDEN,
                        parts=(Part(label=HIDDEN, text=owning(some)),),
                        source="test",
                    )
                    for n, (_, some) in enumerate(hidden)
                )
            )
            assert repr(await walked(stores, await stores.scope(LOW))) == repr(before)

    anyio.run(run)


@pytest.mark.anyio
async def test_a_path_goes_through_several_labels_and_ends_where_one_is_hidden(
    opened: Opened,
) -> None:
    async with opened() as stores:
        await stores.put(holdings(1, U, (0, 1)), holdings(2, C, (2, 1)), holdings(3, S, (2, 3)))
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        [path] = await paths.shortest(stores.graph, ALDER, KESTREL, most_hops=4, limit=9, scope=low)
        assert path.entity_ids == (ALDER, HERON, KESTREL)
        assert [len(step) for step in path.relation_ids] == [1, 1]
        onward = (stores.graph, ALDER, MARLPIT)
        assert await paths.shortest(*onward, most_hops=4, limit=9, scope=low) == []
        assert await paths.shortest(*onward, most_hops=2, limit=9, scope=high) == []
        [path] = await paths.shortest(*onward, most_hops=3, limit=9, scope=high)
        assert path.entity_ids == (ALDER, HERON, KESTREL, MARLPIT)


@pytest.mark.anyio
async def test_an_entity_with_too_many_neighbours_leads_only_to_what_is_near(
    opened: Opened,
) -> None:
    """Too many by what is visible: what is hidden does not make an entity lead nowhere."""
    async with opened() as stores:
        await stores.put(
            *(holdings(n, U, (0, 1), (0, 2), (0, 3)) for n in range(2)),
            holdings(3, S, (1, 2), (1, 4)),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        assert await stores.graph.neighbours([ALDER], scope=low) == []
        near = await stores.graph.neighbours([ALDER], [HERON], scope=low)
        assert [step.entity_id for step in near] == [HERON, HERON]
        assert len(await stores.graph.neighbours([HERON], scope=low)) == 2
        assert await stores.graph.neighbours([HERON], scope=high) == []
        [path] = await paths.shortest(stores.graph, ALDER, HERON, most_hops=1, limit=9, scope=high)
        assert path.entity_ids == (ALDER, HERON)


@pytest.mark.anyio
async def test_many_relations_of_one_type_are_one_step_and_very_many_none(opened: Opened) -> None:
    async with opened() as stores:
        await stores.put(*(holdings(n, U, (0, 1)) for n in range(7)), holdings(9, S, (0, 1)))
        steps = await stores.graph.neighbours([ALDER], scope=await stores.scope(LOW))
        assert [(step.entity_id, step.forward) for step in steps] == [(HERON, True)] * 2
        high = await stores.scope(HIGH)
        assert await stores.graph.neighbours([ALDER, HERON], [ALDER, HERON], scope=high) == []


@pytest.mark.anyio
async def test_the_shortest_paths_come_in_order_and_are_cut_there(opened: Opened) -> None:
    async with opened() as stores:
        await stores.put(*(holdings(n, U, (0, n), (n, 4)) for n in (1, 2)))
        scope = await stores.scope(LOW)
        ask = (stores.graph, ALDER, QUAY)
        found = await paths.shortest(*ask, most_hops=4, limit=9, scope=scope)
        between = [path.entity_ids[1] for path in found]
        assert between == sorted([HERON, KESTREL])
        assert await paths.shortest(*ask, most_hops=4, limit=1, scope=scope) == found[:1]
        assert await paths.shortest(*ask, most_hops=1, limit=9, scope=scope) == []
        alone = (stores.graph, ALDER, ALDER)
        assert await paths.shortest(*alone, most_hops=4, limit=9, scope=scope) == []


@pytest.mark.anyio
async def test_entities_are_found_by_all_their_words_with_visible_degrees_page_by_page(
    opened: Opened,
) -> None:
    async with opened() as stores:
        texts = [
            "Harbour Alder Ltd met Harbour Heron Ltd.",
            "Harbour Alder Ltd left Quay Alder Ltd.",
        ]
        await stores.put(
            document(1, "", U, (U, texts[0])),
            document(2, "", C, (C, texts[1])),
            document(3, "", S, (S, "Harbour Alder Ltd met Harbour Zebra Ltd.")),
        )
        low, high = await stores.scope(LOW), await stores.scope(HIGH)
        found = await stores.graph.entities(["harbour"], 9, scope=low)
        assert found == [known("harbour alder", 2), known("harbour heron", 1)]
        assert await stores.graph.entities(["harbour"], 1, scope=low) == found[:1]
        onward = {"after": "harbour alder"}
        assert await stores.graph.entities(["harbour"], 9, **onward, scope=low) == found[1:]
        assert await stores.graph.entities(["alder", "harbour", "alder"], 9, scope=low) == found[:1]
        for words in ([], ["zebra"], ["harbour", "zebra"], ["quay", "heron"]):
            assert await stores.graph.entities(words, 9, scope=low) == []
        seen = await stores.graph.entities(["harbour"], 9, scope=high)
        assert seen == [*(known("harbour alder", 3), found[1]), known("harbour zebra", 1)]
        assert await stores.graph.entities(["Harbour"], 9, after="", scope=low) == []


def known(key: str, degree: int) -> KnownEntity:
    return KnownEntity(entity_id=entity_id("t1", key), key=key, degree=degree)
