"""The graph in Neo4j is what Postgres holds, whatever breaks on the way; and nobody reads what is behind."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from copilot.projection import projector as projector_module
from policy.errors import Misconfigured, Unavailable
from retrieval.stores.neo4j.graph import Position
from retrieval.stores.neo4j.projection import Neo4jProjection, Rows
from retrieval.stores.postgres.graph import PostgresGraph
from tests.integration.graph_world import GraphWorld, graph_world
from tests.integration.test_ingest import HIGH, LOW, TEXT, C, S, U, document
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

SECRET = "Elsa Vance owns Harbour Lane Ltd."
DOCUMENTS = [
    document("a", (U, TEXT), title="Kestrel Quay"),
    document("b", (C, "Anton Drell met Elsa Vance."), (S, SECRET), title="Alder Shipping Ltd"),
    document("c", (U, "Elsa Vance left the quay."), title="Elsa Vance"),
    document("d", (S, "Anton Drell paid Elsa Vance."), title="Secret meeting", of=S),
]


@pytest.fixture
async def world(database_url: str, neo4j: Neo4jServer) -> AsyncIterator[GraphWorld]:
    """Four documents, projected."""
    async with graph_world(database_url, neo4j) as made:
        await made.world.take(*DOCUMENTS)
        await made.projector.catch_up()
        yield made


@pytest.fixture
async def unfilled(database_url: str, neo4j: Neo4jServer) -> AsyncIterator[GraphWorld]:
    """Four documents, and nothing projected yet."""
    async with graph_world(database_url, neo4j, filled=False) as made:
        await made.world.take(*DOCUMENTS)
        yield made


class Crash(Exception):
    """The process ends here."""


class Crashing(Neo4jProjection):
    """Writes, and then the process ends before Postgres has counted it as written."""

    async def replace(self, *values: Any) -> None:
        await super().replace(*values)
        raise Crash


async def test_it_gives_what_postgres_gives_to_everybody(world: GraphWorld) -> None:
    for who in (LOW, HIGH):
        assert await world.seen(who) == await world.expected(who)
        assert all(await world.seen(who))
    assert await world.seen(LOW) != await world.seen(HIGH)
    assert await world.differences() == ()


async def test_it_holds_no_text_of_a_passage(world: GraphWorld) -> None:
    """Names only: no node and no edge bears a sentence."""
    sentences = {"left the quay", "on 3 May", "met Elsa", "paid Elsa"}
    assert not [held for held in await world.held() if any(one in held for one in sentences)]
    assert "elsa vance" in await world.held()


async def test_a_batch_that_was_written_and_not_counted_is_written_again(world: GraphWorld) -> None:
    await world.world.take(document("e", (U, "Rolf Aldermann owns Marlpit Consulting Ltd.")))
    await world.world.change("a", None)
    crashing = projector_module.Projector(world.database, Crashing(world.server))
    for _ in range(2):
        with pytest.raises(Crash):
            await crashing.step()
    assert (await world.projector.backlog()).changes > 0
    await world.another_projector().catch_up()
    assert (await world.projector.backlog()).changes == 0
    assert await world.differences() == ()


async def test_a_projector_that_ends_between_batches_is_followed_by_another(
    world: GraphWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector_module, "_PARTS", 1)
    await world.world.take(*(document(f"e{n}", (U, f"{TEXT} Note {n}.")) for n in range(3)))
    await world.world.change("a", None)
    assert await world.projector.step()
    assert await world.differences() != ()
    await world.another_projector().catch_up()
    assert await world.differences() == ()
    assert await world.seen(HIGH) == await world.expected(HIGH)


async def test_what_commits_late_is_not_lost(world: GraphWorld, database_url: str) -> None:
    """A change that began before another, and is committed after that one was carried over."""
    [row] = world.world.rows("SELECT part_id FROM parts WHERE text LIKE 'Elsa Vance left%'")
    with psycopg.connect(database_url) as late:
        late.execute("DELETE FROM parts WHERE part_id = %s", [row["part_id"]])
        # It has no word in common with the other, or would wait for that.
        await world.world.take(document("e", (U, "Bruno Castellani slept.")))
        await world.projector.catch_up()
        assert await world.differences() == (), "what is not committed is not there"
        late.commit()
    assert await world.differences() != ()
    await world.projector.catch_up()
    assert await world.differences() == ()
    assert await world.seen(HIGH) == await world.expected(HIGH)


async def test_what_is_deleted_leaves_no_name_behind(world: GraphWorld) -> None:
    assert {"elsa vance", "secret meeting", "vance"} <= await world.held()
    for one in ("b", "c", "d"):
        await world.world.change(one, None)
    await world.projector.catch_up()
    held = await world.held()
    assert not {one for one in held if {"elsa", "vance", "secret"} & set(one.split())}
    assert "anton drell" in held, "which another passage names"
    assert await world.differences() == ()


async def test_a_forgotten_title_is_forgotten_in_both(world: GraphWorld) -> None:
    """The part that its deleter may not read stays, without the names of the title that went."""
    titled = document("e", (U, "Nobody."), (S, SECRET), title="Rolf Aldermann")
    await world.world.take(titled)
    await world.projector.catch_up()
    assert "aldermann" in await world.held()
    await world.world.change("e", None, LOW)
    await world.projector.catch_up()
    assert "aldermann" not in await world.held()
    assert await world.differences() == ()
    assert await world.seen(HIGH) == await world.expected(HIGH)


async def test_relabelled_up_it_is_gone_for_who_may_not_read_it(world: GraphWorld) -> None:
    await world.world.change("c", S)
    await world.projector.catch_up()
    for who in (LOW, HIGH):
        assert await world.seen(who) == await world.expected(who)
    assert await world.differences() == ()


@pytest.mark.parametrize("label", [None, S], ids=["deleted", "relabelled"])
async def test_a_restriction_that_waits_closes_the_graph_to_who_may_read_its_label(
    world: GraphWorld, label: Any
) -> None:
    await world.world.change("c", label)
    with pytest.raises(Unavailable, match="not yet taken in") as caught:
        await world.seen(LOW)
    assert caught.value.dependency == "neo4j"
    await world.projector.catch_up()
    assert await world.seen(LOW) == await world.expected(LOW)


async def test_a_hidden_restriction_that_waits_disturbs_nobody(world: GraphWorld) -> None:
    before = await world.seen(LOW)
    await world.world.change("d", None)
    assert await world.seen(LOW) == before
    with pytest.raises(Unavailable):
        await world.seen(HIGH)


async def test_what_is_only_added_closes_nothing(world: GraphWorld) -> None:
    before = await world.seen(LOW)
    await world.world.take(document("e", (U, TEXT)))
    assert await world.seen(LOW) == before
    await world.projector.catch_up()
    assert await world.seen(LOW) == await world.expected(LOW) != before


async def test_restrictions_go_before_additions(
    world: GraphWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a bulk load, hidden perhaps, would keep the graph closed to whoever reads what was deleted."""
    monkeypatch.setattr(projector_module, "_PARTS", 1)
    await world.world.take(*(document(f"e{n}", (S, f"{TEXT} Note {n}.")) for n in range(3)))
    await world.world.change("c", None)
    await world.projector.step()
    assert await world.seen(LOW) == await world.expected(LOW)
    assert (await world.projector.backlog()).changes == 3


async def test_a_writer_that_was_taken_for_dead_changes_nothing(world: GraphWorld) -> None:
    """It read the part, lost its lock and its transaction, and writes after its successor did."""
    [state] = world.world.rows("SELECT generation::text, token FROM graph_projection")
    old = Position(generation=state["generation"], token=state["token"])
    await world.world.change("c", None)
    await world.projector.catch_up()
    ghost = {"chunk_id": "x", "part_id": "x", "label_id": 1}
    with pytest.raises(Unavailable, match="written by somebody later"):
        await world.projection.replace(["x"], Rows(chunks=[ghost]), old)
    assert await world.differences() == ()


async def test_nobody_reads_while_it_is_filled_and_a_fill_that_breaks_off_goes_on(
    unfilled: GraphWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector_module, "_PARTS", 2)
    assert await unfilled.projector.step(), "begins by itself where Neo4j is empty"
    for _ in range(2):
        assert await unfilled.projector.step()
        with pytest.raises(Unavailable, match="not filled yet"):
            await unfilled.seen(LOW)
    await unfilled.world.change("a", None)
    await unfilled.world.take(document("e", (U, TEXT)))
    await unfilled.another_projector().catch_up()
    assert await unfilled.differences() == ()
    assert await unfilled.seen(HIGH) == await unfilled.expected(HIGH)


async def test_a_change_under_way_while_it_begins_is_waited_for(
    unfilled: GraphWorld, database_url: str
) -> None:
    """It began before anything was noted, so it must be there when the parts are read."""
    with psycopg.connect(database_url) as late:
        late.execute("DELETE FROM parts WHERE text LIKE 'Elsa Vance left%'")
        with pytest.raises(Unavailable):
            await unfilled.projector.step()
        late.commit()
    await unfilled.projector.catch_up()
    assert await unfilled.differences() == ()


async def test_the_graph_of_another_database_is_neither_read_nor_written(
    world: GraphWorld,
) -> None:
    await world.cypher("MATCH (p:Projection) SET p.generation = 'of another'")
    with pytest.raises(Unavailable, match="graph rebuild"):
        await world.seen(LOW)
    await world.world.take(document("e", (U, TEXT)))
    with pytest.raises(Unavailable, match="graph rebuild"):
        await world.projector.step()
    await world.projector.stop()
    with pytest.raises(Misconfigured, match="graph rebuild"):
        await world.projector.step()
    await world.projector.rebuild()
    assert await world.seen(LOW) == await world.expected(LOW)


async def test_a_neo4j_that_lost_what_was_counted_as_written_is_not_read(
    world: GraphWorld,
) -> None:
    """A backup that was put back, or a member of a cluster that is behind."""
    await world.cypher("MATCH (p:Projection) SET p.token = p.token - 1")
    with pytest.raises(Unavailable, match="graph rebuild"):
        await world.seen(LOW)


async def test_emptied_tables_have_it_filled_anew(world: GraphWorld) -> None:
    world.world.owner.execute("TRUNCATE documents, label_statistics CASCADE")
    with pytest.raises(Unavailable):
        await world.seen(LOW)
    await world.projector.catch_up()
    assert await world.differences() == ()
    assert not [one for one in await world.held() if "drell" in one]


TAMPERING = {
    "a passage gone": "MATCH (c:Chunk) WITH c LIMIT 1 DETACH DELETE c",
    "a passage relabelled": "MATCH (c:Chunk) WITH c LIMIT 1 SET c.label_id = 99",
    "an entity renamed": "MATCH (e:Entity) WITH e LIMIT 1 SET e.key = 'x'",
    "a mention twice": "MATCH (c)-[:MENTIONS]->(e) WITH c, e LIMIT 1 CREATE (c)-[:MENTIONS]->(e)",
    "a word gone": "MATCH (w:Word) WITH w LIMIT 1 DETACH DELETE w",
    "a definition gone": "MATCH ()-[d:DEFINES]->() WITH d LIMIT 1 DELETE d",
    "a relation changed": "MATCH ()-[r:RELATED]->() WITH r LIMIT 1 SET r.type = 'x'",
    "a name that nothing bears": "CREATE (:Name {key: 'x', label_id: 1})",
    "an edge between labels": """MATCH (c:Chunk), (e:Entity) WHERE c.label_id <> e.label_id
        WITH c, e LIMIT 1 CREATE (c)-[:SEES]->(e)""",
}


@pytest.mark.parametrize("cypher", TAMPERING.values(), ids=TAMPERING)
async def test_whatever_is_changed_in_neo4j_shows(world: GraphWorld, cypher: str) -> None:
    await world.cypher(cypher)
    assert await world.differences() != ()
    await world.projector.rebuild()
    assert await world.differences() == ()


async def test_a_name_is_as_near_as_its_different_words_say(world: GraphWorld) -> None:
    """However often it repeats them; and one word of two is enough only for who is called just that."""
    await world.world.take(
        document("e", (U, "Halvard Brook Halvard Brook Halvard slept.")),
        document("f", (U, "Brook slept. Halvard Brook Reef sailed. Halvard Lane Reef sailed.")),
    )
    await world.projector.catch_up()
    scope = await world.scope(LOW)
    for names in (["halvard brook"], ["brook"], ["halvard brook reef", "lane"], ["nobody"], []):
        expected = await PostgresGraph(world.database).linked(names, scope=scope)
        assert await world.graph.linked(names, scope=scope) == expected
    near = await world.graph.linked(["halvard brook"], scope=scope)
    assert {"halvard brook halvard brook halvard", "brook"} <= set(near.values())
