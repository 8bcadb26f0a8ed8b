"""The serving bench starts the program itself, and asks it over HTTP."""

import sys
from pathlib import Path

import pytest

from copilot.bench import serve
from copilot.commands.opened import opened
from copilot.settings import Settings
from policy.errors import CopilotError
from retrieval.stores.postgres.embedded import leave

pytestmark = pytest.mark.anyio


@pytest.fixture
def own(models_dir: Path, tmp_path: Path) -> Settings:
    """A data directory of this test's own, with a secret for tokens."""
    return Settings(data_dir=tmp_path, models_dir=models_dir, jwt_secret="s" * 40)


async def test_a_server_is_timed_weighed_and_asked(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stocked(settings: Settings, chunks: int) -> int:
        async with opened(settings):
            return chunks

    monkeypatch.setattr(serve, "stocked", stocked)
    monkeypatch.setattr(serve, "questions", lambda _: ["Who chartered the Kestrel?"])
    monkeypatch.setattr(serve, "_STARTS", 1)
    monkeypatch.setattr(serve, "_SETTLED_S", 0.1)
    found = await serve._measured(own, 7)
    assert found.chunks == 7
    assert 0.3 < found.stopped_s[0] < 60
    assert 0.3 < found.running_s[0] < 60
    assert 50 < found.fresh_mb <= found.asked_mb < 700
    assert len(found.search_ms) == 1


async def test_a_server_that_ends_at_once_is_not_waited_for(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with serve._served(own) as server, pytest.raises(CopilotError, match="was not ready"):
        await server.ready()


def test_a_server_that_was_left_may_be_joined_anew(own: Settings) -> None:
    from retrieval.stores.postgres.embedded import start

    first = start(own.data_dir)
    leave(own.data_dir)
    assert not (own.data_dir / "postgres" / "postmaster.pid").exists()
    assert start(own.data_dir) == first
    leave(own.data_dir)
