"""No request can ask for more than the limits say; what is refused says what and how much."""

import json
import time
from typing import Any

import httpx2
import pytest
from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
)

from copilot.api.cost import COSTS, LENGTHS, SIZES
from copilot.api.limits import Limits
from copilot.api.schema import GovernedSchema
from copilot.api.server import create_app
from copilot.ingest.documents import Document, Rejected
from tests.unit.api.fakes import ANN, LEE, FakeCopilot
from tests.unit.api.live import bearer, operation, post, running

ASK = 'ask(question: "who?") { __typename }'


def error_of(response: httpx2.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["errors"][0]
    return error


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ " + " ".join(f"a{i}: {ASK}" for i in range(6)) + " }", "cost 1200, limit 1000"),
        ("{ " + " ".join(f"a{i}: __typename" for i in range(21)) + " }", "aliases: 21, limit 20"),
        ("{ " + " ".join("__typename" for _ in range(2000)) + " }", "more than 2000 tokens"),
        ('{ search(question: "q", k: 101) { __typename } }', "k must be from 1 to 100"),
        ('{ search(question: "q", k: 0) { __typename } }', "k must be from 1 to 100"),
        ("{ ledger(first: 101) { __typename } }", "first must be from 1 to 100"),
    ],
)
def test_what_asks_for_too_much_is_refused(
    server: str, copilot: FakeCopilot, query: str, says: str
) -> None:
    error = error_of(post(server, query, headers=bearer(ANN)))
    assert says in error["message"]
    assert error["extensions"]["code"] in {"TOO_LARGE", "GRAPHQL_INVALID", "BAD_INPUT"}
    assert not copilot.asked
    assert not copilot.auditing.calls


def test_depth_is_limited(copilot: FakeCopilot) -> None:
    with running(create_app(copilot, limits=Limits(depth=4))) as url:
        error = error_of(post(url, operation("Ask"), {"question": "who?"}, bearer(ANN)))
    assert "depth 5, limit 4" in error["message"]
    assert not copilot.asked


@pytest.mark.parametrize("tail", ["__typename", "a: __typename", "me { sub }"])
@pytest.mark.timed
def test_fragments_that_multiply_are_measured_at_once(server: str, tail: str) -> None:
    spreads = " ".join(f"fragment f{i} on Query {{ ...f{i + 1} ...f{i + 1} }}" for i in range(60))
    query = f"{{ ...f0 }} {spreads} fragment f60 on Query {{ {tail} }}"
    began = time.perf_counter()
    post(server, query, headers=bearer(ANN))
    assert time.perf_counter() - began < 2


def test_a_list_counts_as_often_as_its_argument_says(server: str) -> None:
    query = "query($k: Int!) { " + " ".join(
        f'a{i}: search(question: "q", k: $k) {{ ... on SearchResult {{ contexts {{ label {{ marking }} }} }} }}'
        for i in range(5)
    )
    few = post(server, query + " }", {"k": 5}, bearer(ANN))
    many = post(server, query + " }", {"k": 100}, bearer(ANN))
    assert "errors" not in few.json()
    assert "cost 1250, limit 1000" in error_of(many)["message"]


@pytest.mark.parametrize(
    "query",
    [
        '{ search(question: "q") { __typename } }',
        'query($k: Int = 7) { search(question: "q", k: $k) { __typename } }',
    ],
)
def test_arguments_may_be_left_out(server: str, query: str) -> None:
    assert "errors" not in post(server, query, headers=bearer(ANN)).json()


def test_each_list_of_objects_has_an_assumed_length() -> None:
    """A new list field without a length would count as one object, whatever it holds."""
    schema = GovernedSchema(Limits(), introspection=True)._schema
    lists = {
        f"{type_.name}.{name}"
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
        for name, field in type_.fields.items()
        if is_composite_type(get_named_type(field.type)) and _is_list(field.type)
    }
    assert lists == set(LENGTHS)
    acts = {
        f"{root.name}.{name}"
        for root in (schema.query_type, schema.mutation_type, schema.subscription_type)
        if root is not None
        for name in root.fields
    }
    assert acts - {"Query.me"} == set(COSTS)
    assert set(SIZES) <= acts


def _is_list(type_: object) -> bool:
    if isinstance(type_, GraphQLNonNull):
        return _is_list(type_.of_type)
    return isinstance(type_, GraphQLList)


def test_a_question_of_100_kb_reaches_the_core(server: str, copilot: FakeCopilot) -> None:
    question = "why " * 25_600
    post(server, operation("Ask"), {"question": question}, bearer(ANN))
    assert [len(asked) for _, asked in copilot.asked] == [len(question)]


def test_a_body_over_the_limit_is_refused(server: str, copilot: FakeCopilot) -> None:
    response = post(server, operation("Ask"), {"question": "x" * (13 << 20)}, bearer(ANN))
    assert response.status_code == 413
    assert "larger than 12582912 bytes" in error_of(response)["message"]
    assert error_of(response)["extensions"]["code"] == "TOO_LARGE"
    assert not copilot.asked


def test_a_body_without_a_length_is_counted(copilot: FakeCopilot) -> None:
    def chunks() -> Any:
        for _ in range(20):
            yield b" " * 1024

    headers = {**bearer(ANN), "Content-Type": "application/json"}
    with running(create_app(copilot, limits=Limits(body_bytes=10_000))) as url:
        response = httpx2.post(f"{url}/graphql", content=chunks(), headers=headers)
    assert response.status_code == 413


def test_a_body_that_does_not_come_is_given_up(copilot: FakeCopilot) -> None:
    def slowly() -> Any:
        yield b"{"
        time.sleep(1)
        yield b"}"

    headers = {**bearer(ANN), "Content-Type": "application/json"}
    with running(create_app(copilot, limits=Limits(body_s=0.2))) as url:
        response = httpx2.post(f"{url}/graphql", content=slowly(), headers=headers)
    assert response.status_code == 408


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "text/json"],
)
def test_only_json_is_taken(server: str, copilot: FakeCopilot, kind: str) -> None:
    """These types need no preflight: with them any web page could make a browser ask."""
    body = json.dumps({"query": operation("Ask"), "variables": {"question": "who?"}})
    headers = {**bearer(ANN), **({"Content-Type": kind} if kind else {})}
    response = httpx2.post(f"{server}/graphql", content=body, headers=headers)
    assert response.status_code == 415
    assert not copilot.asked


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[]", "one operation"),
        (b'[{"query": "{ me { sub } }"}]', "one operation"),
        (b"{", "no JSON"),
        (b'{"query": NaN}', "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"{}", "No GraphQL query"),
        (b'{"query": 7}', "must be a string"),
        (b'{"query": "{ me { sub } }", "variables": []}', "must be an object"),
    ],
)
def test_a_malformed_body_is_a_clear_400(server: str, body: bytes, says: str) -> None:
    headers = {**bearer(ANN), "Content-Type": "application/json"}
    response = httpx2.post(f"{server}/graphql", content=body, headers=headers)
    assert response.status_code == 400
    assert says in error_of(response)["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_only_post_is_taken(server: str, copilot: FakeCopilot, method: str) -> None:
    params = {"query": f"{{ {ASK} }}"}
    response = httpx2.request(method, f"{server}/graphql", params=params, headers=bearer(ANN))
    assert response.status_code == 405
    assert not copilot.asked


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (operation("Ask"), {"question": "a\0b"}),
        (operation("Ask"), {"question": "a\ud800b"}),
        ('{ ask(question: "a\\u0000b") { __typename } }', {}),
        (operation("Ask"), {"question": "a", "purpose": "\0"}),
    ],
)
def test_text_that_no_store_can_keep_is_bad_input(
    server: str, copilot: FakeCopilot, query: str, variables: dict[str, Any]
) -> None:
    error = error_of(post(server, query, variables, bearer(ANN)))
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert "NUL" in error["message"]
    assert not copilot.asked


@pytest.mark.timed
def test_an_operation_ends_in_time(copilot: FakeCopilot) -> None:
    copilot.delay_s = 30
    with running(create_app(copilot, limits=Limits(operation_s=0.2))) as url:
        response = post(url, operation("Ask"), {"question": "who?"}, bearer(ANN))
    assert response.elapsed.total_seconds() < 1.5
    assert error_of(response)["extensions"]["code"] == "TIMEOUT"
    assert "0.2 s" in error_of(response)["message"]


def test_introspection_is_for_the_demo_only(server: str) -> None:
    response = post(server, "{ __schema { types { name } } }", headers=bearer(ANN))
    assert "introspection" in error_of(response)["message"].lower()
    hint = post(server, "{ me { su } }", headers=bearer(ANN))
    assert "did you mean" not in hint.text.lower()


def test_the_demo_can_be_introspected(demo: str) -> None:
    assert "errors" not in post(demo, "{ __schema { types { name } } }").json()


def test_ingest_takes_parts_by_their_labels(server: str, copilot: FakeCopilot) -> None:
    secret = {"classification": "S", "compartments": ["HARBOR"], "releasableTo": ["USA"]}
    documents = [
        {
            "id": "d1",
            "title": "One",
            "parts": [
                {"text": "open", "label": {"classification": "U"}},
                {"text": "secret", "label": secret},
                {"text": "open too", "label": {"classification": "U"}},
            ],
            "metadata": {"place": "port"},
        },
        {"id": "d2", "parts": []},
        {"id": "d3", "parts": [{"text": "x", "label": {"classification": "U", "tenant": "t9"}}]},
        {"id": "d4", "parts": [{"text": "x", "label": {"classification": "U"}}], "metadata": 7},
    ]
    report = post(server, operation("Ingest"), {"documents": documents}, bearer(ANN)).json()
    assert report["data"]["ingest"]["ingested"] == 1
    taken = [one for one in copilot.taken if isinstance(one, Document)]
    assert [(str(p.label.classification), p.text) for p in taken[0].parts] == [
        ("U", "open\n\nopen too"),
        ("S", "secret"),
    ]
    assert taken[0].label.releasable_to == frozenset(["USA"])
    rejected = [one for one in copilot.taken if isinstance(one, Rejected)]
    assert [one.source for one in rejected] == ["documents[1]", "documents[2]", "documents[3]"]
    assert "tenant" in rejected[1].reason


def test_ingest_takes_so_many_documents_at_once(server: str, copilot: FakeCopilot) -> None:
    document = {"id": "d", "parts": [{"text": "x", "label": {"classification": "U"}}]}
    response = post(server, operation("Ingest"), {"documents": [document] * 501}, bearer(ANN))
    assert error_of(response)["extensions"]["code"] == "BAD_INPUT"
    assert not copilot.taken


def test_the_ledger_comes_in_pages(server: str, copilot: FakeCopilot) -> None:
    given = {"first": 1, "after": "l0", "sub": "ann", "kind": "ASK"}
    page = post(server, operation("Ledger"), given, bearer(LEE)).json()["data"]["ledger"]
    assert copilot.auditing.calls == [{"first": 1, "after": "l0", "sub": "ann", "kind": "ask"}]
    assert page["edges"][0]["cursor"] == page["pageInfo"]["endCursor"] == "l1"
    assert page["pageInfo"]["hasNextPage"]
