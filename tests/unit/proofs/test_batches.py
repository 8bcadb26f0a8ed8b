"""Batches shared by processes: in their order, by this one as well, and only so many at a time."""

import os
import time
from collections.abc import Iterator

import pytest

from copilot.ledger.proofs import batches
from copilot.ledger.proofs.batches import side_by_side

MANY = 400


def doubled(number: int) -> int:
    return 2 * number


def by_whom(_: int) -> int:
    time.sleep(0.002)
    return os.getpid()


def refused(number: int) -> int:
    raise ValueError(number)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_what_comes_out_is_in_the_order_of_what_went_in(processes: int) -> None:
    found = list(side_by_side(doubled, iter(range(MANY)), processes))
    assert found == [2 * number for number in range(MANY)]


def test_nothing_comes_of_nothing() -> None:
    assert list(side_by_side(doubled, iter(()), 2)) == []


def test_this_process_takes_its_part_and_so_does_another() -> None:
    found = list(side_by_side(by_whom, iter(range(MANY)), 2))
    assert os.getpid() in found
    assert len(set(found)) == 2


@pytest.mark.parametrize("processes", [1, 2])
def test_what_goes_wrong_reaches_whoever_asked(processes: int) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        list(side_by_side(refused, iter(range(MANY)), processes))


def test_for_a_few_no_other_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_shared", None)
    assert len(list(side_by_side(doubled, iter(range(10)), 2))) == 10


def test_who_is_slow_to_start_does_not_make_the_others_pile_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first goes to another process, which is not there yet when this one has done many."""
    monkeypatch.setattr(batches, "_ALONE", 0)
    taken = []

    def given() -> Iterator[int]:
        for number in range(MANY):
            taken.append(number)
            yield number

    results = side_by_side(doubled, given(), 2)
    assert next(results) == 0
    assert len(taken) < 40
    assert sum(1 for _ in results) == MANY - 1
