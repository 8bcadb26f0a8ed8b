"""What goes on beside serving, from when it is begun until it is stopped."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress


class Background:
    """One piece of work at most. What it raises, whoever stops it is told."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def begin(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Nothing happens where it was begun and not stopped."""
        if self._task is None:
            self._task = asyncio.create_task(work())

    async def stop(self) -> None:
        """Breaks it off, and waits until it has let go of everything."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
