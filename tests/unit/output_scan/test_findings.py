"""Findings say what was found and where, and never the text."""

from copilot.output_scan import Finding, Kind, counts, reasons
from copilot.output_scan.findings import PERSONAL, REPLACED


def _found(*kinds: Kind) -> list[Finding]:
    return [Finding(kind=kind, start=place, end=place + 1) for place, kind in enumerate(kinds)]


def test_each_reason_is_stated_once_and_in_the_same_order() -> None:
    found = _found(Kind.LINK, Kind.CANARY, Kind.LINK)
    assert reasons(found) == (str(Kind.LINK), str(Kind.CANARY)) == reasons(reversed(found))
    assert reasons([]) == ()


def test_kinds_are_counted() -> None:
    assert counts(_found(Kind.LINK, Kind.CANARY, Kind.LINK)) == {Kind.LINK: 2, Kind.CANARY: 1}


def test_every_kind_has_a_reason_of_its_own_and_what_is_replaced_says_by_what() -> None:
    assert len({str(kind) for kind in Kind}) == len(Kind)
    assert all(written == f"[{written[1:-9]} removed]" for written in PERSONAL.values())
    assert {kind for kind in Kind if "personal data" in kind} == set(PERSONAL)
    assert not {Kind.CANARY, Kind.CREDENTIAL, Kind.MARKING, Kind.DROPPED_CONTEXT} & set(REPLACED)


def test_a_finding_holds_no_text() -> None:
    assert set(Finding.__dataclass_fields__) == {"kind", "start", "end"}
