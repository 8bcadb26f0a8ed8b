"""Feedback over GraphQL: what clients send reaches the act as they meant it."""

from copilot.feedback import Verdict
from tests.unit.api.fakes import ANN, FakeCopilot
from tests.unit.api.live import bearer, operation, post
from tests.unit.api.test_disposal import run


def test_a_verdict_is_given_with_its_comment(server: str, copilot: FakeCopilot) -> None:
    given = run(server, "RateAnswer", id="a1", verdict="WRONGLY_CITED", comment="page 2 says no")
    assert given == {
        "__typename": "FeedbackGiven",
        "answerId": "a1",
        "verdict": "WRONGLY_CITED",
        "ledgerId": "l14",
    }
    assert run(server, "RateAnswer", id="a2", verdict="RIGHT")["__typename"] == "NotFound"
    assert copilot.feedback.calls == [
        ("a1", Verdict.WRONGLY_CITED, "page 2 says no"),
        ("a2", Verdict.RIGHT, ""),
    ]


def test_no_other_verdict_is_taken(server: str, copilot: FakeCopilot) -> None:
    said = post(server, operation("RateAnswer"), {"id": "a1", "verdict": "GREAT"}, bearer(ANN))
    assert "GREAT" in said.json()["errors"][0]["message"]
    assert copilot.feedback.calls == []
