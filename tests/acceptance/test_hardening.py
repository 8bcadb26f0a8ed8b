"""The checks that graphql-cop publishes, each against the real program and each without a finding.

Every check is run twice: as `copilot serve` comes, with trusted documents alone, and with any operation
taken, so that what stands behind the allow-list is seen to hold by itself. A check asks as somebody whom
the server knows; who has no token gets 401 and nothing else, whatever they send.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.servers import postgres as postgres_server
from tests.unit.api.live import operation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.product import LiveServer

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TYPENAME = {"query": "query cop { __typename }"}
INGEST = "mutation cop { __typename }"
CIRCULAR = "{ name " + "type { name fields { name " * 6 + "} } " * 6 + "}"


@pytest.fixture(scope="module", params=["production", "any operation"])
def server(
    request: pytest.FixtureRequest,
    postgres: str,
    case_file_template: str,
    models_dir: "Path",
    tmp_path_factory: pytest.TempPathFactory,
) -> "Iterator[LiveServer]":
    from copilot.settings import Settings
    from tests.servers.product import serve

    uri = postgres_server.clone(postgres, case_file_template)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("live"), models_dir=models_dir, database_url=uri
    )
    trusted = request.param == "production"
    with serve(replace(settings, policy_timeout_s=10.0, trusted_documents=trusted)) as live:
        yield live
    postgres_server.drop(postgres, uri)


def send(
    server: "LiveServer",
    method: str = "POST",
    *,
    body: object = None,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> httpx2.Response:
    if body is not None:
        options["content"] = json.dumps(body)
    return httpx2.request(
        method,
        f"{server.base_url}/graphql",
        headers={
            "Authorization": f"Bearer {server.tokens['analyst']}",
            **(JSON if headers is None else headers),
        },
        timeout=20,
        **options,
    )


def refused(response: httpx2.Response, errors: int = 1) -> None:
    """No data, and few words on why: graphql-cop looks for data and counts errors."""
    assert response.status_code < 500
    assert response.json().get("data") is None
    assert 1 <= len(response.json()["errors"]) <= errors


def test_alias_overloading(server: "LiveServer") -> None:
    aliases = " ".join(f"alias{i}: __typename" for i in range(101))
    refused(send(server, body={"query": f"query cop {{ {aliases} }}"}))


def test_array_based_query_batching(server: "LiveServer") -> None:
    refused(send(server, body=[TYPENAME] * 10))
    refused(send(server, body=[{"query": operation("Me")}] * 10))


def test_directive_overloading(server: "LiveServer") -> None:
    refused(send(server, body={"query": "query cop { __typename " + "@aa" * 10 + " }"}))
    refused(
        send(server, body={"query": "query cop { __typename " + "@skip(if: false) " * 10 + "}"})
    )


def test_circular_introspection(server: "LiveServer") -> None:
    query = f"query cop {{ __schema {{ types {{ name fields {CIRCULAR} }} }} }}"
    refused(send(server, body={"query": query}), errors=10)


def test_field_duplication(server: "LiveServer") -> None:
    refused(send(server, body={"query": "query cop { " + "__typename \n" * 500 + "}"}))
    inline = "... { me { sub tenant } } " * 200
    refused(send(server, body={"query": f"query cop {{ {inline} }}"}))


@pytest.mark.parametrize(
    "query",
    [
        "query cop { __schema { directive } }",
        "query cop { m { sub } }",
        "query cop { me { su } }",
        "query cop { me(x: 1) { sub } }",
        "query cop { ask(questio: 1) { __typename } }",
        "query cop { ledger(kind: ASC) { __typename } }",
    ],
)
def test_field_suggestions(server: "LiveServer", query: str) -> None:
    response = send(server, body={"query": query})
    assert "did you mean" not in response.text.lower()
    assert response.json()["errors"]


@pytest.mark.parametrize("query", ["query cop { __typename }", INGEST])
def test_queries_and_mutations_by_get(server: "LiveServer", query: str) -> None:
    for headers in ({}, JSON, {"Accept": "application/json"}):
        response = send(server, "GET", params={"query": query}, headers=headers)
        assert response.status_code == 405
        assert "data" not in response.json()


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        (FORM, "query=query+cop+%7B__typename%7D"),
        (FORM, json.dumps(TYPENAME)),
        ({"Content-Type": "text/plain"}, json.dumps(TYPENAME)),
        ({}, json.dumps(TYPENAME)),
        ({"Content-Type": "application/graphql"}, "query cop { __typename }"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "--x--"),
    ],
)
def test_queries_by_forms(server: "LiveServer", headers: dict[str, str], content: str) -> None:
    response = send(server, headers=headers, content=content)
    assert response.status_code == 415
    assert "data" not in response.json()


@pytest.mark.parametrize("path", ["/", "/graphql", "/graphiql", "/playground", "/console"])
def test_no_query_page_is_there(server: "LiveServer", path: str) -> None:
    response = httpx2.get(f"{server.base_url}{path}", headers={"Accept": "text/html"})
    assert response.status_code in {404, 405}
    words = ("graphiql", "graphql playground", "apollo", "<html", "<script")
    assert not [word for word in words if word in response.text.lower()]


@pytest.mark.parametrize(
    "query",
    [
        "query cop { __schema { types { name fields { name } } } }",
        "query IntrospectionQuery { __schema { queryType { name } } }",
        'query cop { __type(name: "Query") { name fields { name } } }',
        "query cop { ...F } fragment F on Query { __schema { types { name } } }",
    ],
)
def test_introspection(server: "LiveServer", query: str) -> None:
    response = send(server, body={"query": query})
    refused(response, errors=10)
    assert "SearchResult" not in response.text


def test_no_tracing_and_no_debug_information(server: "LiveServer") -> None:
    body = {"query": operation("Me"), "extensions": {"tracing": True}}
    response = send(server, body=body)
    assert set(response.json()) == {"data"}
    for header in ("server", "x-powered-by", "via", "x-debug"):
        assert header not in response.headers


@pytest.mark.parametrize(
    "body",
    [
        {"query": "qwerty cop { abc }"},
        {"query": "query cop { abc }"},
        {"query": 7},
        {"query": operation("Document"), "variables": {"id": {"a": 1}}},
        {"query": operation("Search"), "variables": {"question": "x", "k": 2**40}},
        {"query": operation("Search"), "variables": {"question": "x", "k": 1e999}},
        {"query": operation("Me"), "operationName": "Other"},
        {"query": operation("Me"), "variables": {"unknown": 1}},
    ],
)
def test_errors_are_handled(server: "LiveServer", body: dict[str, Any]) -> None:
    response = send(server, body=body)
    assert response.status_code < 500
    said = response.text.lower()
    words = ("exception", "traceback", "internal", "stack", ".py", "strawberry", "postgres")
    assert not [word for word in words if word in said]


def test_a_stranger_gets_nothing_but_401(server: "LiveServer") -> None:
    for body in (
        TYPENAME,
        {"query": operation("Me")},
        {"query": "{ __schema { types { name } } }"},
    ):
        response = httpx2.post(f"{server.base_url}/graphql", json=body)
        assert response.status_code == 401
        assert set(response.json()) == {"errors"}


def test_no_page_of_another_origin_can_ask(server: "LiveServer") -> None:
    headers = {**JSON, "Origin": "https://attacker.example"}
    response = send(server, body={"query": operation("Me")}, headers=headers)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


def test_every_operation_of_the_clients_still_runs(server: "LiveServer") -> None:
    assert send(server, body={"query": operation("Me")}).json()["data"]["me"]["sub"] == "analyst"
    given = {"query": operation("Search"), "variables": {"question": "PILOTFISH", "k": 1}}
    assert send(server, body=given).json()["data"]["search"]["__typename"] == "SearchResult"
