"""Copies in memory look again by themselves at what has become of what they hold."""

import anyio
import pytest

from copilot import stores
from policy.errors import Unavailable
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.in_step import InStep

pytestmark = pytest.mark.anyio


async def test_they_look_again_whether_or_not_anybody_asks_and_the_database_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked, enough = list[str](), anyio.Event()

    async def look_again(copy: InStep) -> None:
        looked.append(type(copy).__name__)
        if len(looked) == 6:
            enough.set()
        raise Unavailable("postgres", "it is away")

    monkeypatch.setattr(InStep, "look_again", look_again)
    monkeypatch.setattr(stores, "FORGOTTEN_S", 0.01)
    async with stores.stores(Database("postgresql:///none", timeout_s=1)):
        with anyio.fail_after(10):
            await enough.wait()
    assert looked[:6] == ["Near", "Words", "Names"] * 2
    seen = len(looked)
    await anyio.sleep(0.05)
    assert len(looked) == seen
