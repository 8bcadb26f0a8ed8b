"""Turns: how many operations of one person run at once in this process; the others wait in line."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from copilot.api.errors import rate_limited
from copilot.api.limits import Limits

_RETRY_S = 1.0


@dataclass(slots=True)
class _Line:
    running: asyncio.Semaphore
    people: int = 0
    """Running and waiting."""


class Turns:
    """A line for each person, so that nobody waits for what another person does."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lines: dict[Hashable, _Line] = {}

    @asynccontextmanager
    async def turn(self, who: Hashable) -> AsyncIterator[None]:
        """Within it the operation runs; Refused where the line is too long or does not move."""
        line = self._lines.setdefault(who, _Line(asyncio.Semaphore(self._limits.at_once)))
        if line.people >= self._limits.at_once + self._limits.waiting:
            raise self._too_many()
        line.people += 1
        try:
            await self._wait(line)
            try:
                yield
            finally:
                line.running.release()
        finally:
            line.people -= 1
            if not line.people:
                del self._lines[who]

    async def _wait(self, line: _Line) -> None:
        try:
            async with asyncio.timeout(self._limits.waiting_s):
                await line.running.acquire()
        except TimeoutError as error:
            raise self._too_many() from error

    def _too_many(self) -> Exception:
        most = self._limits.at_once
        return rate_limited(
            f"too many of your operations run at once: {most} do, the others wait; send fewer",
            _RETRY_S,
        )
