"""The router: a generator that retries and, where allowed, falls back to another one."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import cast

from copilot.generation.port import Begun, Failed, Finished, Generator, Item, Prompt
from policy.errors import Unavailable
from retrieval.types import Context

_OVERTIME = "the language model did not finish in time; nothing more was released"


class Busy(Unavailable):
    """The model could not answer now and may when asked again; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__("model", message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often a model is tried."""

    attempts: int = 3
    total_s: float = 60.0
    """Spent on waiting for the model, over all attempts; the reader's own time is not counted."""
    first_delay_s: float = 0.5
    longest_delay_s: float = 8.0


class Router:
    """Tries the generator again while it is Busy and nothing was yielded, then fails clearly.

    `fallback` answers only where it is given, only in place of a Busy model, and names itself in
    Finished: wrong credentials or a refused request are for the operator to see, not to paper over.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        fallback: Generator | None = None,
        patience: Patience = Patience(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._generator = generator
        self._fallback = fallback
        self._patience = patience
        self._sleep = sleep
        self._uniform = uniform

    async def stream(self, prompt: Prompt, contexts: Sequence[Context]) -> AsyncIterator[Item]:
        """As the port says; `attempts` of Finished counts every call that was made."""
        clock = _Clock(self._patience.total_s)
        attempt = 0
        while True:
            attempt += 1
            started, usage, before = False, None, clock.left
            try:
                async with aclosing(_timed(self._generator, prompt, contexts, clock)) as items:
                    async for item in items:
                        if isinstance(item, Begun):
                            usage = item.usage
                        else:
                            started = True
                        yield _counted(item, attempt)
                return
            except Unavailable as error:
                yield Failed(why=error.message, usage=usage, seconds=before - clock.left)
                if started or not isinstance(error, Busy):
                    raise
                last = error
            if not await self._wait(last, attempt, clock):
                break
        if self._fallback is None:
            raise last
        async with aclosing(_open(self._fallback, prompt, contexts)) as offline:
            async for item in offline:
                yield _counted(item, attempt + 1)

    async def _wait(self, busy: Busy, attempt: int, clock: "_Clock") -> bool:
        """Waits before the next attempt; False where there is to be none."""
        patience = self._patience
        if attempt >= patience.attempts:
            return False
        ceiling = min(patience.first_delay_s * 2 ** (attempt - 1), patience.longest_delay_s)
        # Jitter on top of what the server asked for: any earlier and it would refuse again.
        delay = (busy.retry_after or 0.0) + self._uniform(0.0, ceiling)
        if delay >= clock.left:
            return False
        clock.left -= delay
        await self._sleep(delay)
        return True


class _Clock:
    def __init__(self, seconds: float) -> None:
        self.left = seconds


async def _timed(
    generator: Generator, prompt: Prompt, contexts: Sequence[Context], clock: _Clock
) -> AsyncGenerator[Item, None]:
    async with aclosing(_open(generator, prompt, contexts)) as items:
        while True:
            began = time.monotonic()
            try:
                # Around each step and not the whole: a timeout across a yield would hit the reader.
                async with asyncio.timeout(clock.left):
                    item = await anext(items, None)
            except TimeoutError as error:
                raise Busy(_OVERTIME) from error
            finally:
                clock.left -= time.monotonic() - began
            if item is None:
                return
            yield item


def _open(
    generator: Generator, prompt: Prompt, contexts: Sequence[Context]
) -> AsyncGenerator[Item, None]:
    return cast(AsyncGenerator[Item, None], generator.stream(prompt, contexts))


def _counted(item: Item, attempts: int) -> Item:
    return replace(item, attempts=attempts) if isinstance(item, Finished) else item
