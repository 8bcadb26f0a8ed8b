"""What auditors ask over GraphQL: every filter arrives, and a bad one is named with the remedy."""

from typing import Any

import pytest

from tests.unit.api.fakes import ANN, LEE, FakeCopilot
from tests.unit.api.live import bearer, operation, post

DAY = {"from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00+01:00"}
BOUNDS = {"since": "2026-01-01T00:00:00+00:00", "until": "2026-01-02T00:00:00+01:00"}
S = {"classification": "S", "compartments": ["HARBOR"]}


def asked(server: str, name: str, given: dict[str, Any], who: Any = LEE) -> dict[str, Any]:
    response: dict[str, Any] = post(server, operation(name), given, bearer(who)).json()
    return response


def test_every_filter_of_the_ledger_arrives(server: str, copilot: FakeCopilot) -> None:
    given = {"sub": "ann", "outcome": "Answer", "document": "d1", "entity": "Kestrel", "model": "m"}
    asked(server, "Ledger", {**given, **DAY, "kind": "ASK", "label": S, "first": 7, "after": "l0"})
    [call] = copilot.auditing.calls
    label = call.pop("label")
    assert (label["tenant"], label["classification"], label["compartments"]) == (
        "t1",
        "S",
        ["HARBOR"],
    )
    assert call == {**given, **BOUNDS, "kind": "ask", "first": 7, "after": "l0"}


def test_who_saw_gives_people_and_entries(server: str, copilot: FakeCopilot) -> None:
    places = {"first": 3, "after": "l0", "afterPerson": "abe"}
    found = asked(server, "WhoSaw", {"document": "d1", **places, **DAY})["data"]["whoSaw"]
    [person] = found["people"]
    assert (person["sub"], person["acts"], person["more"]) == ("ann", 2, False)
    assert person["firstAt"] < person["lastAt"]
    assert found["nextPerson"] == "ann"
    assert found["entries"]["edges"][0]["node"]["ledgerId"] == "l1"
    assert copilot.auditing.calls == [
        {"document": "d1", "first": 3, "after": "l0", "after_person": "abe", **BOUNDS}
    ]


def test_what_somebody_did_comes_by_kind(server: str, copilot: FakeCopilot) -> None:
    found = asked(server, "WhatDid", {"person": "ann", "first": 3})["data"]["whatDid"]
    [kind] = found["kinds"]
    assert (kind["kind"], kind["acts"]) == ("ASK", 2)
    assert found["entries"]["edges"][0]["cursor"] == "l1"
    assert copilot.auditing.calls == [{"sub": "ann", "first": 3, "after": None}]


def test_an_entry_is_proved_or_null(server: str) -> None:
    found = asked(server, "LedgerProof", {"id": "l1"})["data"]["ledgerProof"]
    assert (found["leafIndex"], found["treeSize"]) == (1, 3)
    assert found["inclusionPath"] == ["ef" * 32, "01" * 32]
    assert asked(server, "LedgerProof", {"id": "l2"}) == {"data": {"ledgerProof": None}}


def test_checkpoints_come_with_where_they_lie(server: str, copilot: FakeCopilot) -> None:
    found = asked(server, "Checkpoints", {"first": 5, "before": 9})["data"]["checkpoints"]
    assert [one["published"] for one in found["heads"]] == [["file:///kept"]]
    assert found["nextSize"] == 3
    assert copilot.auditing.calls == [{"first": 5, "before": 9}]


def test_one_entry_is_given_or_null(server: str) -> None:
    found = asked(server, "LedgerEntry", {"id": "l1"})["data"]["ledgerEntry"]
    assert (found["ledgerId"], found["details"]) == ("l1", {"question": "who?"})
    none = asked(server, "LedgerEntry", {"id": "l2"})
    assert none == {"data": {"ledgerEntry": None}}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("Ledger", {}),
        ("LedgerEntry", {"id": "l1"}),
        ("LedgerProof", {"id": "l1"}),
        ("Checkpoints", {}),
        ("WhoSaw", {"entity": "x"}),
        ("WhatDid", {"person": "ann"}),
    ],
)
def test_only_auditors_are_told(server: str, name: str, given: dict[str, Any]) -> None:
    [error] = asked(server, name, given, ANN)["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("name", "given", "field", "remedy"),
    [
        ("Ledger", {"from": "yesterday"}, "`from`", "2026-01-31T12:00:00Z"),
        ("WhatDid", {"person": "ann", "until": "31.1.2026"}, "`until`", "ISO 8601"),
        ("WhoSaw", {"document": "d" * 501}, "document", "at most 500"),
        ("WhoSaw", {"document": "d", "first": 101}, "first", "from 1 to 100"),
        ("Ledger", {"label": {"classification": "S", "handling": ["SECRETS"]}}, "label", "known:"),
    ],
)
def test_a_bad_filter_is_named_with_the_remedy(
    server: str, copilot: FakeCopilot, name: str, given: dict[str, Any], field: str, remedy: str
) -> None:
    [error] = asked(server, name, given)["errors"]
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert field in error["message"]
    assert remedy in error["message"]
    assert copilot.auditing.calls == []
