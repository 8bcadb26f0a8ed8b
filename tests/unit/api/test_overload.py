"""No document, however it is built, keeps the server busy or tells more than it should."""

import json
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.unit.api.fakes import ANN, FakeCopilot
from tests.unit.api.live import bearer, operation, post, post_json
from tests.unit.api.sockets import connect, exchange, initialise

ASK = 'ask(question: "who?") { __typename }'
SKIP = "@skip(if: false)"
NESTED = "[" * 60 + "]" * 60


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ me { " + "sub " * 11 + "} }", "11 fields of one name in one place, limit 10"),
        ("{ " + "__typename " * 500 + "}", "500 fields of one name in one place, limit 10"),
        ("{ " + "... { me { sub tenant } } " * 200 + "}", "600 fields, limit 500"),
        ("{ " + "... { me { sub } } " * 21 + "}", "root fields: 21, limit 20"),
        (
            "{ me { ...A ...A } } fragment A on Me { " + "...B " * 20 + "} fragment B on Me { "
            "sub tenant clearance nationality roles purposes fields ... { sub tenant clearance "
            "nationality roles purposes fields } }",
            "selects too many fields: 561, limit 500",
        ),
        ("{ __typename " + "@aa " * 5 + "}", "5 directives in one place, limit 4"),
        (f"{{ me {{ {f'sub {SKIP} ' * 10} tenant {SKIP} }} }}", None),
        ("{ " + f"... {SKIP} {{ __typename }} " * 31 + "}", "31 directives, limit 30"),
        (" ".join(f"query Q{i} {{ me {{ sub }} }}" for i in range(6)), "6 operations, limit 5"),
        (
            "{ me { sub } } " + " ".join(f"fragment F{i} on Me {{ sub }}" for i in range(21)),
            "21 fragments, limit 20",
        ),
        ("{ " + " ".join(f"... {{ a{i}: __typename }}" for i in range(21)) + " }", "aliases: 21"),
        (
            "{ ...A ...A ...A } fragment A on Query { __typename me { sub } "
            + "... { __typename } " * 6
            + "}",
            "root fields: 24, limit 20",
        ),
        ("{ a" * 41 + " }" * 41, "deeper than 40 brackets"),
        ("{ a" * 900 + " }" * 900, "deeper than 40 brackets"),
        ("{ ask(question: " + NESTED + ") { __typename } }", "deeper than 40 brackets"),
        ("{ me { sub } } #" + "x" * 50_000, "characters, limit 50000"),
        ('{ ask(question: "' + "x" * 50_000 + '") { __typename } }', "put values into variables"),
    ],
)
@pytest.mark.timed
def test_a_document_that_is_too_much_is_refused_before_it_is_validated(
    server: str, copilot: FakeCopilot, query: str, says: str | None
) -> None:
    began = time.perf_counter()
    response = post(server, query, headers=bearer(ANN))
    assert time.perf_counter() - began < 2
    if says is None:
        assert "errors" not in response.json()
        return
    [error] = response.json()["errors"]
    assert says in error["message"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "TOO_LARGE")
    assert not copilot.asked


def test_brackets_in_texts_and_comments_do_not_nest(server: str, copilot: FakeCopilot) -> None:
    open_ = "{[(" * 30
    query = f'{{ ask(question: "{open_}\\"{open_}", reason: """{open_}"{open_}""") {{ __typename }} }} # {open_}'
    assert "errors" not in post(server, query, headers=bearer(ANN)).json()
    assert copilot.asked[0][1] == f'{open_}"{open_}'


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": [value]}
    return value


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"documents": [{}] * 1001}, "1001 items, limit 1000"),
        ({"documents": [{"metadata": {"a": {"b": [1] * 1001}}}]}, "1001 items, limit 1000"),
        ({"documents": deep(20)}, "nested deeper than 40 levels"),
        ({"unused": deep(400)}, "nested deeper than 40 levels"),
    ],
)
def test_variables_that_are_too_much_are_refused(
    production: str, copilot: FakeCopilot, variables: dict[str, Any], says: str
) -> None:
    response = post(production, operation("Ingest"), variables, bearer(ANN))
    [error] = response.json()["errors"]
    assert says in error["message"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "TOO_LARGE")
    assert not copilot.taken


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"query": operation("Me"), "operationName": {}}, "`operationName` must be a string"),
        ({"query": operation("Me"), "operationName": 7}, "`operationName` must be a string"),
        ({"query": operation("Me"), "extensions": []}, "`extensions` must be an object"),
        ({"documentId": ["x"]}, "`documentId` must be a string"),
        ({"query": None}, "No GraphQL query"),
    ],
)
def test_a_request_of_the_wrong_types_is_a_clear_400(
    production: str, body: dict[str, Any], says: str
) -> None:
    response = post_json(production, body, bearer(ANN))
    assert response.status_code == 400
    assert says in response.json()["errors"][0]["message"]


def test_a_document_of_many_mistakes_is_told_a_few(server: str) -> None:
    wrong = " ".join(f"wrong{i}" for i in range(200))
    errors = post(server, f"{{ {wrong} }}", headers=bearer(ANN)).json()["errors"]
    assert len(errors) == 10


HINTS: list[tuple[str, dict[str, Any]]] = [
    ("{ me { su } }", {}),
    ("{ mee { sub } }", {}),
    ("{ ask(questio: 1) { __typename } }", {}),
    ("{ ask(question: 1) { text } }", {}),
    ('{ document(id: "d") { titel } }', {}),
    ("query($l: LabelInpu) { me { sub } }", {}),
    ("{ me { sub @ski(if: true) } }", {}),
    ("{ me @include(i: true) { sub } }", {}),
    ("{ ledger(kind: ASC) { __typename } }", {}),
    ("query($k: LedgerKind) { ledger(kind: $k) { __typename } }", {"k": "ASC"}),
    (operation("Ingest"), {"documents": [{"id": "d", "parts": [], "titel": "x"}]}),
    ("mutation { ingest(documents: [{idd: 1}]) { ingested } }", {}),
    ("{ ...F } fragment F on Quer { me { sub } }", {}),
]


@pytest.mark.parametrize(("query", "variables"), HINTS)
def test_names_of_the_schema_are_not_proposed(
    server: str, demo: str, query: str, variables: dict[str, Any]
) -> None:
    response = post(server, query, variables, bearer(ANN))
    assert response.json()["errors"]
    assert "did you mean" not in response.text.lower()
    assert post(demo, query, variables).json()["errors"]


def test_the_demo_proposes_names(demo: str) -> None:
    assert "Did you mean 'sub'" in post(demo, "{ me { su } }").text


@pytest.mark.parametrize(
    "message",
    [
        [],
        7,
        "x",
        None,
        {},
        {"type": []},
        {"type": "x" * 500},
        {"type": "é" * 500},
        {"type": "subscribe"},
        {"type": "subscribe", "id": ["1"], "payload": {}},
        {"type": "subscribe", "id": "1"},
        {"type": "complete", "id": {}},
        {"type": "connection_init"},
    ],
)
def test_a_message_that_is_none_closes_the_websocket_with_a_reason(
    server: str, message: Any
) -> None:
    with connect(server, bearer(ANN)) as socket:
        initialise(socket, {})
        socket.send(json.dumps(message))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert 4400 <= closed.value.rcvd.code < 4500
    assert closed.value.rcvd.reason


@pytest.mark.parametrize(
    "payload",
    [None, 7, [], {}, {"query": 7}, {"query": "{ me { sub } }", "variables": [1]}],
)
def test_a_payload_of_the_wrong_types_is_refused_and_the_websocket_goes_on(
    server: str, payload: Any
) -> None:
    with connect(server, bearer(ANN)) as socket:
        initialise(socket, {})
        refused = exchange(socket, {"type": "subscribe", "id": "1", "payload": payload})
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == "BAD_REQUEST"
        assert exchange(socket, {"type": "ping"})["type"] == "pong"


@pytest.mark.parametrize(
    "payload",
    [
        {"query": "{ me } é" + "x" * 1000},
        {"query": "query A { me { sub } }", "operationName": "é" * 1000},
        {"query": "fragment A on Me { sub }"},
        {"query": "{ me { " + "wrong " * 9 + "} }"},
    ],
)
@pytest.mark.parametrize("transport", ["websocket", "events", "plain"])
def test_an_operation_that_is_none_is_the_clients_mistake(
    server: str, payload: dict[str, Any], transport: str
) -> None:
    if transport == "websocket":
        with connect(server, bearer(ANN)) as socket:
            initialise(socket, {})
            message = exchange(socket, {"type": "subscribe", "id": "1", "payload": payload})
            assert message["type"] == "error"
            said = json.dumps(message)
    else:
        accept = {"Accept": "text/event-stream"} if transport == "events" else {}
        response = post_json(server, payload, {**bearer(ANN), **accept})
        assert response.status_code in {200, 400}
        said = response.text
    assert "GRAPHQL_INVALID" in said or "BAD_REQUEST" in said
    assert "INTERNAL" not in said


def test_a_message_of_a_websocket_is_limited_and_nothing_is_compressed(server: str) -> None:
    with connect(server, bearer(ANN)) as socket:
        assert socket.protocol.extensions == []
        initialise(socket, {})
        socket.send(json.dumps({"type": "ping", "payload": {"x": "y" * (1 << 20)}}))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
