"""Outside the demo only the operations of graphql/operations run, by their text or by their id."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import parse, print_ast

from copilot.api.trusted import TrustedDocuments
from policy.errors import Misconfigured
from tests.unit.api.fakes import ANN, FakeCopilot
from tests.unit.api.live import bearer, operation, post, post_json
from tests.unit.api.sockets import connect, initialise, until_complete

ASK = operation("Ask")
QUESTION = {"question": "who?"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def error_of(response: httpx2.Response) -> dict[str, Any]:
    [error] = response.json()["errors"]
    assert isinstance(error, dict)
    return error


@pytest.mark.parametrize(
    "text",
    [
        ASK,
        print_ast(parse(ASK)),
        " ".join(ASK.split()),
        f"# as our build writes it\n{ASK.replace('  ', '    ')}\r\n",
    ],
)
def test_white_space_and_comments_do_not_matter(
    production: str, copilot: FakeCopilot, text: str
) -> None:
    result = post(production, text, QUESTION, bearer(ANN)).json()
    assert result["data"]["ask"]["__typename"] == "Answer"
    assert len(copilot.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": f"sha256:{sha256(ASK)}"},
        {"documentId": f"sha256:{sha256(ASK).upper()}"},
        {"documentId": f"sha256:{sha256(print_ast(parse(ASK)))}"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(ASK)}}},
        {"query": ASK, "extensions": {"persistedQuery": {"sha256Hash": sha256(ASK)}}},
        {"query": "", "documentId": f"sha256:{sha256(ASK)}"},
    ],
)
@pytest.mark.parametrize("place", ["production", "demo"])
def test_an_operation_runs_by_its_id(
    request: pytest.FixtureRequest, copilot: FakeCopilot, body: dict[str, Any], place: str
) -> None:
    url = request.getfixturevalue(place)
    headers = bearer(ANN) if place == "production" else {}
    result = post_json(url, {**body, "variables": QUESTION}, headers).json()
    assert result["data"]["ask"]["__typename"] == "Answer"
    assert [question for _, question in copilot.asked] == ["who?"]


REFUSED: list[dict[str, Any]] = [
    {"query": "{ me { sub } }"},
    {"query": "{ me { nonsense } }"},
    {"query": "{ nonsense"},
    {"query": "{ __schema { types { name } } }"},
    {"query": "subscription { ask }"},
    {"query": ASK.replace("text\n", "text text\n", 1)},
    {"query": f"{ASK} query Other {{ me {{ sub }} }}"},
    {"query": "{" * 30 + "}" * 30},
    {"documentId": "sha256:" + "0" * 64},
    {"documentId": ""},
    {"documentId": "Ask"},
    {"extensions": {"persistedQuery": {"sha256Hash": "0" * 64}}},
    {"extensions": {"persistedQuery": {}}},
    {"query": "{ me { sub } }", "documentId": f"sha256:{sha256(ASK)}"},
    {"query": operation("Me"), "documentId": f"sha256:{sha256(ASK)}"},
]


@pytest.mark.parametrize("body", REFUSED)
def test_anything_else_is_refused_with_the_remedy_and_says_nothing_of_the_schema(
    production: str, copilot: FakeCopilot, body: dict[str, Any]
) -> None:
    response = post_json(production, {**body, "variables": QUESTION}, bearer(ANN))
    error = error_of(response)
    assert response.status_code == 400
    assert error["extensions"]["code"] == "UNTRUSTED_DOCUMENT"
    assert "COPILOT_TRUSTED_DOCUMENTS=false" in error["message"]
    assert "graphql/operations" in error["message"]
    said = response.text.lower()
    assert not [word for word in ("nonsense", "sub", "field", "syntax", "type ") if word in said]
    assert not copilot.asked


def test_who_is_unknown_learns_nothing_of_what_is_trusted(production: str) -> None:
    statuses = [post_json(production, body).status_code for body in ({"query": ASK}, REFUSED[0])]
    assert statuses == [401, 401]


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])
def test_streams_over_http_take_trusted_documents_alone(production: str, accept: str) -> None:
    headers = {**bearer(ANN), "Accept": accept}
    stream = {"query": operation("AskStream"), "variables": QUESTION}
    assert '"Sentence"' in post_json(production, stream, headers).text
    other = {"query": stream["query"].replace("text\n", "", 1), "variables": QUESTION}  # type: ignore[attr-defined]
    assert error_of(post_json(production, other, headers))["extensions"]["code"] == (
        "UNTRUSTED_DOCUMENT"
    )


def test_a_websocket_takes_trusted_documents_alone(production: str, copilot: FakeCopilot) -> None:
    stream = operation("AskStream")
    payloads: list[dict[str, Any]] = [
        {"documentId": f"sha256:{sha256(stream)}"},
        {"extensions": {"persistedQuery": {"sha256Hash": sha256(stream)}}},
        {"query": " ".join(stream.split())},
    ]
    with connect(production, bearer(ANN)) as socket:
        initialise(socket, {})
        for body in REFUSED:
            send(socket, body)
            refused = json.loads(socket.recv(timeout=5))
            assert (refused["type"], refused["id"]) == ("error", "1")
            assert refused["payload"][0]["extensions"]["code"] == "UNTRUSTED_DOCUMENT"
        assert not copilot.asked
        for body in payloads:
            send(socket, body)
            last = until_complete(socket)[-1]
            assert last["data"]["ask"]["__typename"] == "Answer"


def send(socket: Any, body: dict[str, Any]) -> None:
    payload = {**body, "variables": QUESTION}
    socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))


def test_the_demo_takes_any_operation(demo: str) -> None:
    assert "errors" not in post(demo, "{ me { sub } }").json()


@pytest.mark.parametrize(
    "text",
    [
        "query A { me { sub } } query B { me { sub } }",
        "fragment F on Me { sub }",
        "type T { a: Int }  query A { me { sub } }",
        "query A {",
    ],
)
def test_a_file_holds_one_operation_with_its_fragments(tmp_path: Path, text: str) -> None:
    (tmp_path / "A.graphql").write_text("query A { me { ...F } } fragment F on Me { sub }")
    TrustedDocuments.load(tmp_path)
    (tmp_path / "B.graphql").write_text(text)
    with pytest.raises(Misconfigured, match=r"B\.graphql"):
        TrustedDocuments.load(tmp_path)
