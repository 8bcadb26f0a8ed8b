"""Another embedding model takes over beside serving: all at once, and as if everything had been ingested with it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import psycopg
import pytest

from copilot.app import build
from copilot.ingest.documents import Document
from copilot.ledger.verify import verify
from copilot.reembedding import job
from copilot.results import Deleted
from copilot.results import Unavailable as Unanswered
from copilot.settings import Settings
from policy.errors import Misconfigured, Unavailable
from retrieval.embedding import PassageEmbedder, Vectors
from retrieval.stores.postgres import search
from tests.integration.reembedded import (
    HIGH,
    LOW,
    QUESTIONS,
    S,
    Scene,
    document,
    found,
    scene,
)
from tests.servers import postgres as postgres_server

pytestmark = pytest.mark.anyio

DOCUMENTS = [*(document(n) for n in range(30)), *(document(n, S) for n in range(12))]


@pytest.fixture
def first(settings: Settings, models_dir: Path, tmp_path: Path) -> Scene:
    return scene(settings, models_dir, tmp_path)


async def fresh(first: Scene, postgres: str, documents: Sequence[Document]) -> Scene:
    """Another database into which the same was ingested with the second model from the beginning."""
    url = postgres_server.clone(postgres)
    other = Scene(replace(first.settings, database_url=url), first.mine)
    await other.take(documents, str(first.mine))
    return other


async def test_afterwards_all_is_as_if_it_had_been_ingested_with_the_new_model(
    first: Scene, postgres: str
) -> None:
    await first.take(DOCUMENTS)
    await first.change()
    other = await fresh(first, postgres, DOCUMENTS)
    assert first.vectors() == other.vectors()
    async with first.product() as ours, other.product() as theirs:
        for question in QUESTIONS:
            for who in (LOW, HIGH):
                assert await found(ours, question, who) == await found(theirs, question, who)


async def test_nothing_of_the_old_vectors_and_of_the_job_is_left(first: Scene) -> None:
    await first.take(DOCUMENTS)
    before = first.rows("SELECT pg_column_size(c.*) AS size FROM chunks c ORDER BY 1 DESC")[0]
    await first.change()
    after = first.rows("SELECT pg_column_size(c.*) AS size FROM chunks c ORDER BY 1 DESC")[0]
    assert before["size"] - after["size"] > 4 * (384 - 64) - 64
    assert first.rows("SELECT FROM embedding_job") == []
    assert first.rows("SELECT FROM pg_class WHERE relname = 'chunks_to_embed'") == []
    assert first.begun == 0
    assert [row["dimension"] for row in first.rows("SELECT * FROM embedding_model")] == [64]
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(first.url) as connection:
        connection.execute("UPDATE chunks SET embedding = NULL")


async def test_it_is_recorded_for_each_tenant_as_the_operators_act(first: Scene) -> None:
    await first.take(DOCUMENTS)
    await first.change()
    [act] = first.rows("SELECT * FROM ledger_acts WHERE kind = 'reembedding'")
    assert (act["sub"], act["outcome"]) == ("operator", "Reembedded")
    openings = first.rows("SELECT * FROM ledger_openings WHERE name = 'embedding_model'")
    assert b"all-MiniLM-L6-v2 (384" in openings[0]["value"]
    assert b"mine (64" in openings[0]["value"]
    assert (await verify(first.url)).problems == []


@pytest.mark.parametrize("dimension", [64, 384])
async def test_a_search_while_it_runs_is_of_one_model_whatever_is_in_memory(
    settings: Settings,
    models_dir: Path,
    tmp_path: Path,
    dimension: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is what was found before or what is found afterwards, never a mixture; and nobody is refused."""
    first = scene(settings, models_dir, tmp_path, dimension=dimension)
    monkeypatch.setattr(search, "MANY", 10)
    await first.take(DOCUMENTS)
    seen: list[str] = []
    async with first.product() as copilot:
        before = await found(copilot)
        done = anyio.Event()

        async def ask() -> None:
            while not done.is_set():
                seen.append(await found(copilot))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            tasks.start_soon(ask)
            await first.change()
            await anyio.sleep(0.5)
            done.set()
        after = await found(copilot)
    assert before != after
    assert set(seen) == {before, after}
    assert seen == sorted(seen, key=[before, after].index)


async def test_what_is_deleted_retitled_and_taken_in_meanwhile_is_covered(
    first: Scene, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await first.take(DOCUMENTS)
    changed = [document(3, title="Another title"), document(99)]
    async with first.product() as copilot:
        embedded = job._embedded

        loop = asyncio.get_running_loop()

        async def others() -> None:
            assert isinstance(await copilot.administration.delete(HIGH, "U4"), Deleted)
            assert (await copilot.ingest(HIGH, changed)).ingested == 2

        async def meanwhile(row: job.Row, embedder: PassageEmbedder) -> Vectors:
            monkeypatch.setattr(job, "_embedded", embedded)
            vectors = await embedded(row, embedder)
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(others(), loop))
            return vectors

        monkeypatch.setattr(job, "_embedded", meanwhile)
        monkeypatch.setattr(job, "_BATCH", 100)
        await first.change()
    gone = {"U3", "U4"}
    left = [one for one in DOCUMENTS if one.document_id not in gone] + changed
    assert first.vectors() == (await fresh(first, postgres, left)).vectors()


async def test_what_is_hidden_changes_no_visible_vector(first: Scene, postgres: str) -> None:
    await first.take(DOCUMENTS)
    await first.change()
    visible = "label_id IN (SELECT label_id FROM labels WHERE value ->> 'classification' = 'U')"
    other = await fresh(first, postgres, [one for one in DOCUMENTS if one.label != S])
    assert first.vectors(visible) == other.vectors(visible) == other.vectors()


async def test_another_model_than_the_stores_is_refused_at_the_start(first: Scene) -> None:
    await first.take(DOCUMENTS[:2])
    with pytest.raises(
        Misconfigured, match=r"of all-MiniLM-L6-v2 \(384.*mine \(64.*copilot reembed"
    ):
        async with first.product(str(first.mine)):
            pytest.fail("it started")


async def test_a_process_that_began_on_an_empty_store_writes_nothing_of_another_model(
    first: Scene,
) -> None:
    async with first.product(str(first.mine)) as late:
        await first.take(DOCUMENTS[:2])
        with pytest.raises(Unavailable, match="vectors of all-MiniLM-L6-v2"):
            await late.ingest(HIGH, [document(50)])
        outcome = await late.search(LOW, QUESTIONS[0])
        assert isinstance(outcome, Unanswered)
    assert first.rows("SELECT count(*) AS n FROM documents") == [{"n": 2}]


async def test_who_is_told_a_model_by_its_operator_stops_answering_when_another_takes_over(
    first: Scene,
) -> None:
    await first.take(DOCUMENTS)
    async with first.product("all-MiniLM-L6-v2") as copilot:
        await found(copilot)
        await first.change()
        outcome = await copilot.search(LOW, QUESTIONS[0])
    assert isinstance(outcome, Unanswered)
    assert "COPILOT_EMBEDDING_MODEL" in outcome.text


async def test_an_empty_store_and_one_that_is_there_already_take_no_time(
    first: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    await first.change()
    assert "now of mine" in capsys.readouterr().out
    await first.change()
    assert "the vectors are of mine" in capsys.readouterr().out
    async with build(first.settings) as copilot:
        assert (await copilot.ingest(HIGH, DOCUMENTS[:1])).ingested == 1
    assert {len(bits) for _, _, bits in first.vectors()} == {4 + 4 * 64, 4 + 2 * 64}
