"""Canonical bytes are those of RFC 8785, whichever way they are made."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from copilot.ledger.log import canonical

MOST = 2**53 - 1
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-MOST, MOST) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | TEXT | NUMBERS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=12,
)


@given(VALUES)
def test_they_are_those_of_the_standard(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        {"\ufb33": 1, "\U0001f600": 2},  # which json would sort the other way round
        {"a": {"b": [1.0, 1e21, 1e-7, -0.0]}},
        [MOST, -MOST, True, None, '\u007f\u0000"\\'],
    ],
)
def test_what_json_would_write_otherwise(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [MOST + 1, [-MOST - 1], {"a": float("nan")}])
def test_a_number_that_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical(value)
