"""What Neo4j always refuses is set aside by itself: the rest goes on, and it comes back once Neo4j takes it."""

import json
import logging
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from copilot.commands import graph as commands
from copilot.commands import operate
from copilot.projection import schema
from copilot.settings import Settings
from policy.errors import Unavailable
from tests.integration.graph_world import GraphWorld, graph_world
from tests.integration.test_ingest import HIGH, LOW, TEXT, S, U, document
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

LONG = "a" * 20_000
"""A word that an index of Neo4j does not hold; Postgres, which packs it, does."""
BAD = document("bad", (S, "Elsa Vance left."), title=LONG, of=S)
GOOD = [document(f"good{n}", (U, f"{TEXT} Note {n}."), title=f"Berth {n}") for n in range(3)]
LIMITED = ("name_of_label", "word_of_label"), ("names_by_key", "words_by_token")
"""Constraints and indexes whose entries have a longest length."""


@pytest.fixture
async def world(database_url: str, neo4j: Neo4jServer) -> AsyncIterator[GraphWorld]:
    async with graph_world(database_url, neo4j, timeout_s=20) as made:
        await made.world.take(GOOD[0], BAD, *GOOD[1:])
        yield made


@asynccontextmanager
async def unlimited(world: GraphWorld) -> AsyncIterator[None]:
    """A Neo4j that was mended: it takes names of any length."""
    constraints, indexes = LIMITED
    for name in constraints:
        await world.cypher(f"DROP CONSTRAINT {name}")
    for name in indexes:
        await world.cypher(f"DROP INDEX {name}")
    try:
        yield
    finally:
        await world.cypher("MATCH (n) DETACH DELETE n")
        await schema.migrate(world.server)


@pytest.fixture
def configured(settings: Settings, database_url: str, neo4j: Neo4jServer) -> Settings:
    return replace(
        settings,
        database_url=database_url,
        neo4j_url=neo4j.url,
        neo4j_password=neo4j.password,
        neo4j_timeout_s=20.0,
    )


def part_of(world: GraphWorld, document_id: str) -> str:
    query = "SELECT part_id FROM parts JOIN documents USING (document_key) WHERE document_id = "
    [row] = world.world.rows(f"{query}'{document_id}'")
    return str(row["part_id"])


def _execute(world: GraphWorld, statement: str) -> None:
    world.world.owner.execute(statement.encode())


async def set_aside(world: GraphWorld) -> tuple[int, int]:
    """How many changes wait, and how many parts are set aside."""
    backlog = await world.projector.backlog()
    return backlog.changes, backlog.set_aside


async def whole(world: GraphWorld) -> None:
    """Everybody finds in Neo4j what they find in Postgres."""
    assert await set_aside(world) == (0, 0)
    assert await world.differences() == ()
    assert await world.seen(HIGH) == await world.expected(HIGH)


async def test_it_is_set_aside_and_the_rest_of_its_batch_goes_on(
    world: GraphWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="copilot")
    await world.projector.catch_up()
    bad = part_of(world, "bad")
    assert await set_aside(world) == (0, 1)
    assert {part_of(world, one.document_id) for one in GOOD} <= await world.held()
    assert bad not in await world.held()
    assert f"Neo4j refuses part {bad}" in caplog.text
    assert LONG[:50] not in caplog.text
    assert await world.seen(LOW) == await world.expected(LOW), "it is hidden from them"
    await world.world.take(document("later", (U, "Anton Drell left.")))
    await world.projector.catch_up()
    assert await set_aside(world) == (0, 1)
    assert await world.seen(LOW) == await world.expected(LOW)


async def test_a_filling_goes_on_without_it_and_once_neo4j_takes_it_a_rebuild_brings_it_back(
    world: GraphWorld,
) -> None:
    await world.projector.rebuild()
    assert await set_aside(world) == (0, 1)
    assert await world.seen(LOW) == await world.expected(LOW)
    async with unlimited(world):
        await world.projector.rebuild()
        await whole(world)


async def test_verify_and_doctor_name_it_and_once_neo4j_takes_it_verify_brings_it_back(
    world: GraphWorld,
    configured: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "_PAUSE_S", 0.0)
    bad, options = part_of(world, "bad"), Namespace(json=True)
    assert await commands.verify(configured, options) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["set_aside"] == [bad]
    assert f"set aside, as Neo4j refuses it: part {bad}" in printed.err
    assert LONG[:50] not in printed.out + printed.err
    assert "1 parts set aside: see" in await operate._neo4j_check(configured)
    async with unlimited(world):
        assert await commands.verify(configured, options) == 0
        assert json.loads(capsys.readouterr().out)["set_aside"] == []
        await whole(world)


async def test_deleted_it_is_set_aside_no_more(world: GraphWorld) -> None:
    await world.projector.catch_up()
    await world.world.change("bad", None)
    await world.projector.catch_up()
    await whole(world)


async def test_what_was_removed_is_gone_though_what_is_left_is_refused(world: GraphWorld) -> None:
    """Readers of its label get the graph again, without anything of that part, until it is mended."""
    await world.projector.catch_up()
    good = part_of(world, "good0")
    chunks = f"SELECT chunk_id FROM chunks WHERE part_id = '{good}'"
    _execute(world, f"DELETE FROM mentions WHERE key = 'anton drell' AND chunk_id IN ({chunks})")
    _execute(
        world,
        f"""INSERT INTO definitions (key, label_id, chunk_id, in_title)
            SELECT '{LONG}', label_id, chunk_id, false FROM chunks WHERE part_id = '{good}'""",
    )
    with pytest.raises(Unavailable, match="not yet taken in a deletion"):
        await world.seen(LOW)
    await world.projector.catch_up()
    assert await set_aside(world) == (0, 2)
    assert good not in await world.held()
    assert await world.seen(LOW)
    _execute(world, f"DELETE FROM definitions WHERE key = '{LONG}' AND chunk_id IN ({chunks})")
    await world.projector.catch_up()
    assert await set_aside(world) == (0, 1)
    assert await world.seen(LOW) == await world.expected(LOW)


async def test_a_neo4j_that_refuses_every_write_is_waited_for_and_no_part_is_blamed(
    world: GraphWorld,
) -> None:
    await world.projector.catch_up()
    await world.world.take(document("later", (U, "Anton Drell left.")))
    await world.cypher("CREATE CONSTRAINT trial FOR (p:Projection) REQUIRE p.token IS UNIQUE")
    await world.cypher(
        "MATCH (p:Projection) UNWIND range(1, 1000) AS n CREATE (:Projection {token: p.token + n})"
    )
    try:
        for _ in range(5):
            with pytest.raises(Unavailable):
                await world.projector.step()
        assert await set_aside(world) == (1, 1)
    finally:
        await world.cypher("DROP CONSTRAINT trial")
        await world.cypher("MATCH (p:Projection) WHERE p.name IS NULL DELETE p")
    await world.projector.catch_up()
    assert await set_aside(world) == (0, 1)
