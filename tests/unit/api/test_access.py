"""Access that is taken away or given, over GraphQL: what clients send reaches the act as they meant it."""

from typing import Any

import pytest

from policy.labels import Classification, Label
from tests.unit.api.fakes import ANN, LEE, FakeCopilot
from tests.unit.api.live import bearer, operation, post


def run(server: str, name: str, **variables: Any) -> dict[str, Any]:
    result = post(server, operation(name), variables, bearer(ANN)).json()
    assert "errors" not in result, result
    [value] = result["data"].values()
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    ("id_", "kind", "parts"), [("d1", "Deleted", ["p1"]), ("d2", "NotFound", None)]
)
def test_a_deletion_says_what_is_gone(server: str, id_: str, kind: str, parts: object) -> None:
    outcome = run(server, "DeleteDocument", id=id_)
    assert (outcome["__typename"], outcome.get("partIds")) == (kind, parts)


def test_a_new_label_is_read_as_at_ingest(server: str, copilot: FakeCopilot) -> None:
    label = {"classification": "S", "compartments": ["HARBOR"]}
    outcome = run(server, "RelabelDocument", id="d1", label=label)
    assert (outcome["__typename"], outcome["marking"]) == ("Relabelled", "(S//HARBOR)")
    expected = Label(
        tenant="t1", classification=Classification.S, compartments=frozenset(["HARBOR"])
    )
    assert copilot.administration.calls == [("relabel", expected)]


def test_a_label_of_another_tenant_is_refused_before_the_act(
    server: str, copilot: FakeCopilot
) -> None:
    variables = {"id": "d1", "label": {"classification": "U", "tenant": "t2"}}
    result = post(server, operation("RelabelDocument"), variables, bearer(ANN)).json()
    assert result["errors"][0]["extensions"]["code"] == "BAD_INPUT"
    assert copilot.administration.calls == []


def test_standing_is_changed_by_sub(server: str, copilot: FakeCopilot) -> None:
    assert run(server, "RevokePrincipal", sub="bob", reason="left")["revoked"] is True
    assert run(server, "ReinstatePrincipal", sub="bob")["revoked"] is False
    assert copilot.administration.calls == [("revoke", ("bob", "left")), ("reinstate", "bob")]


def test_a_grant_is_asked_for_approved_and_ended(server: str, copilot: FakeCopilot) -> None:
    asked = {"clearance": "TS", "minutes": 10, "reason": "a life", "compartments": ["LANTERN"]}
    grant = run(server, "RequestAccess", **asked)
    assert (grant["grantId"], grant["state"], grant["seconds"]) == ("g1", "PENDING", 600)
    run(server, "ApproveAccess", id="g1")
    run(server, "EndAccess", id="g1")
    assert copilot.administration.calls == [
        ("request", (Classification.TS, ("LANTERN",), (), 10, "a life")),
        ("approve", "g1"),
        ("end", "g1"),
    ]


def test_auditors_see_the_grants_whole(server: str) -> None:
    page = post(server, operation("AccessGrants"), {}, bearer(LEE)).json()["data"]["accessGrants"]
    [grant] = page["grants"]
    assert grant["reason"] == "a life is at stake"
    assert (grant["approvedBy"], grant["notAfter"], page["nextCursor"]) == (None, None, None)
    closed = post(server, operation("AccessGrants"), {}, bearer(ANN)).json()
    assert closed["errors"][0]["extensions"]["code"] == "FORBIDDEN"
