"""Deletion reaches Neo4j: nothing of what was deleted stands in a node or an edge there."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.erased import found
from tests.integration.graph_world import GraphWorld, graph_world
from tests.integration.test_ingest import HIGH, U, document
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

TITLE = "Report of the Harbour Police of Kestrel Quay on Anton Drell and Rolf Aldermann"
TEXT = "Anton Drell owns Pilotfish Trading Ltd. The Kestrel Quay harbour police saw Rolf Aldermann pay him at noon."


@pytest.fixture
async def world(database_url: str, neo4j: Neo4jServer) -> AsyncIterator[GraphWorld]:
    async with graph_world(database_url, neo4j) as made:
        yield made


async def test_what_is_deleted_leaves_no_name_and_no_run_of_words_in_neo4j(
    world: GraphWorld,
) -> None:
    before = await world.held()
    await world.world.take(document("watch", (U, TEXT), title=TITLE))
    await world.projector.catch_up()
    during = await world.held()
    assert any("pilotfish" in one.lower() for one in during)
    await world.world.removal.delete(HIGH, "watch")
    await world.projector.catch_up()
    after = await world.held()
    assert after == before
    assert found([("neo4j", one) for one in after], TEXT, TITLE) == set()
    assert await world.differences() == ()
