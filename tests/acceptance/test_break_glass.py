"""An emergency over HTTP: an analyst asks, an administrator opens, an auditor sees all of it, and it ends."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from copilot.tokens import issue
from policy.principal import Principal
from tests.acceptance.test_graphql import LEAD_ONLY, LiveServer, ask, code_of, raw, run
from tests.servers.product import SECRET, people

REASON = "The informant is in danger tonight."
ASKED = {
    "clearance": "TS",
    "compartments": ["HARBOR", "LANTERN"],
    "minutes": 60,
    "reason": REASON,
}


@dataclass
class Live:
    base_url: str
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def live(live_server: LiveServer) -> LiveServer:
    """With an administrator, and an auditor of the lowest clearance, beside the people of the case file."""
    known = people()
    more = {
        "chief": replace(known["lead"], sub="chief", roles=frozenset(["admin"])),
        "watch": replace(known["trainee"], sub="watch", roles=frozenset(["auditor"])),
    }
    tokens = live_server.tokens | {name: _token(who) for name, who in more.items()}
    return Live(live_server.base_url, tokens)


def _token(who: Principal) -> str:
    return issue(who, SECRET, audience="copilot")


def grants(live: LiveServer, who: str = "watch") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run(live, who, "AccessGrants")["accessGrants"]["grants"]
    return found


def test_an_emergency_takes_two_people_and_is_shown_to_a_third(live: LiveServer) -> None:
    assert LEAD_ONLY not in str(ask(live, "analyst"))
    grant = run(live, "analyst", "RequestAccess", **ASKED)["requestAccess"]["grantId"]
    assert LEAD_ONLY not in str(ask(live, "analyst"))
    assert code_of(raw(live, "analyst", "ApproveAccess", id=grant)) == "FORBIDDEN"
    assert [(one["grantId"], one["state"]) for one in grants(live)] == [(grant, "PENDING")]

    run(live, "chief", "ApproveAccess", id=grant)
    assert LEAD_ONLY in ask(live, "analyst")["text"]
    assert LEAD_ONLY not in str(ask(live, "trainee"))
    assert [one["state"] for one in grants(live)] == ["ACTIVE"]

    run(live, "analyst", "EndAccess", id=grant)
    assert LEAD_ONLY not in str(ask(live, "analyst"))
    [over] = grants(live)
    assert (over["state"], over["approvedBy"], over["endedBy"]) == ("ENDED", "chief", "analyst")

    for kind, expected in (("BREAK_GLASS", ["Ended", "Requested"]), ("APPROVAL", ["Approved"])):
        edges = run(live, "watch", "Ledger", kind=kind)["ledger"]["edges"]
        assert [edge["node"]["outcome"] for edge in edges] == expected
        assert all(edge["node"]["details"]["grant_reason"] == REASON for edge in edges)


def test_an_answer_of_the_emergency_is_not_read_after_it(live: LiveServer) -> None:
    grant = run(live, "analyst", "RequestAccess", **ASKED)["requestAccess"]["grantId"]
    run(live, "chief", "ApproveAccess", id=grant)
    answer = ask(live, "analyst")
    assert LEAD_ONLY in answer["text"]
    run(live, "chief", "EndAccess", id=grant)
    again = run(live, "analyst", "Answer", id=answer["answerId"])["answer"]
    assert again["__typename"] == "NotFound"


def test_whoever_is_revoked_hears_that_and_nothing_else(live: LiveServer) -> None:
    run(live, "chief", "RevokePrincipal", sub="trainee", reason="lost the token")
    denied = ask(live, "trainee")
    assert (denied["__typename"], denied["reason"]) == ("Denied", "revoked")
    run(live, "chief", "ReinstatePrincipal", sub="trainee")
    assert ask(live, "trainee")["__typename"] != "Denied"
    assert code_of(raw(live, "analyst", "RevokePrincipal", sub="chief", reason="x")) == "FORBIDDEN"


def test_a_document_is_relabelled_and_deleted_by_an_ingester_alone(live: LiveServer) -> None:
    text = "The harbour master Ulla Grentz closed the eastern sluice in Vardo."
    part = {"text": text, "label": {"classification": "U"}}
    run(live, "lead", "Ingest", documents=[{"id": "sluice", "parts": [part]}])
    denied = run(live, "analyst", "DeleteDocument", id="sluice")["deleteDocument"]
    assert denied["__typename"] == "Denied"
    assert run(live, "trainee", "Document", id="sluice")["document"]["__typename"] == "Document"
    raised = run(live, "lead", "RelabelDocument", id="sluice", label={"classification": "TS"})
    assert raised["relabelDocument"]["marking"] == "(TS)"
    assert run(live, "trainee", "Document", id="sluice")["document"]["__typename"] == "NotFound"
    assert run(live, "lead", "Document", id="sluice")["document"]["parts"][0]["text"] == text
    gone = run(live, "lead", "DeleteDocument", id="sluice")["deleteDocument"]
    assert gone["__typename"] == "Deleted"
    assert run(live, "lead", "Document", id="sluice")["document"]["__typename"] == "NotFound"
