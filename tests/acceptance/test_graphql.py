"""The clients' operations over HTTP and websocket, against the real program with the sample case file.

`live_server` gives `base_url` and `tokens`, a bearer token for each principal of the case file.
"""

import hashlib
import json
from typing import Any, Protocol

import httpx2
import pytest

from tests.unit.api.live import operation, post
from tests.unit.api.sockets import connect, initialise, subscribe, until_complete

QUESTION = "Who is our informant PILOTFISH?"
LEAD_ONLY = "Daniel Ferro"
UNKNOWN = "no-such-document"


class LiveServer(Protocol):
    @property
    def base_url(self) -> str: ...

    @property
    def tokens(self) -> dict[str, str]: ...


def run(live: LiveServer, who: str, operation_: str, /, **variables: Any) -> dict[str, Any]:
    """The data of an operation that must end without errors."""
    result = raw(live, who, operation_, **variables).json()
    assert "errors" not in result, result
    data: dict[str, Any] = result["data"]
    return data


def raw(live: LiveServer, who: str, operation_: str, /, **variables: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {live.tokens[who]}"}
    return post(live.base_url, operation(operation_), variables, headers)


def ask(live: LiveServer, who: str, question: str = QUESTION) -> dict[str, Any]:
    answer: dict[str, Any] = run(live, who, "Ask", question=question)["ask"]
    return answer


def code_of(response: httpx2.Response) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code


def test_everyone_is_who_their_token_says(live_server: LiveServer) -> None:
    for who in live_server.tokens:
        assert run(live_server, who, "Me")["me"]["sub"] == who


def test_an_answer_cites_the_exact_text(live_server: LiveServer) -> None:
    answer = ask(live_server, "lead")
    assert answer["__typename"] == "Answer"
    assert LEAD_ONLY in answer["text"]
    citations = [c for sentence in answer["sentences"] for c in sentence["citations"]]
    assert all(sentence["citations"] for sentence in answer["sentences"])
    for citation in citations:
        document = run(live_server, "lead", "Document", id=citation["documentId"])["document"]
        [text] = [p["text"] for p in document["parts"] if p["partId"] == citation["partId"]]
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert hashlib.sha256(citation["quote"].encode()).hexdigest() == citation["quoteSha256"]


def test_two_people_get_the_answers_that_each_may_have(live_server: LiveServer) -> None:
    lead, trainee = ask(live_server, "lead"), ask(live_server, "trainee")
    assert LEAD_ONLY in lead["text"]
    assert LEAD_ONLY not in json.dumps(trainee)


def test_details_are_there_for_roles_that_open_them(live_server: LiveServer) -> None:
    answer = run(live_server, "lead", "Ask", question=QUESTION, details=True)["ask"]
    assert answer["explanation"]["arms"]
    assert answer["timingsMs"]
    assert answer["usage"]["inputTokens"] >= 0


def test_a_stored_answer_is_authorised_anew(live_server: LiveServer) -> None:
    stored = ask(live_server, "lead")
    again = run(live_server, "lead", "Answer", id=stored["answerId"])["answer"]
    assert (again["text"], again["sentences"]) == (stored["text"], stored["sentences"])
    other = run(live_server, "trainee", "Answer", id=stored["answerId"])["answer"]
    assert other["__typename"] == "NotFound"
    absent = run(live_server, "trainee", "Answer", id=UNKNOWN)["answer"]
    assert {**other, "ledgerId": ""} == {**absent, "ledgerId": ""}


def test_a_hidden_document_looks_like_one_that_is_not_there(live_server: LiveServer) -> None:
    cited = {
        citation["documentId"]
        for sentence in ask(live_server, "lead")["sentences"]
        for citation in sentence["citations"]
    }
    views = [run(live_server, "trainee", "Document", id=one)["document"] for one in cited]
    hidden = [view for view in views if view["__typename"] == "NotFound"]
    absent = run(live_server, "trainee", "Document", id=UNKNOWN)["document"]
    assert hidden
    assert all({**view, "ledgerId": ""} == {**absent, "ledgerId": ""} for view in hidden)


def test_a_search_gives_distinct_documents(live_server: LiveServer) -> None:
    found = run(live_server, "lead", "Search", question=QUESTION, k=5)["search"]
    ids = [context["documentId"] for context in found["contexts"]]
    assert len(ids) == len(set(ids)) == 5
    assert all(context["marking"].startswith("(") for context in found["contexts"])


def test_an_entity_is_what_the_asker_may_see_of_it(live_server: LiveServer) -> None:
    lead = run(live_server, "lead", "Entity", name="Sable Heron")["entity"]
    trainee = run(live_server, "trainee", "Entity", name="Sable Heron")["entity"]
    assert lead["__typename"] == "Entity"
    assert lead["mentionCount"] > trainee.get("mentionCount", 0)


def test_entities_come_page_by_page_and_as_far_as_the_asker_may_see_them(
    live_server: LiveServer,
) -> None:
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = run(live_server, "lead", "Entities", words="Drell", first=1, after=after)["entities"]
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    whole = run(live_server, "lead", "Entities", words="Drell")["entities"]
    assert found == [edge["node"] for edge in whole["edges"]]
    less = run(live_server, "trainee", "Entities", words="Drell")["entities"]
    known = {edge["node"]["entityId"]: edge["node"] for edge in less.get("edges", [])}
    counts = {one["entityId"]: one["passageCount"] for one in found}
    assert set(known) <= set(counts)
    assert all(node["passageCount"] <= counts[one] for one, node in known.items())
    assert sum(node["passageCount"] for node in known.values()) < sum(counts.values())
    assert all(node["banner"] in ("U", "C") for node in known.values())


def test_a_path_cites_the_exact_text_and_is_not_there_for_who_may_not_read_it(
    live_server: LiveServer,
) -> None:
    ends = {"fromName": "Anton Drell", "toName": "Teodor Vance"}
    outcome = run(live_server, "lead", "Paths", **ends)["paths"]
    assert outcome["__typename"] == "EntityPaths"
    for path in outcome["paths"]:
        assert len(path["entities"]) == len(path["steps"]) + 1
        for relation in (one for step in path["steps"] for one in step["relations"]):
            citation = relation["citation"]
            parts = run(live_server, "lead", "Document", id=citation["documentId"])["document"][
                "parts"
            ]
            [text] = [part["text"] for part in parts if part["partId"] == citation["partId"]]
            assert text[citation["start"] : citation["end"]] == citation["quote"]
    hidden = run(live_server, "trainee", "Paths", **ends)["paths"]
    absent = run(live_server, "trainee", "Paths", fromName="Anton Drell", toName="No Body")["paths"]
    assert hidden["__typename"] == "NotFound"
    assert {**hidden, "ledgerId": ""} == {**absent, "ledgerId": ""}


def test_a_stream_sends_the_sentences_of_the_answer(live_server: LiveServer) -> None:
    with connect(live_server.base_url) as socket:
        initialise(socket, {"authorization": f"Bearer {live_server.tokens['lead']}"})
        subscribe(socket, operation("AskStream"), {"question": QUESTION})
        *sentences, outcome = [payload["data"]["ask"] for payload in until_complete(socket)]
    assert [one["__typename"] for one in sentences] == ["Sentence"] * len(sentences)
    assert outcome["__typename"] == "Answer"
    asked = ask(live_server, "lead")
    assert [one["text"] for one in sentences] == [one["text"] for one in asked["sentences"]]


def test_the_ledger_pages_without_gap_or_repetition(live_server: LiveServer) -> None:
    for _ in range(3):
        run(live_server, "analyst", "Search", question=QUESTION)
    seen: list[str] = []
    after = None
    for _ in range(3):
        page = run(live_server, "auditor", "Ledger", first=2, after=after, sub="analyst")["ledger"]
        seen += [edge["node"]["ledgerId"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) >= 3


def test_only_auditors_read_the_ledger(live_server: LiveServer) -> None:
    assert code_of(raw(live_server, "analyst", "Ledger")) == "FORBIDDEN"


def test_what_is_ingested_is_found_and_a_bad_label_is_named(live_server: LiveServer) -> None:
    text = "The lighthouse keeper Odalys Brandt repaired the fog signal in Port Mirren."
    documents = [
        {"id": "note-1", "parts": [{"text": text, "label": {"classification": "U"}}]},
        {
            "id": "note-2",
            "parts": [{"text": text, "label": {"classification": "U", "tenant": "x"}}],
        },
    ]
    report = run(live_server, "lead", "Ingest", documents=documents)["ingest"]
    assert report["ingested"] == 1
    assert report["rejected"][0]["source"] == "documents[1]"
    assert run(live_server, "lead", "Ingest", documents=documents[:1])["ingest"]["unchanged"] == 1
    answer = ask(live_server, "trainee", "Who repaired the fog signal in Port Mirren?")
    assert "Odalys Brandt" in answer["text"]


def test_an_unknown_classification_is_refused(live_server: LiveServer) -> None:
    document = {"id": "n", "parts": [{"text": "x", "label": {"classification": "COSMIC"}}]}
    response = raw(live_server, "lead", "Ingest", documents=[document])
    assert "COSMIC" in response.json()["errors"][0]["message"]


def test_only_ingesters_ingest(live_server: LiveServer) -> None:
    document = {"id": "n", "parts": [{"text": "x", "label": {"classification": "U"}}]}
    assert code_of(raw(live_server, "analyst", "Ingest", documents=[document])) == "FORBIDDEN"


@pytest.mark.parametrize("question", ["", "   ", "why " * 25_600])
def test_an_empty_or_endless_question_is_bad_input(live_server: LiveServer, question: str) -> None:
    assert code_of(raw(live_server, "analyst", "Ask", question=question)) == "BAD_INPUT"


def test_a_purpose_that_is_not_theirs_is_denied(live_server: LiveServer) -> None:
    denied = run(live_server, "analyst", "Ask", question=QUESTION, purpose="curiosity")["ask"]
    assert (denied["__typename"], denied["reason"]) == ("Denied", "purpose")


@pytest.mark.parametrize("token", ["", "nonsense"])
def test_a_wrong_token_is_refused(live_server: LiveServer, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = post(live_server.base_url, operation("Ask"), {"question": QUESTION}, headers)
    assert response.status_code == 401
    assert "token" in response.json()["errors"][0]["message"].lower()


def test_a_document_of_200_mb_is_refused_at_once(live_server: LiveServer) -> None:
    def chunks() -> Any:
        for _ in range(200):
            yield b" " * (1 << 20)

    headers = {
        "Authorization": f"Bearer {live_server.tokens['lead']}",
        "Content-Type": "application/json",
        "Content-Length": str(200 << 20),
    }
    url = f"{live_server.base_url}/graphql"
    response = httpx2.post(url, content=chunks(), headers=headers, timeout=30)
    assert response.status_code == 413
    assert code_of(response) == "TOO_LARGE"


def test_it_is_ready_and_measured(live_server: LiveServer) -> None:
    ask(live_server, "lead")
    ready = httpx2.get(f"{live_server.base_url}/readyz")
    assert ready.status_code == 200
    assert set(ready.json()["dependencies"].values()) == {"ok"}
    metrics = httpx2.get(f"{live_server.base_url}/metrics").text
    assert "copilot_stage_seconds_count" in metrics
    assert 'copilot_outcomes_total{act="ask",kind="Answer"}' in metrics
