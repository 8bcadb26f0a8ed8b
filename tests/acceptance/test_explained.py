"""Over HTTP each context says how it was found: by which arms, at which ranks, over which names."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copilot.settings import Settings
from retrieval.entities import normalise
from tests.acceptance.test_graphql import LiveServer, run
from tests.servers.product import serve

CHAIN = "Who is a director of the firm that owns Alder Shipping?"


def contexts(live: LiveServer, **variables: Any) -> list[dict[str, Any]]:
    found = run(live, "lead", "Search", question=CHAIN, **variables)["search"]
    assert found["contexts"]
    return list(found["contexts"])


@pytest.mark.parametrize("k", [None, 20])
def test_each_context_names_its_arms_with_ranks_and_scores(
    live_server: LiveServer, k: int | None
) -> None:
    for one in contexts(live_server, k=k):
        arms = [hit["arm"] for hit in one["arms"]]
        assert arms
        assert len(set(arms)) == len(arms)
        assert all(hit["rank"] >= 1 and isinstance(hit["score"], float) for hit in one["arms"])


def test_no_two_contexts_stand_at_one_rank_of_an_arm(live_server: LiveServer) -> None:
    ranks = [
        (hit["arm"], hit["rank"]) for one in contexts(live_server, k=20) for hit in one["arms"]
    ]
    assert len(set(ranks)) == len(ranks)


def test_what_the_graph_found_tells_the_names_that_led_to_it(live_server: LiveServer) -> None:
    found = contexts(live_server, k=20)
    for one in found:
        assert bool(one["path"]) == any(hit["arm"] == "graph" for hit in one["arms"])
    starts = {normalise(one["path"][0]) for one in found if one["path"]}
    assert any("alder shipping" in one for one in starts)


@pytest.fixture
def without_graphrag(case_file: str, models_dir: Path, tmp_path: Path) -> Iterator[LiveServer]:
    settings = Settings(data_dir=tmp_path, models_dir=models_dir, database_url=case_file)
    with serve(replace(settings, policy_timeout_s=10, graphrag_enabled=False)) as server:
        yield server


def test_without_graphrag_meaning_alone_finds_and_answers(without_graphrag: LiveServer) -> None:
    found = contexts(without_graphrag, k=20)
    assert {hit["arm"] for one in found for hit in one["arms"]} == {"vector"}
    assert [one["arms"][0]["rank"] for one in found] == sorted(
        one["arms"][0]["rank"] for one in found
    )
    assert not any(one["path"] for one in found)
    question = "Who is our informant PILOTFISH?"
    answer = run(without_graphrag, "lead", "Ask", question=question, details=True)["ask"]
    assert answer["__typename"] == "Answer"
    assert set(answer["explanation"]["arms"]) == {"vector"}
