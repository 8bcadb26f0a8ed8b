"""What an archive takes out of the ledger goes out of Neo4j too, without anybody's doing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from copilot.app import build
from copilot.ledger.log import Ledger
from copilot.settings import Settings
from retrieval.stores.postgres.database import Database
from tests.integration.asking import ELSEWHERE, QUESTION, Asking, because
from tests.integration.dated import clocked, execute
from tests.integration.graph_world import graph_world
from tests.integration.sealed import published
from tests.integration.test_archive import archived
from tests.integration.test_erasure import ANN, OTHER, U, document
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

AUGUST = datetime(2026, 8, 14, tzinfo=UTC)


@pytest.fixture
async def world(
    database: Database,
    neo4j: Neo4jServer,
    models_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Asking]:
    """Something was asked in August, and something else now; all of it is in Neo4j, and published."""
    url = database.url
    settings = Settings(
        data_dir=tmp_path, models_dir=models_dir, database_url=url, database_timeout_s=20.0
    )
    clock = clocked(monkeypatch)
    async with build(settings) as copilot, graph_world(url, neo4j, timeout_s=20) as graph:
        await copilot.ingest(ANN, [document("a", title=""), document("b", OTHER, U, title="")])
        world = Asking(url=url, settings=settings, copilot=copilot, graph=graph, given={})
        clock["now"] = AUGUST
        world.given["august"] = await world.ask(because(ANN), QUESTION)
        clock["now"] = datetime.now(UTC)
        world.given["now"] = await world.ask(because(ANN), ELSEWHERE)
        await world.caught_up()
        published(url)
        yield world


async def waiting(world: Asking) -> int:
    return (await world.graph.projector.backlog()).records


async def test_answers_of_an_archived_month_leave_the_graph(
    world: Asking, database: Database, tmp_path: Path
) -> None:
    august, now = world.given["august"], world.given["now"]
    assert {one["answer_id"] for one in await world.nodes("Answer")} == {
        august.answer_id,
        now.answer_id,
    }
    took = await archived(Ledger(database), world.url, tmp_path / "august")
    assert took >= 2, "that the question was asked, and how it ended"
    assert await waiting(world) == took, "what has to go is said"
    assert await world.graph.differences(), "until it has gone"
    await world.caught_up()
    assert [one["answer_id"] for one in await world.nodes("Answer")] == [now.answer_id]
    assert [one["id"] for one in await world.nodes("Provenance")] == [now.ledger_id]
    assert await world.cited(now)
    assert (await waiting(world), await world.graph.differences()) == (0, ())


async def test_a_batch_broken_off_is_taken_out_again_and_a_graph_made_anew_has_none_of_it(
    world: Asking, database: Database, tmp_path: Path
) -> None:
    await archived(Ledger(database), world.url, tmp_path / "august")
    await world.caught_up()
    execute(world.url, "UPDATE provenance_projection SET taken_out = '{}'")
    assert await waiting(world) > 0
    await world.caught_up()
    assert (await waiting(world), await world.graph.differences()) == (0, ())
    await world.graph.projector.rebuild()
    assert [one["id"] for one in await world.nodes("Provenance")] == [world.given["now"].ledger_id]
    assert (await waiting(world), await world.graph.differences()) == (0, ())
