"""The paired bootstrap: chance is told from difference, and the same inputs give the same bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.bench.paired import Parts, gain

_SHARES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30)


def parts(values: list[float]) -> Parts:
    return np.array([(value, 1.0) for value in values], np.float64)


def test_ten_of_a_hundred_lost_is_no_chance_and_one_may_be() -> None:
    full = parts([1.0] * 100)
    assert gain(parts([0.0] * 10 + [1.0] * 90), full)[1] < 0
    assert gain(parts([0.0] + [1.0] * 99), full)[1] == 0


def test_pairs_are_drawn_together() -> None:
    """A constant difference between pairs that vary much is certain; drawn apart it would drown."""
    then = [float(number) for number in range(50)]
    low, high = gain(parts([value + 1 for value in then]), parts(then))
    assert low == pytest.approx(1)
    assert high == pytest.approx(1)


def test_nothing_to_compare_is_no_difference() -> None:
    assert gain(np.zeros((0, 2)), np.zeros((0, 2))) == (0, 0)
    assert gain(np.zeros((3, 2)), np.zeros((3, 2))) == (0, 0)


def test_results_of_different_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="same questions"):
        gain(parts([1.0]), parts([1.0, 1.0]))


@given(_SHARES)
def test_the_other_way_round_the_interval_is_mirrored(pairs: list[tuple[float, float]]) -> None:
    now, then = parts([one for one, _ in pairs]), parts([other for _, other in pairs])
    low, high = gain(now, then)
    assert low <= high
    assert gain(then, now) == pytest.approx((-high, -low))
    assert gain(now, then) == (low, high)
