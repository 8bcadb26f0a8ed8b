"""A Neo4j that is gone: questions are answered without the graph, and say so; or not at all, where it is wanted."""

import json
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from copilot.app import build
from copilot.commands.asker import as_asker
from copilot.results import Answer, NotFound, SearchResult, Unavailable
from copilot.settings import Settings
from tests.servers.product import people

pytestmark = pytest.mark.anyio

QUESTION = "Which vessels berthed at Kestrel Quay in February 2024?"
NOWHERE = "bolt://127.0.0.1:1"
SAID = "The graph did not answer"


@pytest.fixture
def gone(case_file: str, models_dir: Path, tmp_path: Path) -> Settings:
    """The case file, whose graph should be in a Neo4j that is not there."""
    return Settings(
        data_dir=tmp_path,
        models_dir=models_dir,
        database_url=case_file,
        neo4j_url=NOWHERE,
        neo4j_user="neo4j",
        neo4j_password="secret",
        neo4j_timeout_s=1,
    )


async def test_a_question_is_answered_without_the_graph_and_says_so(gone: Settings) -> None:
    lead = as_asker(people()["lead"])
    async with build(gone) as copilot:
        found = await copilot.search(lead, QUESTION)
        answer = await copilot.ask(lead, QUESTION)
        nothing = await copilot.ask(lead, "Who is Zebulon Quux of Norblat?")
        metrics = copilot.metrics.exposition().decode()
    assert isinstance(found, SearchResult)
    assert found.contexts
    assert SAID in (found.notice or "")
    assert isinstance(answer, Answer)
    assert SAID in (answer.notice or "")
    assert "graph" not in answer.explanation.arms
    assert isinstance(nothing, NotFound)
    assert SAID in nothing.text
    assert 'copilot_degraded_searches_total{arm="graph"} 3.0' in metrics
    assert _recorded(gone, answer.ledger_id) == ["graph"]


async def test_with_the_graph_nothing_is_said(gone: Settings) -> None:
    lead = as_asker(people()["lead"])
    async with build(replace(gone, neo4j_url=None)) as copilot:
        answer = await copilot.ask(lead, QUESTION)
    assert isinstance(answer, Answer)
    assert answer.notice is None
    assert _recorded(gone, answer.ledger_id) == []


async def test_a_tenant_that_wants_the_graph_gets_no_answer_without_it(
    gone: Settings, tmp_path: Path
) -> None:
    lead = people()["lead"]
    tenants = tmp_path / "tenants.json"
    tenants.write_text(json.dumps({lead.tenant: {"graph_required": True}}))
    async with build(replace(gone, tenants=tenants)) as copilot:
        outcomes = [
            await copilot.ask(as_asker(lead), QUESTION),
            await copilot.search(as_asker(lead), QUESTION),
        ]
    for outcome in outcomes:
        assert isinstance(outcome, Unavailable)


async def test_nor_where_the_operator_has_switched_the_graph_off(
    gone: Settings, tmp_path: Path
) -> None:
    lead, other = people()["lead"], replace(people()["lead"], tenant="other")
    tenants = tmp_path / "tenants.json"
    tenants.write_text(json.dumps({lead.tenant: {"graph_required": True}}))
    off = replace(gone, tenants=tenants, graphrag_enabled=False, neo4j_url=None)
    async with build(off) as copilot:
        wanted = await copilot.search(as_asker(lead), QUESTION)
        unasked = await copilot.search(as_asker(other), QUESTION)
    assert isinstance(wanted, Unavailable)
    assert "copilot.graphrag.enabled" in wanted.text
    assert isinstance(unasked, SearchResult)


def _recorded(settings: Settings, ledger_id: str) -> list[str]:
    """Which arms the record says did not answer."""
    assert settings.database_url
    with psycopg.connect(settings.database_url, row_factory=dict_row) as owner:
        row = owner.execute(
            "SELECT value FROM ledger_openings WHERE ledger_id = %s AND name = 'degraded'",
            [ledger_id],
        ).fetchone()
    assert row is not None
    recorded: list[str] = json.loads(bytes(row["value"]))
    return recorded


async def test_without_the_index_of_words_meaning_is_searched_alone(gone: Settings) -> None:
    assert gone.database_url
    with psycopg.connect(gone.database_url, autocommit=True) as owner:
        owner.execute("REVOKE SELECT ON posting_blocks FROM copilot_reader")
    async with build(replace(gone, neo4j_url=None)) as copilot:
        found = await copilot.search(as_asker(people()["lead"]), QUESTION)
    assert isinstance(found, SearchResult)
    assert {str(hit.arm) for one in found.contexts for hit in one.arms} == {"vector"}
    assert "The search by words did not answer" in (found.notice or "")
