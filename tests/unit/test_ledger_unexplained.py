"""What is gone and in no erasure is a problem, but for what the ledger never kept, or may have archived."""

from datetime import UTC, datetime, timedelta

import pytest

from copilot.ledger.proofs.erasures import Erasure, Filed
from copilot.ledger.proofs.explanations import Explanations
from copilot.ledger.proofs.gaps import Gaps, Gone
from copilot.ledger.unexplained import Unexplained
from copilot.ledger.unexplained import unexplained as explained
from policy.labels import Classification, Label

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEALED = 1000
SECRET = Label(tenant="t1", classification=Classification.S)


def gone(name: str = "question", place: int = 5, at: datetime | None = NOW) -> Gone:
    return Gone(place, f"id {place}", name, Filed(at, SECRET))


def erasure(of: Gone, place: int, at: datetime = NOW - timedelta(days=9)) -> Erasure:
    return Erasure(place, ((of.ledger_id, of.name),), Filed(at, SECRET))


def unexplained(gaps: Gaps, sealed: int, unread: int) -> Unexplained:
    return explained(
        Explanations(gaps, [], unread_until=NOW if unread >= 0 else None), sealed, unread
    )


@pytest.mark.parametrize(
    "other",
    [
        Label(tenant="t2", classification=Classification.S),
        Label(tenant="t1", classification=Classification.C),
        Label(tenant="t2", classification=Classification.TS),
        None,
    ],
)
def test_an_erasure_explains_what_its_label_covers_in_its_tenant(other: Label | None) -> None:
    one = erasure(gone("comment"), 9)
    elsewhere = one._replace(filed=Filed(NOW, other))
    found = unexplained(Gaps([gone("comment")], [elsewhere]), SEALED, -1)
    assert len(found.problems) == 1
    assert unexplained(Gaps([gone("comment")], [one]), SEALED, -1).problems == []


def test_what_a_late_erasure_explains_may_follow_one_in_an_archive_that_was_not_given() -> None:
    """And is of nothing else than what such records lack."""
    for name, holds in (("answer", True), ("decided", False)):
        gaps = Gaps([gone(name)], [erasure(gone(name), 9)._replace(late=True)])
        assert (unexplained(gaps, SEALED, unread=3).problems == []) is holds
        later = gone(name, at=NOW + timedelta(days=2))
        gaps = Gaps([later], [erasure(later, 9)._replace(late=True)])
        assert len(unexplained(gaps, SEALED, unread=3).problems) == 1
        assert len(unexplained(gaps, SEALED, -1).problems) == 1


@pytest.mark.parametrize("place", [4, 5, 6, 2000])
def test_an_erasure_explains_what_came_before_it(place: int) -> None:
    for places in ([place], [place, 0], [0, place]):
        gaps = Gaps([gone()], [erasure(gone(), one) for one in places])
        assert bool(unexplained(gaps, SEALED, -1).problems) is (place <= 5)


def test_no_erasure_explains_an_index_or_another_opening() -> None:
    index = gone("index")
    act = gone("act")
    gaps = Gaps([index, gone("plan"), act], [erasure(one, 9) for one in (index, gone(), act)])
    assert unexplained(gaps, SEALED, unread=100).problems == [
        f"entry 5: {name} is gone, and no erasure says why" for name in ("index", "act")
    ]
    assert len(unexplained(gaps, SEALED, -1).problems) == 3
    first = Gaps([act._replace(form=1)], [erasure(act, 9)])
    assert unexplained(first, SEALED, -1).problems == []


@pytest.mark.parametrize(
    ("name", "after", "late"),
    [
        ("contexts", timedelta(0), True),
        ("answer", timedelta(minutes=59), True),
        ("answer", timedelta(minutes=61), False),
        ("dropped", timedelta(minutes=-4), True),
        ("dropped", timedelta(minutes=-6), False),
        ("question", timedelta(0), True),
        ("question", timedelta(minutes=61), False),
        ("reason", timedelta(0), True),
        ("decided", timedelta(0), False),
        ("act", timedelta(0), False),
    ],
)
def test_what_is_not_kept_of_a_question_that_an_erasure_met_is_counted_apart(
    name: str, after: timedelta, late: bool
) -> None:
    one = gone(name, at=NOW + after)
    other = [
        Erasure(0, (), Filed(at, SECRET))
        for at in (NOW - timedelta(days=1), NOW, NOW + timedelta(days=1))
    ]
    found = unexplained(Gaps([one], other), SEALED, -1)
    assert (found.late, len(found.problems)) == (int(late), int(not late))
    assert unexplained(Gaps([one._replace(filed=Filed(None, SECRET))], other), SEALED, -1).late == 0


def test_what_an_archive_may_explain_is_counted_apart() -> None:
    found = unexplained(Gaps([gone(place=place) for place in (4, 5, 6)]), SEALED, unread=5)
    assert (found.elsewhere, len(found.problems)) == (1, 2)


def test_only_of_a_question_anything_may_come_late() -> None:
    """A reason is in records of every kind."""
    genuine = Erasure(0, (), Filed(NOW, SECRET))
    for kind, late in (("ask", True), ("", True), ("read", False), ("approval", False)):
        one = gone("reason")._replace(filed=Filed(NOW, SECRET, kind))
        named = erasure(one, 9)._replace(late=True)
        assert unexplained(Gaps([one], [genuine]), SEALED, -1).late == int(late)
        assert (unexplained(Gaps([one], [genuine, named]), SEALED, -1).problems == []) is late


def test_of_many_only_some_are_named() -> None:
    places = [*range(SEALED - 250, SEALED)]
    found = unexplained(Gaps([gone(place=place) for place in places]), SEALED, -1).problems
    assert len(found) == 101
    assert found[-1] == "150 more openings are gone, and no erasure says why"
