"""Fences: the epoch of each tenant, known without asking, and never trusted when it could be old."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from policy.errors import Unavailable
from retrieval.background import Background

INTERVAL_S = 0.2
TRUSTED_S = 0.6
"""How old a look at the epochs may be. With it, a restriction holds everywhere within a second."""
_log = logging.getLogger(__name__)


class Fences:
    """Watches the epochs while `watch` was called; without that, or when a look fails, knows nothing."""

    def __init__(
        self,
        look: Callable[[], Awaitable[Mapping[str, int]]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._clock = clock
        self._epochs: Mapping[str, int] = {}
        self._as_of = float("-inf")
        self._doubted = float("-inf")
        self._background = Background()

    def watch(self) -> None:
        """Looks every `INTERVAL_S` from now on, until `close`."""
        self._background.begin(self._watch)

    async def close(self) -> None:
        await self._background.stop()

    def epoch(self, tenant: str) -> int | None:
        """The tenant's epoch (0 before its first label), or None where the database must be asked."""
        if self._doubted >= self._as_of or self._clock() - self._as_of > TRUSTED_S:
            return None
        return self._epochs.get(tenant, 0)

    def doubt(self) -> None:
        """After a change of our own: nothing is known until a look that began later."""
        self._doubted = self._clock()

    async def _watch(self) -> None:
        while True:
            began = self._clock()
            try:
                async with asyncio.timeout(TRUSTED_S):
                    self._epochs = await self._look()
                self._as_of = began
            except (TimeoutError, Unavailable) as error:
                _log.warning("the epochs cannot be read: %s", type(error).__name__)
            await asyncio.sleep(INTERVAL_S)
