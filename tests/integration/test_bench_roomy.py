"""The embedded Postgres has more room while a large corpus is written, and what is measured later has none of it."""

from pathlib import Path

import psycopg
import pytest

from copilot.bench.roomy import roomy
from retrieval.stores.postgres.embedded import leave, start

pytestmark = pytest.mark.anyio


async def settings(data_dir: Path) -> list[str]:
    async with await psycopg.AsyncConnection.connect(start(data_dir)) as owner:
        names = ("shared_buffers", "max_wal_size", "checkpoint_timeout")
        query = "SELECT current_setting(name) FROM unnest(%s::text[]) AS name"
        return [row[0] for row in await (await owner.execute(query, [[*names]])).fetchall()]


async def test_there_is_room_as_long_as_it_is_wanted_whatever_happens(tmp_path: Path) -> None:
    async def broken_off() -> None:
        async with roomy(tmp_path):
            assert await settings(tmp_path) == ["2GB", "4GB", "20min"]
            raise RuntimeError("broken off")

    before = await settings(tmp_path)
    with pytest.raises(RuntimeError, match="broken off"):
        await broken_off()
    assert await settings(tmp_path) == before
    leave(tmp_path)
