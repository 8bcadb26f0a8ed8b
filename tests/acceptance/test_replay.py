"""Replays over HTTP: an auditor is told why each passage was shown; nobody else, and not of what they may not see."""

from typing import Any

from tests.acceptance.test_graphql import LiveServer, ask, code_of, raw, run

QUESTION = "When did the Corrin Star leave Kestrel Quay?"


def test_an_auditor_has_an_ask_decided_again(live_server: LiveServer) -> None:
    entry = ask(live_server, "analyst", QUESTION)["ledgerId"]
    found = run(live_server, "auditor", "Replay", entry=entry)["replay"]
    assert (found["__typename"], found["agrees"], found["differences"]) == ("Replay", True, [])
    assert (found["sub"], found["policyThen"]) == ("analyst", found["policyNow"])
    assert found["contexts"]
    opened = {"allowed": True, "reasons": []}
    for one in found["contexts"]:
        assert one["recorded"] == one["then"] == one["now"] == opened
    recorded = run(live_server, "auditor", "Ledger", sub="auditor")["ledger"]["edges"][0]["node"]
    assert (recorded["ledgerId"], recorded["details"]["replay"]) == (found["ledgerId"], entry)


def test_what_is_above_the_auditor_is_as_if_it_were_not_there(live_server: LiveServer) -> None:
    above = ask(live_server, "lead", QUESTION)["ledgerId"]

    def without_its_own(entry: str) -> dict[str, Any]:
        found: dict[str, Any] = run(live_server, "auditor", "Replay", entry=entry)["replay"]
        return found | {"ledgerId": ""}

    hidden = without_its_own(above)
    assert hidden["__typename"] == "NotFound"
    assert hidden == without_its_own("f" * 32)
    assert run(live_server, "lead", "Replay", entry=above)["replay"]["__typename"] == "Denied"


def test_an_entry_that_is_no_decision_is_named(live_server: LiveServer) -> None:
    run(live_server, "auditor", "Ledger")
    page = run(live_server, "auditor", "Ledger", sub="auditor", kind="READ")["ledger"]
    response = raw(live_server, "auditor", "Replay", entry=page["edges"][0]["node"]["ledgerId"])
    assert code_of(response) == "BAD_INPUT"
    assert "is no decision but a record of 'read'" in response.text
