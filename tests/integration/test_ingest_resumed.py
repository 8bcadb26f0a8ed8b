"""An ingest that is broken off, in whatever way, is taken up by the same command and does what is missing."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from copilot.ledger.verify import verify
from copilot.testing import FakeEmbedder
from policy.errors import Unavailable
from retrieval.embedding import Vectors
from tests.integration.test_ingest import HIGH, TEXT, U, World, document, opened

pytestmark = pytest.mark.anyio

DOCUMENTS = [document(f"d{number:03}", (U, f"{TEXT} Note {number}.")) for number in range(100)]
DIE = """CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"""
AT_ONE = """CREATE TRIGGER die AFTER INSERT ON documents FOR EACH ROW
            WHEN (NEW.document_id = 'd040') EXECUTE FUNCTION die()"""


class Counting(FakeEmbedder):
    """Counts the texts that it is given."""

    def __init__(self) -> None:
        self.texts = 0

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += len(texts)
        return await super().embed(texts)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as world:
        yield world


@pytest.fixture
async def undisturbed(world: World) -> list[str]:
    """All that is stored where nothing came between, and again nothing after it."""
    await world.take(*DOCUMENTS)
    everything = world.everything()
    world.owner.execute("TRUNCATE documents, label_statistics CASCADE")
    return everything


async def taken_up(world: World, undisturbed: list[str], database_url: str) -> None:
    """The same again does only what is missing, and everything is then as if nothing had happened."""
    stored = world.counts()["documents"]
    assert 0 < stored < len(DOCUMENTS)
    world.statistics_hold()
    report = await world.take(*DOCUMENTS)
    assert (report.unchanged, report.ingested) == (stored, len(DOCUMENTS) - stored)
    assert world.everything() == undisturbed
    world.statistics_hold()
    assert (await verify(database_url)).problems == []


async def test_after_the_database_broke_off(
    world: World, undisturbed: list[str], database_url: str
) -> None:
    world.owner.execute(DIE)
    world.owner.execute(AT_ONE)
    with pytest.raises(Unavailable):
        await world.take(*DOCUMENTS)
    world.owner.execute("DROP TRIGGER die ON documents")
    await taken_up(world, undisturbed, database_url)


async def test_after_somebody_interrupted_it(
    world: World, undisturbed: list[str], database_url: str
) -> None:
    written = asyncio.Event()
    run = asyncio.create_task(world.ingest.run(HIGH, DOCUMENTS, written.set))
    await written.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await taken_up(world, undisturbed, database_url)


async def test_what_is_stored_is_known_before_it_is_embedded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.take(*DOCUMENTS[:60])
    counting = Counting()
    monkeypatch.setattr(world.ingest, "_embedder", counting)
    assert (await world.take(*DOCUMENTS[:60])).unchanged == 60
    assert counting.texts == 0
    await world.take(*DOCUMENTS[:61])
    assert 0 < counting.texts < 10
