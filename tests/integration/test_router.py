"""The router over the real SDK: what is tried again, what falls back, and how long it may take."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import anthropic
import pytest

from copilot.generation.anthropic import Anthropic, client
from copilot.generation.port import Begun, Claim, Failed, Finished, Generator, Item, Prompt
from copilot.generation.prices import cost_usd
from copilot.generation.router import Patience, Router
from copilot.results import Usage
from policy.errors import Unavailable
from retrieval.types import Context
from tests.integration.test_anthropic import CONTEXTS, PROMPT, collect
from tests.servers.anthropic import AnthropicServer, Behaviour, Failure

pytestmark = pytest.mark.anyio

SLEPT: dict[int, list[float]] = {}


@pytest.fixture(scope="module")
def running() -> Iterator[AnthropicServer]:
    with AnthropicServer() as server:
        yield server


@pytest.fixture
def server(running: AnthropicServer) -> AnthropicServer:
    running.reset()
    return running


@pytest.fixture
async def sdk(server: AnthropicServer) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with client("test-key", base_url=server.url, timeout_s=2.0) as opened:
        yield opened


def router(generator: Generator, fallback: Generator | None = None, **limits: float) -> Router:
    """A router that waits for nothing and remembers in `slept` how long it would have."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    patience = dataclasses.replace(Patience(), **limits)  # type: ignore[arg-type]
    made = Router(
        generator, fallback=fallback, patience=patience, sleep=sleep, uniform=lambda a, _: a
    )
    SLEPT[id(made)] = slept
    return made


class Offline:
    """A generator that is always there."""

    async def stream(
        self, prompt: Prompt, contexts: Sequence[Context]
    ) -> AsyncIterator[Claim | Finished]:
        yield Claim(text="Offline.", supports=())
        yield Finished(provider="offline", model="extractive", usage=Usage())


async def test_a_busy_model_is_asked_again_and_the_attempts_are_counted(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic
) -> None:
    server.failures = [Failure(status=529, type="overloaded_error"), Failure(status=502)]
    *said, finished = await collect(router(Anthropic(sdk)))
    assert [type(one) for one in said] == [Failed, Failed, Begun, Claim, Claim]
    assert isinstance(finished, Finished)
    assert finished.attempts == len(server.requests) == 3


async def test_it_gives_up_clearly_and_does_not_fall_back_by_itself(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic
) -> None:
    server.failures = [Failure(status=529, type="overloaded_error")] * 9
    with pytest.raises(Unavailable, match="overloaded"):
        await collect(router(Anthropic(sdk)))
    assert len(server.requests) == 3


async def test_the_wait_is_at_least_what_the_server_asks_for(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic
) -> None:
    server.failures = [Failure(status=429, type="rate_limit_error", retry_after="7")]
    made = router(Anthropic(sdk))
    await collect(made)
    assert SLEPT[id(made)] == [7.0]


async def test_waits_grow_with_jitter_and_have_a_ceiling(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic
) -> None:
    server.failures = [Failure(status=529, type="overloaded_error")] * 6
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return 0.0

    await collect(Router(Anthropic(sdk), patience=Patience(attempts=7), uniform=uniform))
    assert asked == [(0.0, 0.5), (0.0, 1.0), (0.0, 2.0), (0.0, 4.0), (0.0, 8.0), (0.0, 8.0)]


@pytest.mark.parametrize("asked", ["100", "soon", "-3", "inf"])
async def test_a_wait_beyond_the_total_time_is_not_begun_and_nonsense_is_none(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic, asked: str
) -> None:
    server.failures = [Failure(status=429, type="rate_limit_error", retry_after=asked)]
    made = router(Anthropic(sdk))
    if asked == "100":
        with pytest.raises(Unavailable, match="rate limit"):
            await collect(made)
        assert SLEPT[id(made)] == []
    else:
        await collect(made)
        assert SLEPT[id(made)] == [0.0]


@pytest.mark.parametrize("behaviour", [Behaviour.ERROR_IN_STREAM, Behaviour.CUT_OFF])
async def test_after_the_first_claim_nothing_is_tried_again_and_nothing_falls_back(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic, behaviour: Behaviour
) -> None:
    server.behaviour, server.sentences, server.break_after = behaviour, 3, 2
    made = router(Anthropic(sdk), fallback=Offline())
    seen: list[Item] = []
    with pytest.raises(Unavailable):
        await collect(made, into=seen)
    assert [type(one) for one in seen] == [Begun, Claim, Failed]
    assert len(server.requests) == 1


async def test_what_cannot_get_better_is_not_tried_again_and_not_papered_over(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic
) -> None:
    server.failures = [Failure(status=401, type="authentication_error")]
    with pytest.raises(Unavailable, match="refuses our key"):
        await collect(router(Anthropic(sdk), fallback=Offline()))
    assert len(server.requests) == 1


async def test_the_fallback_answers_where_it_is_allowed_and_names_itself(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic
) -> None:
    server.failures = [Failure(status=529, type="overloaded_error")] * 3
    *items, finished = await collect(router(Anthropic(sdk), fallback=Offline()))
    assert isinstance(finished, Finished)
    assert (finished.provider, finished.attempts) == ("offline", 4)
    whys = [one.why for one in items if isinstance(one, Failed)]
    assert whys == ["the language model is overloaded; ask again in a moment"] * 3


@pytest.mark.timed
async def test_the_total_time_ends_a_model_that_is_slow(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic
) -> None:
    server.delay_s = 1.0
    began = time.monotonic()
    with pytest.raises(Unavailable, match="in time"):
        await collect(router(Anthropic(sdk), total_s=0.3))
    assert time.monotonic() - began < 0.9
    assert len(server.requests) == 1


async def test_a_slow_reader_does_not_use_up_the_models_time(
    server: AnthropicServer, sdk: anthropic.AsyncAnthropic
) -> None:
    seen = 0
    async for _ in router(Anthropic(sdk), total_s=0.5).stream(PROMPT, CONTEXTS):
        seen += 1
        await asyncio.sleep(0.4)
    assert seen == 4


def test_cost_follows_the_formula_and_an_unknown_price_is_none() -> None:
    tokens = {"input_tokens": 1_000_000, "output_tokens": 100_000}
    assert cost_usd("claude-sonnet-5-5", **tokens) == pytest.approx(3.0)
    assert cost_usd(
        "claude-sonnet-5-5",
        **tokens,
        cache_read_tokens=1_000_000,
        cache_write_tokens=3_000_000,
        hour_writes=1_000_000,
    ) == pytest.approx(3.0 + 0.1 + 2 * 2.5 + 4.0)
    assert cost_usd("claude-haiku-4-5-20251001", **tokens) == pytest.approx(1.5)
    assert cost_usd("claude-haiku-5-5", **tokens) is None
    assert cost_usd("somebody-else", **tokens) is None
