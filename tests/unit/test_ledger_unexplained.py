"""What is gone and in no erasure is a problem, but for what the ledger never kept, or may have archived."""

from datetime import UTC, datetime, timedelta

import pytest

from copilot.ledger.proofs.gaps import Erasure, Gaps, Gone
from copilot.ledger.unexplained import unexplained

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEALED = 1000


def gone(name: str = "question", place: int = 5, at: datetime | None = NOW) -> Gone:
    return Gone(place, f"id {place}", name, at)


def erasure(of: Gone, place: int, at: datetime = NOW - timedelta(days=9)) -> Erasure:
    return Erasure(place, ((of.ledger_id, of.name),), at)


@pytest.mark.parametrize("place", [4, 5, 6, 2000])
def test_an_erasure_explains_what_came_before_it(place: int) -> None:
    for places in ([place], [place, 0], [0, place]):
        gaps = Gaps([gone()], [erasure(gone(), one) for one in places])
        assert bool(unexplained(gaps, SEALED, -1).problems) is (place <= 5)


def test_no_erasure_explains_an_index_or_another_opening() -> None:
    index = gone("index")
    gaps = Gaps([index, gone("act")], [erasure(index, 9), erasure(gone(), 9)])
    assert unexplained(gaps, SEALED, unread=100).problems == [
        "entry 5: index is gone, and no erasure says why"
    ]
    assert len(unexplained(gaps, SEALED, -1).problems) == 2


@pytest.mark.parametrize(
    ("name", "after", "late"),
    [
        ("contexts", timedelta(0), True),
        ("answer", timedelta(minutes=59), True),
        ("answer", timedelta(minutes=61), False),
        ("dropped", timedelta(minutes=-4), True),
        ("dropped", timedelta(minutes=-6), False),
        ("question", timedelta(0), False),
        ("act", timedelta(0), False),
    ],
)
def test_what_is_not_kept_of_a_question_that_an_erasure_met_is_counted_apart(
    name: str, after: timedelta, late: bool
) -> None:
    one = gone(name, at=NOW + after)
    other = [Erasure(0, (), at) for at in (NOW - timedelta(days=1), NOW, NOW + timedelta(days=1))]
    found = unexplained(Gaps([one], other), SEALED, -1)
    assert (found.late, len(found.problems)) == (int(late), int(not late))
    assert unexplained(Gaps([one._replace(at=None)], other), SEALED, -1).late == 0


def test_what_an_archive_may_explain_is_counted_apart() -> None:
    found = unexplained(Gaps([gone(place=place) for place in (4, 5, 6)]), SEALED, unread=5)
    assert (found.elsewhere, len(found.problems)) == (1, 2)


def test_of_many_only_some_are_named() -> None:
    places = [*range(SEALED - 250, SEALED)]
    found = unexplained(Gaps([gone(place=place) for place in places]), SEALED, -1).problems
    assert len(found) == 101
    assert found[-1] == "150 more openings are gone, and no erasure says why"
