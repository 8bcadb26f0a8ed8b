"""The breaker: after one read without an answer nobody waits for Neo4j, until a probe has had one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context

from policy.errors import Unavailable

PAUSE_S = 0.5
"""Between two probes."""
_log = logging.getLogger(__name__)


class Breaker:
    """Closed while Neo4j is thought to answer; a read that had no answer opens it for every reader.

    `probe` asks the server and raises Unavailable. It alone closes the breaker, so a read that was slow by itself
    stops the others for as long as a probe takes and no longer.
    """

    def __init__(self, probe: Callable[[], Awaitable[object]], *, pause_s: float = PAUSE_S) -> None:
        self._probe = probe
        self._pause_s = pause_s
        self._probing: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Raises Unavailable("neo4j", …) at once where the server is known not to answer."""
        if self._probing is not None:
            raise Unavailable("neo4j", "the graph does not answer; nothing was done")

    def lost(self, error: Unavailable) -> None:
        """A read had no answer."""
        if self._probing is None:
            why = type(error.__cause__ or error).__name__
            _log.error("Neo4j does not answer (%s): nobody asks it until a probe is answered", why)
            # In a context of its own: it belongs to no request.
            self._probing = asyncio.create_task(self._until_answered(), context=Context())

    async def close(self) -> None:
        task, self._probing = self._probing, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _until_answered(self) -> None:
        while True:
            try:
                await self._probe()
                break
            except Unavailable:
                await asyncio.sleep(self._pause_s)
        self._probing = None
        _log.warning("Neo4j answers again")
