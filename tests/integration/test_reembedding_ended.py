"""A re-embedding may be ended at any moment, gone on with, or taken back; and there is one at a time."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import psycopg
import pytest

from copilot.commands import operate
from copilot.reembedding import job
from copilot.results import Deleted
from copilot.settings import Settings
from policy.errors import Misconfigured, Unavailable
from retrieval.embedding import PassageEmbedder, Vectors
from tests.integration.models import own_model
from tests.integration.reembedded import HIGH, Scene, document, found, scene

pytestmark = pytest.mark.anyio

DOCUMENTS = [document(n) for n in range(42)]
HELD = 10


@pytest.fixture
async def half(settings: Settings, models_dir: Path, tmp_path: Path) -> Scene:
    """The job's process was killed (-9) when it had written vectors of all but ten chunks."""
    first = scene(settings, models_dir, tmp_path)
    await first.take(DOCUMENTS)
    _indexed(first)
    with _held(first), _started(first) as process:
        with anyio.fail_after(90):
            while first.begun < len(DOCUMENTS) - HELD:
                assert process.poll() is None, "it ended by itself"
                await anyio.sleep(0.05)
        process.kill()
        process.wait(10)
    _unlocked(first)
    return first


def _indexed(first: Scene) -> None:
    """As an earlier run leaves it: an index is not begun beside whoever holds rows for a long time."""
    with psycopg.connect(first.url) as connection:
        connection.execute(
            "CREATE INDEX chunks_to_embed ON chunks (chunk_id) WHERE next_embedding IS NULL"
        )


@contextmanager
def _held(first: Scene) -> Iterator[None]:
    """Somebody else is at some chunks for a long time."""
    with psycopg.connect(first.url) as connection:
        connection.execute("SELECT FROM chunks ORDER BY chunk_id DESC LIMIT %s FOR UPDATE", [HELD])
        yield


@contextmanager
def _started(first: Scene) -> "Iterator[subprocess.Popen[bytes]]":
    own = {
        "DATABASE_URL": first.url,
        "COPILOT_DATA_DIR": str(first.settings.data_dir),
        "COPILOT_MODELS_DIR": str(first.settings.models_dir),
    }
    command = [sys.executable, "-m", "copilot", "reembed", "--model", str(first.mine)]
    with subprocess.Popen(command, env=dict(os.environ) | own) as process:
        try:
            yield process
        finally:
            process.kill()


def _unlocked(first: Scene) -> None:
    """The server has seen that the process is no more."""
    until = time.monotonic() + 20
    while first.rows("SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7210012"):
        assert time.monotonic() < until
        time.sleep(0.05)


async def test_until_it_is_finished_nothing_is_different_for_anybody(
    half: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    async with half.product() as copilot:
        during = await found(copilot)
    with psycopg.connect(half.url) as at_work:
        at_work.execute("SELECT pg_advisory_lock(7210012)")
        assert "a change to mine" in await operate._vectors_check(half.settings)
    await half.change(abandon=True)
    await half.change(abandon=True)
    assert "a change to" not in await operate._vectors_check(half.settings)
    first, second = capsys.readouterr().out.splitlines()
    assert "was taken away" in first
    assert "nothing lay" in second
    assert half.begun == 0
    assert half.rows("SELECT FROM embedding_job") == []
    async with half.product() as copilot:
        assert await found(copilot) == during


async def test_what_was_done_is_not_done_again(
    half: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded, texts = job._embedded, list[str]()

    async def counted(row: job.Row, embedder: PassageEmbedder) -> Vectors:
        texts.append(row["chunk_id"])
        return await embedded(row, embedder)

    monkeypatch.setattr(job, "_embedded", counted)
    await half.change()
    assert len(texts) == HELD
    assert {len(bits) for _, _, bits in half.vectors()} == {4 + 4 * 64, 4 + 2 * 64}
    assert half.rows("SELECT FROM embedding_job") == []


async def test_deleting_a_document_takes_both_its_vectors(half: Scene) -> None:
    before = half.begun
    done = half.rows(
        "SELECT document_id FROM documents JOIN parts USING (document_key) JOIN chunks USING (part_id)"
        " WHERE next_embedding IS NOT NULL LIMIT 1"
    )
    async with half.product() as copilot:
        deleted = await copilot.administration.delete(HIGH, done[0]["document_id"])
    assert isinstance(deleted, Deleted)
    assert half.begun == before - 1


async def test_a_job_to_yet_another_model_is_refused_with_the_way_out(
    half: Scene, models_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "third").mkdir()
    third = own_model(models_dir, tmp_path / "third", dimension=32)
    with pytest.raises(Misconfigured, match=r"mine \(64 dimensions.*--abandon"):
        await half.change(model=str(third))
    await half.change(abandon=True)
    await half.change(model=str(third))
    assert [one["dimension"] for one in half.rows("SELECT * FROM embedding_model")] == [32]


async def test_two_do_not_work_at_once(
    settings: Settings, models_dir: Path, tmp_path: Path
) -> None:
    first = scene(settings, models_dir, tmp_path)
    with psycopg.connect(first.url) as other:
        other.execute("SELECT pg_advisory_lock(7210012)")
        with pytest.raises(Unavailable, match="another process"):
            await first.change()


async def test_one_that_was_ended_after_the_change_only_tidies_up(
    settings: Settings, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scene(settings, models_dir, tmp_path)
    await first.take(DOCUMENTS[:3])

    async def ended(_: job.Reembedding) -> None:
        raise Unavailable("postgres", "ended")

    with monkeypatch.context() as patched:
        patched.setattr(job.Reembedding, "_clean", ended)
        with pytest.raises(Unavailable, match="ended"):
            await first.change()
    assert first.rows("SELECT switched FROM embedding_job") == [{"switched": True}]
    vectors = first.vectors()
    await first.change()
    assert first.rows("SELECT FROM embedding_job") == []
    assert first.vectors() == vectors
    again = replace(first, settings=first.settings)
    async with again.product() as copilot:
        await found(copilot)
