"""What a call costs is computed from published prices, and never guessed."""

import pytest

from copilot.generation.prices import cost_usd

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "given", "read"),
    [
        ("claude-sonnet-5-5", (2.0, 10.0), 0.10),
        ("claude-sonnet-5", (2.0, 10.0), 0.20),
        ("claude-opus-5-5", (4.0, 20.0), 0.20),
        ("claude-opus-5", (5.0, 25.0), 0.50),
        ("claude-haiku-4-5", (1.0, 5.0), 0.10),
    ],
)
def test_tokens_of_each_direction_have_their_own_price(
    model: str, given: tuple[float, float], read: float
) -> None:
    assert cost_usd(model, input_tokens=MILLION, output_tokens=0) == pytest.approx(given[0])
    assert cost_usd(model, input_tokens=0, output_tokens=MILLION) == pytest.approx(given[1])
    cached = cost_usd(model, input_tokens=0, output_tokens=0, cache_read_tokens=MILLION)
    assert cached == pytest.approx(read)


def test_the_parts_of_a_call_add_up() -> None:
    cost = cost_usd(
        "claude-haiku-4-5",
        input_tokens=1000,
        output_tokens=200,
        cache_read_tokens=5000,
        cache_write_tokens=400,
        hour_writes=100,
    )
    # 1000 + 300 × 1.25 + 100 × 2 tokens at 1 dollar, 5000 at 0.10, 200 at 5
    assert cost == pytest.approx((1575 + 500 + 1000) / MILLION)


def test_a_write_costs_more_than_a_plain_token_and_more_again_for_an_hour() -> None:
    plain, write, hour = (
        cost_usd("claude-opus-5", input_tokens=i, output_tokens=0, cache_write_tokens=w, hour_writes=h)
        for i, w, h in ((1000, 0, 0), (0, 1000, 0), (0, 1000, 1000))
    )  # fmt: skip
    assert plain is not None
    assert write == pytest.approx(plain * 1.25)
    assert hour == pytest.approx(plain * 2)


def test_a_dated_name_costs_what_its_model_costs() -> None:
    dated = cost_usd("claude-haiku-4-5-20251001", input_tokens=10, output_tokens=10)
    assert dated == cost_usd("claude-haiku-4-5", input_tokens=10, output_tokens=10)
    assert dated is not None


@pytest.mark.parametrize("model", ["", "claude-sonnet-9", "claude-sonnet-5-5-preview", "gpt-9"])
def test_an_unknown_model_has_no_price_rather_than_none_to_pay(model: str) -> None:
    assert cost_usd(model, input_tokens=0, output_tokens=0) is None


def test_a_prompt_longer_than_the_price_holds_for_has_no_known_price() -> None:
    def cost(input_tokens: int, read: int = 0, written: int = 0) -> float | None:
        return cost_usd(
            "claude-haiku-5-5",
            input_tokens=input_tokens,
            output_tokens=1,
            cache_read_tokens=read,
            cache_write_tokens=written,
        )

    assert cost(100_000) is not None
    assert cost(100_001) is None
    assert cost(99_999, read=1, written=1) is None
