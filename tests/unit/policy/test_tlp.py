"""TLP 2.0 is an order among labels, both ways, and what is no mark of it is refused."""

from itertools import product

import pytest
from hypothesis import given

from policy import BadInput, Label
from policy.tlp import from_tlp, to_tlp
from tests.unit.policy.strategies import labels

MARKS = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")


def read(text: str) -> Label:
    return from_tlp(text, tenant="t1", where="indicator--1")


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_comes_back_as_it_was(mark: str) -> None:
    assert to_tlp(read(mark)) == mark
    assert read(mark).tenant == "t1"


def test_the_order_of_the_marks_is_the_order_of_their_labels() -> None:
    for (i, lower), (j, higher) in product(enumerate(MARKS), repeat=2):
        assert read(higher).dominates(read(lower)) == (j >= i)
        assert to_tlp(read(higher).join(read(lower))) == MARKS[max(i, j)]


@given(labels)
def test_a_label_that_says_more_has_no_mark(label: Label) -> None:
    mark = to_tlp(label)
    assert mark is None or read(mark) == label
    for one in MARKS:
        joined = read(one).join(label)
        assert (to_tlp(joined) is None) == (mark is None and joined not in map(read, MARKS))


@pytest.mark.parametrize(
    "text",
    ["", "RED", "TLP:WHITE", "tlp:red", "TLP:RED ", "TLP: RED", "TLP:AMBER-STRICT", "TLP:PINK"],
)
def test_what_is_no_mark_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(BadInput, match=r"^indicator--1: .*TLP:CLEAR, TLP:GREEN"):
        read(text)
