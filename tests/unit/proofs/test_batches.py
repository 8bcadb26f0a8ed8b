"""Batches shared by processes: in their order, by this one as well, and only so many at a time."""

import multiprocessing
import os
import time
from collections.abc import Generator, Iterator

import pytest

from copilot.ledger.proofs import batches
from copilot.ledger.proofs.batches import side_by_side

MANY = 400


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are started for the first batch."""
    monkeypatch.setattr(batches, "_ALONE", 0)


def doubled(number: int) -> int:
    return 2 * number


def by_whom(_: int) -> int:
    time.sleep(0.002)
    return os.getpid()


def refused(number: int) -> int:
    if number == 3:
        raise ValueError(number)
    return number


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("processes", [1, 2, 3, 14])
def test_what_comes_out_is_in_the_order_of_what_went_in(processes: int) -> None:
    found = list(side_by_side(doubled, iter(range(MANY)), processes))
    assert found == [2 * number for number in range(MANY)]


def test_nothing_comes_of_nothing() -> None:
    assert list(side_by_side(doubled, iter(()), 2)) == []


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("processes", [2, 13])
def test_this_process_takes_its_part_and_so_does_another(processes: int) -> None:
    found = list(side_by_side(by_whom, iter(range(MANY)), processes))
    assert os.getpid() in found
    assert len(set(found)) > 1


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("processes", [1, 2])
def test_what_goes_wrong_reaches_whoever_asked(processes: int) -> None:
    with pytest.raises(ValueError, match="3"):
        list(side_by_side(refused, iter(range(MANY)), processes))


def test_for_a_few_no_other_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_shared", None)
    assert len(list(side_by_side(doubled, iter(range(10)), 2))) == 10


@pytest.mark.usefixtures("shared")
def test_who_is_slow_to_start_does_not_make_the_others_pile_up() -> None:
    """The first goes to another process, which is not there yet when this one has done many."""
    taken = []

    def given() -> Iterator[int]:
        for number in range(MANY):
            taken.append(number)
            yield number

    results = side_by_side(doubled, given(), 2)
    assert next(results) == 0
    assert len(taken) < 40
    assert sum(1 for _ in results) == MANY - 1


@pytest.mark.usefixtures("shared")
def test_whoever_looks_no_further_leaves_no_process_behind() -> None:
    results = side_by_side(doubled, iter(range(MANY)), 2)
    next(results)
    assert isinstance(results, Generator)
    results.close()
    assert multiprocessing.active_children() == []
