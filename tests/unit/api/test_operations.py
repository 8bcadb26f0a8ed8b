"""The committed schema is the one that is served, and the clients' operations run against it."""

from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate

from copilot.api.schema import sdl
from tests.unit.api.fakes import ANN, LEE, QUOTE
from tests.unit.api.live import OPERATIONS, bearer, operation, post

NAMES = sorted(file.stem for file in OPERATIONS.glob("*.graphql"))


def test_the_committed_schema_is_up_to_date() -> None:
    assert (OPERATIONS.parent / "schema.graphql").read_text() == sdl(), "run: copilot schema"


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_is_valid_and_named_like_its_file(name: str) -> None:
    document = parse(operation(name))
    assert validate(build_schema(sdl()), document) == []
    assert [definition.name.value for definition in document.definitions] == [name]  # type: ignore[attr-defined]


def test_there_is_an_operation_for_each_act() -> None:
    assert set(NAMES) == {
        "AccessGrants",
        "Answer",
        "ApproveAccess",
        "Ask",
        "AskStream",
        "Certificate",
        "Checkpoints",
        "DeleteDocument",
        "Document",
        "EndAccess",
        "Entities",
        "Entity",
        "HoldDocument",
        "Ingest",
        "Ledger",
        "LedgerEntry",
        "LedgerProof",
        "Me",
        "Paths",
        "Provenance",
        "RateAnswer",
        "ReinstatePrincipal",
        "RelabelDocument",
        "Replay",
        "ReleaseHold",
        "RequestAccess",
        "RevokePrincipal",
        "Search",
        "WhatDid",
        "WhoSaw",
    }


def test_no_internal_id_is_in_the_schema(server: str) -> None:
    assert "labelid" not in sdl().lower()
    found = post(server, operation("Search"), {"question": "q"}, bearer(ANN))
    assert "4711" not in found.text


@pytest.mark.parametrize(
    ("name", "variables", "kind"),
    [
        ("Ask", {"question": "who?"}, "Answer"),
        ("Answer", {"id": "a1"}, "Answer"),
        ("Search", {"question": "who?", "k": 3}, "SearchResult"),
        ("Document", {"id": "d1"}, "Document"),
        ("Document", {"id": "d2"}, "NotFound"),
        ("Entity", {"name": "Kestrel Holdings"}, "Entity"),
        ("Entities", {"words": "Kestrel"}, "EntityConnection"),
        ("Replay", {"entry": "l1"}, "Replay"),
        ("Replay", {"entry": "l2"}, "NotFound"),
        ("Provenance", {"id": "a1"}, "Provenance"),
        ("Provenance", {"id": "a2"}, "NotFound"),
        ("Paths", {"fromName": "Kestrel Holdings", "toEntity": "e2"}, "EntityPaths"),
    ],
)
def test_an_operation_gives_its_outcome(
    server: str, name: str, variables: dict[str, Any], kind: str
) -> None:
    result = post(server, operation(name), variables, bearer(ANN)).json()
    assert "errors" not in result
    assert result["data"][name.lower()]["__typename"] == kind


def test_an_answer_has_the_fields_of_results(server: str) -> None:
    answer = post(server, operation("Ask"), {"question": "who?"}, bearer(ANN)).json()["data"]["ask"]
    assert answer == {
        "__typename": "Answer",
        "text": QUOTE,
        "banner": "S//HARBOR",
        "answerId": "a1",
        "ledgerId": "l1",
        "model": "extractive",
        "redactions": [],
        "notice": None,
        "sentences": [
            {
                "text": QUOTE,
                "marking": "(S//HARBOR)",
                "citations": [
                    {
                        "documentId": "d1",
                        "partId": "p1",
                        "chunkId": "c1",
                        "start": 0,
                        "end": len(QUOTE),
                        "quote": QUOTE,
                        "quoteSha256": "00" * 32,
                        "entities": ["Kestrel Holdings"],
                        "relation": "owns",
                        "label": {
                            "marking": "(S//HARBOR)",
                            "tenant": "t1",
                            "classification": "S",
                            "compartments": ["HARBOR"],
                            "releasableTo": None,
                            "authorities": [],
                            "handling": [],
                        },
                    }
                ],
            }
        ],
    }


def test_a_context_has_its_marking_and_arms(server: str) -> None:
    found = post(server, operation("Search"), {"question": "q"}, bearer(ANN)).json()
    [context] = found["data"]["search"]["contexts"]
    assert context["marking"] == "(S//HARBOR)"
    assert context["arms"] == [{"arm": "vector", "rank": 1, "score": 0.5}]
    assert context["title"] is None


def test_entries_of_the_ledger_are_shown_whole(server: str) -> None:
    page = post(server, operation("Ledger"), headers=bearer(LEE)).json()["data"]["ledger"]
    node = page["edges"][0]["node"]
    assert node["kind"] == "ASK"
    assert node["details"] == {"question": "who?"}
    assert node["recordedAt"].startswith("2026-01-02T00:00:00")


def test_the_operations_folder_is_data() -> None:
    assert not list(Path(OPERATIONS.parent).rglob("*.py"))
