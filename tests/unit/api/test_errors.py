"""A client learns what went wrong where it may, and nothing of what it may not."""

import io
import json
import logging

import httpx2
import pytest

from copilot.telemetry import configure_logging
from policy.errors import BadInput, CopilotError, Forbidden, Unavailable
from tests.unit.api.fakes import ANN, LEE, FakeCopilot
from tests.unit.api.live import bearer, operation, post

HIDDEN = "SELECT secret FROM parts WHERE text = 'the question'"


@pytest.fixture
def log() -> object:
    stream = io.StringIO()
    configure_logging(stream)
    return stream


def test_an_unexpected_error_is_masked_and_found_by_its_trace_id(
    server: str, copilot: FakeCopilot, log: io.StringIO
) -> None:
    copilot.fault = RuntimeError(HIDDEN)
    response = post(server, operation("Ask"), {"question": "the question"}, bearer(ANN))
    [error] = response.json()["errors"]
    trace = error["extensions"]["traceId"]
    assert "internal error" in error["message"]
    assert error["extensions"] == {"code": "INTERNAL", "traceId": trace}
    assert error["path"] == ["ask"]
    for leak in ("SELECT", "RuntimeError", "Traceback", ".py"):
        assert leak not in response.text
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    [line] = [line for line in lines if line.get("exception")]
    assert line["trace_id"] == trace == response.headers["x-trace-id"]
    assert line["exception"][0]["type"] == "builtins.RuntimeError"
    assert any("fakes.py" in place for place in line["exception"][0]["at"])


def test_the_log_holds_no_question_and_no_text(
    server: str, copilot: FakeCopilot, log: io.StringIO
) -> None:
    question = {"question": "the question", "reason": "the reason"}
    for fault in (None, RuntimeError(HIDDEN), Unavailable("model", "the model is down")):
        copilot.fault = fault
        post(server, operation("Ask"), question, bearer(ANN))
    post(server, '{ ask(question: "the question") { nonsense } }', headers=bearer(ANN))
    logging.getLogger("psycopg.pool").warning("could not run %s", HIDDEN)
    written = log.getvalue()
    assert "request" in written
    for text in ("the question", "the reason", "SELECT", "Kestrel"):
        assert text not in written


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (BadInput("the question is empty; ask something"), "BAD_INPUT"),
        (Forbidden("you may not"), "FORBIDDEN"),
        (Unavailable("postgres", "the database does not answer"), "UNAVAILABLE"),
        (CopilotError("something of ours"), "INTERNAL"),
    ],
)
def test_errors_on_purpose_say_what_is_wrong(
    server: str, copilot: FakeCopilot, fault: CopilotError, code: str
) -> None:
    copilot.fault = fault
    [error] = post(server, operation("Ask"), {"question": ""}, bearer(ANN)).json()["errors"]
    assert error["message"] == fault.message
    assert error["extensions"]["code"] == code
    assert error["extensions"].get("dependency") == getattr(fault, "dependency", None)


def test_an_invalid_operation_says_where(server: str) -> None:
    [error] = post(server, "{ me { nonsense } }", headers=bearer(ANN)).json()["errors"]
    assert "nonsense" in error["message"]
    assert error["locations"] == [{"line": 1, "column": 8}]
    assert error["extensions"]["code"] == "GRAPHQL_INVALID"


def test_fields_are_opened_by_role(server: str) -> None:
    query = '{ ask(question: "q") { ... on Answer { text usage { inputTokens } explanation { plan } timingsMs } } }'
    result = post(server, query, headers=bearer(ANN)).json()
    answer = result["data"]["ask"]
    assert answer["usage"] == {"inputTokens": 3}
    assert answer["explanation"] is None
    assert answer["timingsMs"] is None
    assert {(tuple(e["path"]), e["extensions"]["code"]) for e in result["errors"]} == {
        (("ask", "explanation"), "FORBIDDEN"),
        (("ask", "timingsMs"), "FORBIDDEN"),
    }
    closed = post(server, query, headers=bearer(LEE)).json()
    assert closed["data"]["ask"]["usage"] is None


def test_the_ledger_is_for_auditors(server: str) -> None:
    refused = post(server, operation("Ledger"), headers=bearer(ANN)).json()
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert refused["data"] is None
    assert "errors" not in post(server, operation("Ledger"), headers=bearer(LEE)).json()


def test_unknown_paths_are_a_json_404(server: str) -> None:
    response = httpx2.get(f"{server}/nothing")
    assert response.status_code == 404
    assert "/graphql" in response.json()["errors"][0]["message"]
