"""Whoever gives up on Neo4j leaves nothing of the driver's behind."""

import asyncio
import gc
import sys
from typing import Any

import pytest

from policy.errors import Unavailable
from retrieval.stores.neo4j.server import Neo4j

pytestmark = pytest.mark.anyio

REFUSING = "bolt://127.0.0.1:9"


async def test_a_call_that_is_cancelled_while_it_connects_leaves_no_socket_and_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda one: left.append(str(one.exc_value)))
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: left.append(context))
    try:
        for step in range(60):
            server = Neo4j(REFUSING, user="neo4j", password="secret", timeout_s=1)
            call = asyncio.create_task(server.run("RETURN 1"))
            await asyncio.sleep(step * 0.00004)
            call.cancel()
            with pytest.raises((asyncio.CancelledError, Unavailable)):
                await call
            del call
            await server.close()
            gc.collect()
    finally:
        loop.set_exception_handler(before)
    assert left == []


async def test_a_call_that_goes_on_is_broken_off_after_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = asyncio.Event()

    async def endless(*_: Any) -> list[Any]:
        try:
            await asyncio.sleep(60)
        finally:
            broken.set()
        return []

    server = Neo4j(REFUSING, user="neo4j", password="secret", timeout_s=30)
    monkeypatch.setattr(server, "_asked", endless)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await server.run("RETURN 1")
    assert broken.is_set()
    await server.close()
