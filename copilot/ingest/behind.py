"""Behind: one piece of work at a time that goes on while its giver does the next thing."""

import asyncio
from collections.abc import Coroutine


class Behind:
    """Holds at most one piece of work, so that whoever gives more waits, and nothing piles up."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def begin(self, work: Coroutine[None, None, None]) -> None:
        """Lets `work` begin once what was given before is done, and raises what that raised."""
        try:
            await self.done()
        except BaseException:
            work.close()
            raise
        self._task = asyncio.create_task(work)

    async def done(self) -> None:
        """Waits for what was given, and raises what it raised."""
        if self._task is not None:
            await self._task
            self._task = None

    async def stop(self) -> None:
        """Breaks off what is not done yet, and waits until it has let go of everything."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            # What it raised meanwhile is nobody's any more.
            await asyncio.gather(task, return_exceptions=True)
