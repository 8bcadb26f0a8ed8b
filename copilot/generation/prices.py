"""Prices of model calls, in US dollars for a million tokens."""

import re
from dataclasses import dataclass

_WRITE_5_MINUTES = 1.25
_WRITE_1_HOUR = 2.0
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one model costs, as published on platform.claude.com, read on 2026-11-20."""

    input: float
    output: float
    cache_read: float
    up_to: int | None = None
    """The longest prompt that this price holds for; beyond it the price is unknown to us."""


_PRICES = {
    "claude-sonnet-5-5": Price(input=2.0, output=10.0, cache_read=0.10),
    "claude-sonnet-5": Price(input=2.0, output=10.0, cache_read=0.20),
    "claude-opus-5-5": Price(input=4.0, output=20.0, cache_read=0.20),
    "claude-opus-5": Price(input=5.0, output=25.0, cache_read=0.50),
    "claude-haiku-5-5": Price(input=0.10, output=0.50, cache_read=0.01, up_to=100_000),
    "claude-haiku-4-5": Price(input=1.0, output=5.0, cache_read=0.10),
}
_DATED = re.compile(r"-20\d{6}$")


def cost_usd(
    model: str,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    hour_writes: int = 0,
) -> float | None:
    """What a call cost, None where the price is unknown, so that a budget can refuse it.

    `cache_write_tokens` counts all writes; `hour_writes` those of them that live for an hour.
    """
    price = _PRICES.get(_DATED.sub("", model))
    prompt = input_tokens + cache_read_tokens + cache_write_tokens
    if price is None or (price.up_to is not None and prompt > price.up_to):
        return None
    writes = (cache_write_tokens - hour_writes) * _WRITE_5_MINUTES + hour_writes * _WRITE_1_HOUR
    total = (input_tokens + writes) * price.input + cache_read_tokens * price.cache_read
    return (total + output_tokens * price.output) / _MILLION
