"""Names in memory before Neo4j answer only what Neo4j would answer itself, and only while it is there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from policy.errors import Unavailable
from policy.principal import Asker
from retrieval.stores.neo4j import graph as graph_module
from retrieval.stores.neo4j.graph import Neo4jGraph
from retrieval.stores.postgres import projection as fence_module
from retrieval.stores.postgres.names_in_step import Names
from retrieval.stores.postgres.projection import PostgresFence
from tests.integration.graph_world import GraphWorld, everything, graph_world
from tests.integration.test_ingest import HIGH, LOW, TEXT, S, U, document
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

LOOKED_UP = ("linked", "around")


@dataclass
class Before:
    """A projection, and the graph as it is served: with names in memory before it."""

    world: GraphWorld
    names: Names
    graph: Neo4jGraph
    asked: list[str]
    """The statements that went to Neo4j."""

    async def seen(self, who: Asker) -> Any:
        self.asked.clear()
        return await everything(self.graph, await self.world.scope(who))

    async def ready(self, who: Asker) -> None:
        await self.names.of(await self.world.scope(who))
        await self.names.caught_up()

    def lookups(self) -> set[str]:
        texts = {name: graph_module._CYPHER[name] for name in (*LOOKED_UP, "neighbours", "present")}
        few = {name: graph_module._text(name, few=True) for name in texts}
        return {name for name in texts if {texts[name], few[name]} & {*self.asked}}


@pytest.fixture
async def before(
    database_url: str, neo4j: Neo4jServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Before]:
    """What is believed for a moment is asked anew each time, so that a test need not wait."""
    monkeypatch.setattr(graph_module, "_BELIEVED_S", -1.0)
    monkeypatch.setattr(fence_module, "TRUSTED_S", -1.0)
    async with graph_world(database_url, neo4j, timeout_s=20) as world:
        await world.world.take(
            document("a", (U, TEXT), title="Kestrel Quay"),
            document("b", (S, "Anton Drell owns Harbour Lane Ltd."), title="Alder Shipping Ltd"),
        )
        await world.projector.catch_up()
        names, asked = Names(world.database, least=1), list[str]()
        read = world.server.read

        async def noted(query: str, values: Any) -> Any:
            asked.append(query)
            return await read(query, values)

        monkeypatch.setattr(world.server, "read", noted)
        graph = Neo4jGraph(world.server, PostgresFence(world.database), names)
        yield Before(world, names, graph, asked)
        await names.close()


async def test_once_they_are_there_names_are_looked_up_in_memory_and_relations_in_neo4j(
    before: Before,
) -> None:
    for who in (LOW, HIGH):
        first = await before.seen(who)
        assert "linked" in before.lookups()
        await before.ready(who)
        assert await before.seen(who) == first == await before.world.expected(who)
        assert before.lookups() == {"neighbours", "present"}


async def test_while_something_of_the_scope_waits_neo4j_answers_itself(before: Before) -> None:
    await before.ready(HIGH)
    await before.ready(LOW)
    old = await before.seen(LOW)
    await before.world.world.take(document("c", (S, "Elsa Vance met Anton Drell.")))
    await before.ready(HIGH)
    assert await before.seen(HIGH) != await before.world.expected(HIGH), "as it was a moment ago"
    assert before.lookups() == {*LOOKED_UP, "neighbours"}
    assert await before.seen(LOW) == old
    assert before.lookups() == {"neighbours", "present"}, (
        "what is hidden from them waits for others"
    )
    await before.world.projector.catch_up()
    await before.ready(HIGH)
    assert await before.seen(HIGH) == await before.world.expected(HIGH)
    assert before.lookups() == {"neighbours", "present"}


async def test_a_neo4j_that_lacks_what_was_counted_is_not_stood_in_for(before: Before) -> None:
    await before.ready(LOW)
    await before.seen(LOW)
    await before.world.cypher("MATCH (p:Projection) SET p.token = p.token - 1")
    with pytest.raises(Unavailable, match="not the one that this database keeps"):
        await before.graph.linked(["kestrel quay"], scope=await before.world.scope(LOW))


async def test_without_neo4j_nothing_is_answered_from_memory(
    before: Before, neo4j: Neo4jServer
) -> None:
    await before.ready(LOW)
    scope = await before.world.scope(LOW)
    assert await before.graph.linked(["kestrel quay"], scope=scope)
    neo4j.kill()
    try:
        with pytest.raises(Unavailable):
            await before.graph.linked(["kestrel quay"], scope=scope)
        with pytest.raises(Unavailable):  # and the breaker is open
            await before.graph.around([], [], ["kestrel quay"], [], scope=scope)
    finally:
        await anyio.to_thread.run_sync(neo4j.start)
    with anyio.fail_after(60):
        while True:
            try:
                assert await before.graph.linked(["kestrel quay"], scope=scope)
                break
            except Unavailable:
                await anyio.sleep(0.1)
