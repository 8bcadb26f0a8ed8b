"""What breaks, is refused or is cut short on the way from the model."""

import anthropic
import httpx2
import pytest

from copilot.generation.anthropic import DEFAULT_BASE_URL, client
from copilot.generation.port import Claim
from copilot.generation.router import Busy
from policy.errors import Misconfigured, Unavailable
from tests.unit.anthropic_wire.wire import (
    SAILED,
    SIGNED,
    Event,
    answers,
    block,
    citation,
    end,
    error,
    raises,
    start,
    streams,
    whole,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "kind", "why"),
    [
        (429, "rate_limit_error", "rate limit"),
        (529, "overloaded_error", "overloaded"),
        (500, "api_error", "service failed"),
        (502, None, "service failed"),
        (503, None, "overloaded"),
        (504, None, "too long"),
        (408, None, "too long"),
    ],
)
async def test_where_another_attempt_may_help_the_model_is_busy(
    status: int, kind: str | None, why: str
) -> None:
    with pytest.raises(Busy, match=why) as raised:
        await answers(status, kind).ask()
    assert "Halder" not in raised.value.message
    assert raised.value.dependency == "model"
    assert isinstance(raised.value.__cause__, anthropic.APIStatusError)


@pytest.mark.parametrize(
    ("status", "kind", "why"),
    [
        (400, "invalid_request_error", "refused the request"),
        (401, "authentication_error", "refuses our key"),
        (403, "permission_error", "refuses our key"),
        (403, None, "refuses our key"),
        (400, "billing_error", "refuses our account"),
        (404, "not_found_error", "does not exist"),
        (418, None, "refused the request"),
        (413, "request_too_large", "refused the request"),
    ],
)
async def test_where_no_attempt_helps_the_model_is_unavailable_and_not_busy(
    status: int, kind: str | None, why: str
) -> None:
    with pytest.raises(Unavailable, match=why) as raised:
        await answers(status, kind).ask()
    assert not isinstance(raised.value, Busy)
    assert "Halder" not in raised.value.message


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("Sat, 21 Nov 2026 00:00:00 GMT", None),
    ],
)
async def test_only_a_sensible_number_of_seconds_is_waited_for(
    header: str, seconds: float | None
) -> None:
    with pytest.raises(Busy) as raised:
        await answers(429, "rate_limit_error", **{"retry-after": header}).ask()
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (httpx2.ConnectError("no route"), "cannot be reached"),
        (httpx2.ConnectTimeout("slow"), "too long"),
        (httpx2.ReadTimeout("slow"), "too long"),
    ],
)
async def test_a_model_that_is_not_reached_is_busy(failure: Exception, why: str) -> None:
    with pytest.raises(Busy, match=why):
        await raises(failure).ask()


async def test_an_error_inside_the_stream_comes_after_the_sentences_before_it() -> None:
    wire = streams(start(), *block(f"{SIGNED} {SAILED[:9]}", citation()), error("overloaded_error"))
    with pytest.raises(Busy, match="overloaded"):
        await wire.ask()
    assert wire.given == [Claim(text=SIGNED, supports=(whole(SIGNED),))]
    [begun] = wire.begun
    assert begun.usage.input_tokens > 0


async def test_a_call_that_is_refused_has_not_begun() -> None:
    wire = answers(529, "overloaded_error")
    with pytest.raises(Busy):
        await wire.ask()
    assert wire.begun == []


async def test_an_error_inside_the_stream_that_is_final_is_not_busy() -> None:
    with pytest.raises(Unavailable, match="refused the request") as raised:
        await streams(start(), error("invalid_request_error")).ask()
    assert not isinstance(raised.value, Busy)


@pytest.mark.parametrize(
    "events", [[], [start()], [start(), *block(SIGNED, citation())], end(), [start(), end()[0]]]
)
async def test_a_stream_that_is_cut_off_ends_in_no_finished(events: list[Event]) -> None:
    wire = streams(*events)
    with pytest.raises(Busy, match="broke off"):
        await wire.ask()
    assert wire.given == []


async def test_a_model_that_declines_is_unavailable_and_its_last_words_are_not_said() -> None:
    wire = streams(start(), *block(SIGNED, citation()), *end("refusal"))
    with pytest.raises(Unavailable, match="declined") as raised:
        await wire.ask()
    assert not isinstance(raised.value, Busy)
    assert wire.given == []


@pytest.mark.parametrize(("reason", "said"), [("max_tokens", 1), ("end_turn", 2)])
async def test_half_a_sentence_at_the_token_limit_is_not_said(reason: str, said: int) -> None:
    wire = streams(start(), *block(f"{SIGNED} The Kestrel did not", citation()), *end(reason))
    assert len(await wire.ask()) == said


@pytest.mark.parametrize(
    "nonsense",
    [
        '{"type": "content_block_del',
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 7}},
    ],
)
async def test_an_answer_that_is_none_is_unavailable(nonsense: Event | str) -> None:
    with pytest.raises(Unavailable) as raised:
        await streams(start(), *block(SIGNED, citation()), nonsense, *end()).ask()
    assert raised.value.dependency == "model"


@pytest.mark.parametrize("key", ["", "  "])
def test_a_client_without_a_key_is_misconfigured(key: str) -> None:
    with pytest.raises(Misconfigured, match="ANTHROPIC_API_KEY"):
        client(key)


async def test_the_client_leaves_retries_to_the_router_and_the_host_to_the_settings() -> None:
    async with client("key") as ours, client("key", base_url="http://proxy.test") as other:
        assert ours.max_retries == 0
        assert str(ours.base_url).rstrip("/") == DEFAULT_BASE_URL
        assert str(other.base_url).rstrip("/") == "http://proxy.test"
