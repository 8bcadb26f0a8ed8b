"""Entities and paths over GraphQL: what is asked for arrives, and what cannot be meant is refused."""

from typing import Any

import pytest

from copilot.entity_graph import End
from tests.unit.api.fakes import ANN, FakeCopilot
from tests.unit.api.live import bearer, operation, post


def test_a_page_of_entities_has_cursors_and_no_internal_id(
    server: str, shared: FakeCopilot
) -> None:
    variables = {"words": "Kestrel", "first": 7, "after": "heron"}
    found = post(server, operation("Entities"), variables, bearer(ANN)).json()["data"]["entities"]
    assert shared.graph_calls == [{"words": "Kestrel", "first": 7, "after": "heron"}]
    assert found == {
        "__typename": "EntityConnection",
        "edges": [
            {
                "cursor": "kestrel holdings",
                "node": {
                    "entityId": "e1",
                    "name": "Kestrel Holdings",
                    "entityKinds": ["organisation"],
                    "passageCount": 2,
                    "banner": "S//HARBOR",
                },
            }
        ],
        "pageInfo": {"hasNextPage": True, "endCursor": "kestrel holdings"},
        "ledgerId": "l6",
    }


def test_a_path_has_its_entities_and_what_states_each_step(
    server: str, shared: FakeCopilot
) -> None:
    variables = {"fromName": "Kestrel Holdings", "toEntity": "e2", "maxHops": 2, "first": 3}
    found = post(server, operation("Paths"), variables, bearer(ANN)).json()["data"]["paths"]
    assert shared.graph_calls == [
        {
            "start": End(name="Kestrel Holdings"),
            "end": End(entity_id="e2"),
            "most_hops": 2,
            "first": 3,
        }
    ]
    [path] = found["paths"]
    assert [one["entityId"] for one in path["entities"]] == ["e1", "e2"]
    [[relation]] = [step["relations"] for step in path["steps"]]
    assert (relation["type"], relation["sourceId"], relation["targetId"]) == ("owns", "e1", "e2")
    assert (relation["citation"]["chunkId"], relation["marking"]) == ("c1", "(S//HARBOR)")
    assert (path["banner"], found["ledgerId"]) == ("S//HARBOR", "l7")


@pytest.mark.parametrize(
    ("name", "variables", "said"),
    [
        ("Paths", {"toName": "b"}, "fromEntity or fromName"),
        ("Paths", {"fromName": "a", "fromEntity": "e1", "toName": "b"}, "and not both"),
        ("Paths", {"fromName": "a"}, "toEntity or toName"),
        ("Paths", {"fromName": "a", "toName": "b", "maxHops": 5}, "maxHops must be from 1 to 4"),
        ("Paths", {"fromName": "a", "toName": "b", "maxHops": 0}, "maxHops must be from 1 to 4"),
        ("Paths", {"fromName": "a", "toName": "b", "first": 0}, "first must be from 1 to 100"),
        ("Entities", {"words": "a", "first": 0}, "first must be from 1 to 100"),
        ("Entities", {"words": "a" * 501}, "the words has 501 characters"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_reaches_nobody(
    server: str, shared: FakeCopilot, name: str, variables: dict[str, Any], said: str
) -> None:
    [error] = post(server, operation(name), variables, bearer(ANN)).json()["errors"]
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert said in error["message"]
    assert shared.graph_calls == []


def test_more_paths_than_anybody_reads_cost_too_much(server: str, shared: FakeCopilot) -> None:
    variables = {"fromName": "a", "toName": "b", "first": 100}
    refused = post(server, operation("Paths"), variables, bearer(ANN))
    assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_LARGE"
    assert shared.graph_calls == []
