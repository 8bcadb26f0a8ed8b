"""A busy model is asked again while nothing was said; then the router fails, or falls back, openly."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from copilot.generation.port import Begun, Claim, Failed, Finished, Item, Prompt
from copilot.generation.router import Busy, Patience, Router
from copilot.results import Usage
from policy.errors import Unavailable
from retrieval.types import Context

pytestmark = pytest.mark.anyio

PROMPT = Prompt(system="s", question="q", template="answer", version="1", sha256="0")
FIRST, SECOND = (Claim(text=text, supports=()) for text in ("One.", "Two."))
BEGUN = Begun(usage=Usage(input_tokens=9))
DONE = Finished(provider="fake", model="fake-1", usage=Usage())
OFFLINE = Finished(provider="offline", model="extractive-1", usage=Usage())
HANG = object()


@dataclass
class Scripted:
    """Each call plays the next script; an exception in it is raised, HANG never comes back."""

    scripts: Sequence[Sequence[object]]
    calls: int = 0
    closed: int = 0

    async def stream(self, prompt: Prompt, contexts: Sequence[Context]) -> AsyncIterator[Item]:
        self.calls += 1
        try:
            for step in self.scripts[self.calls - 1]:
                if isinstance(step, Exception):
                    raise step
                if step is HANG:
                    await asyncio.sleep(30)
                assert isinstance(step, Item)
                yield step
        finally:
            self.closed += 1


@dataclass
class Sleeps:
    """Notes for how long it was asked to sleep, and does not."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


def router(generator: Scripted, sleeps: Sleeps, **options: Any) -> Router:
    return Router(generator, sleep=sleeps, uniform=lambda _, most: most, **options)


async def said(router: Router) -> list[Item]:
    """All but the calls that failed."""
    return [item async for item in router.stream(PROMPT, []) if not isinstance(item, Failed)]


def busy(retry_after: float | None = None) -> Busy:
    return Busy("overloaded", retry_after=retry_after)


async def test_a_model_that_answers_is_asked_once(sleeps: Sleeps) -> None:
    generator = Scripted([[FIRST, SECOND, DONE]])
    assert await said(router(generator, sleeps)) == [FIRST, SECOND, DONE]
    assert (generator.calls, sleeps.taken) == (1, [])


async def test_a_busy_model_is_asked_again_after_growing_waits(sleeps: Sleeps) -> None:
    generator = Scripted([[busy()], [busy()], [FIRST, DONE]])
    *claims, finished = await said(router(generator, sleeps))
    assert claims == [FIRST]
    assert isinstance(finished, Finished)
    assert finished.attempts == 3
    assert sleeps.taken == [0.5, 1.0]


async def test_each_call_that_failed_is_told_before_what_follows(sleeps: Sleeps) -> None:
    refused = Unavailable("model", "refuses our key")
    generator = Scripted([[busy()], [BEGUN, FIRST, refused]])
    stream = router(generator, sleeps).stream(PROMPT, [])
    first, begun, claim, second = [await anext(stream) for _ in range(4)]
    with pytest.raises(Unavailable, match="refuses our key"):
        await anext(stream)
    assert isinstance(first, Failed)
    assert isinstance(second, Failed)
    assert (first.why, claim, second.why) == ("overloaded", FIRST, "refuses our key")
    assert 0 <= first.seconds < 60
    assert begun is BEGUN
    assert (first.usage, second.usage) == (None, BEGUN.usage)


async def test_after_a_call_that_cost_something_and_gave_nothing_the_model_is_asked_again(
    sleeps: Sleeps,
) -> None:
    generator = Scripted([[BEGUN, busy()], [busy()], [FIRST, DONE]])
    items = [item async for item in router(generator, sleeps).stream(PROMPT, [])]
    assert [one.usage for one in items if isinstance(one, Failed)] == [BEGUN.usage, None]
    assert items[-2:] == [FIRST, replace(DONE, attempts=3)]


async def test_a_model_that_begins_and_hangs_costs_what_it_had_begun_with(sleeps: Sleeps) -> None:
    generator = Scripted([[BEGUN, HANG]])
    stream = router(generator, sleeps, patience=Patience(total_s=0.05)).stream(PROMPT, [])
    begun, failed = [await anext(stream) for _ in range(2)]
    assert isinstance(failed, Failed)
    assert (begun, failed.usage) == (BEGUN, BEGUN.usage)


async def test_waits_grow_no_longer_than_allowed(sleeps: Sleeps) -> None:
    generator = Scripted([[busy()]] * 5)
    patience = Patience(attempts=5, longest_delay_s=1.5)
    with pytest.raises(Busy):
        await said(router(generator, sleeps, patience=patience))
    assert sleeps.taken == [0.5, 1.0, 1.5, 1.5]


async def test_it_never_comes_back_before_the_server_asked_for(sleeps: Sleeps) -> None:
    generator = Scripted([[busy(retry_after=7.0)], [DONE]])
    await said(router(generator, sleeps))
    assert sleeps.taken == [7.5]


async def test_when_attempts_are_used_up_the_last_error_is_what_comes_out(sleeps: Sleeps) -> None:
    last = Busy("still overloaded")
    generator = Scripted([[busy()], [busy()], [last], [DONE]])
    with pytest.raises(Busy) as raised:
        await said(router(generator, sleeps))
    assert raised.value is last
    assert generator.calls == generator.closed == 3


async def test_a_wait_beyond_the_total_time_is_not_begun(sleeps: Sleeps) -> None:
    generator = Scripted([[busy(retry_after=60.0)], [DONE]])
    with pytest.raises(Busy):
        await said(router(generator, sleeps))
    assert (generator.calls, sleeps.taken) == (1, [])


async def test_waits_are_taken_from_the_total_time(sleeps: Sleeps) -> None:
    generator = Scripted([[busy()]] * 9)
    patience = Patience(attempts=9, total_s=3.0, first_delay_s=1.0)
    with pytest.raises(Busy):
        await said(router(generator, sleeps, patience=patience))
    assert sleeps.taken == [1.0]


async def test_after_the_first_claim_nothing_is_asked_again(sleeps: Sleeps) -> None:
    generator, offline = Scripted([[FIRST, busy()], [DONE]]), Scripted([[OFFLINE]])
    items = router(generator, sleeps, fallback=offline).stream(PROMPT, [])
    assert await anext(items) == FIRST
    assert isinstance(await anext(items), Failed)
    with pytest.raises(Busy):
        await anext(items)
    assert (generator.calls, offline.calls, sleeps.taken) == (1, 0, [])


async def test_what_another_attempt_cannot_help_is_neither_retried_nor_papered_over(
    sleeps: Sleeps,
) -> None:
    refused = Unavailable("model", "refuses our key")
    generator, offline = Scripted([[refused], [DONE]]), Scripted([[OFFLINE]])
    with pytest.raises(Unavailable) as raised:
        await said(router(generator, sleeps, fallback=offline))
    assert raised.value is refused
    assert (generator.calls, offline.calls, sleeps.taken) == (1, 0, [])


async def test_a_fallback_answers_for_a_busy_model_and_names_itself(sleeps: Sleeps) -> None:
    generator, offline = Scripted([[busy()]] * 3), Scripted([[SECOND, OFFLINE]])
    claim, finished = await said(router(generator, sleeps, fallback=offline))
    assert claim == SECOND
    assert isinstance(finished, Finished)
    assert (finished.provider, finished.model) == ("offline", "extractive-1")
    assert finished.attempts == 4


async def test_a_fallback_is_not_asked_where_the_model_answers(sleeps: Sleeps) -> None:
    offline = Scripted([[OFFLINE]])
    await said(router(Scripted([[busy()], [DONE]]), sleeps, fallback=offline))
    assert offline.calls == 0


@pytest.mark.parametrize("before", [[], [FIRST]])
async def test_a_model_that_hangs_is_given_up(sleeps: Sleeps, before: list[Claim]) -> None:
    generator = Scripted([[*before, HANG]] * 3)
    with pytest.raises(Busy, match="did not finish in time"):
        await said(router(generator, sleeps, patience=Patience(total_s=0.05)))
    assert generator.calls == generator.closed == 1


async def test_the_readers_own_time_is_not_counted(sleeps: Sleeps) -> None:
    given = []
    patience = Patience(total_s=0.2)
    async for item in router(Scripted([[FIRST, SECOND, DONE]]), sleeps, patience=patience).stream(
        PROMPT, []
    ):
        await asyncio.sleep(0.15)
        given.append(item)
    assert given == [FIRST, SECOND, DONE]


async def test_whoever_leaves_early_ends_the_call(sleeps: Sleeps) -> None:
    generator = Scripted([[FIRST, SECOND, DONE]])
    items = cast(Any, router(generator, sleeps).stream(PROMPT, []))
    async with aclosing(items):
        assert await anext(items) == FIRST
    assert generator.closed == 1


async def test_the_jitter_lies_between_nothing_and_the_ceiling(sleeps: Sleeps) -> None:
    bounds: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        bounds.append((least, most))
        return 0.25

    generator = Scripted([[busy()], [busy(2.0)], [DONE]])
    await said(Router(generator, sleep=sleeps, uniform=uniform))
    assert bounds == [(0.0, 0.5), (0.0, 1.0)]
    assert sleeps.taken == [0.25, 2.25]
