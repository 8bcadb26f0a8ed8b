"""Legal holds and certificates over GraphQL: what clients send reaches the act as they meant it."""

from typing import Any

import pytest

from tests.unit.api.fakes import ANN, FakeCopilot
from tests.unit.api.live import bearer, operation, post


def run(server: str, name: str, **variables: Any) -> dict[str, Any]:
    result = post(server, operation(name), variables, bearer(ANN)).json()
    assert "errors" not in result, result
    [value] = result["data"].values()
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(("id_", "kind"), [("d1", "HoldChanged"), ("d2", "NotFound")])
def test_a_hold_is_put_and_released(server: str, copilot: FakeCopilot, id_: str, kind: str) -> None:
    held = run(server, "HoldDocument", id=id_, reason="case 12")
    released = run(server, "ReleaseHold", id=id_, reason="closed")
    assert (held["__typename"], held.get("held")) == (kind, True if id_ == "d1" else None)
    assert (released["__typename"], released.get("held")) == (kind, False if id_ == "d1" else None)
    assert copilot.disposal.calls == [("hold", id_, "case 12"), ("release", id_, "closed")]


def test_a_certificate_is_given_whole(server: str) -> None:
    given = run(server, "Certificate", document="d1")
    assert given == {
        "__typename": "Certificate",
        "documentId": "d1",
        "erasedAt": "2026-01-02T00:00:00+00:00",
        "erasedBy": "ann",
        "body": {"erasure_id": "e1"},
        "ledgerId": "l12",
    }
    assert run(server, "Certificate", document="d2")["__typename"] == "NotFound"
