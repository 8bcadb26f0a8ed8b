"""The questions that the operator's page documents are answered in Neo4j as it says."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.stores.postgres.database import Database
from tests.integration.asking import Asking, asked, chunks
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "provenance-graph.md"


@pytest.fixture
async def world(
    database: Database, neo4j: Neo4jServer, models_dir: Path, tmp_path: Path
) -> AsyncIterator[Asking]:
    async with asked(database.url, neo4j, models_dir, tmp_path) as made:
        yield made


def documented(language: str) -> dict[str, str]:
    """The statements of the operator's page, by name."""
    found = re.findall(rf"```{language}\n(.*?)```", DOCUMENTATION.read_text("utf-8"), re.DOTALL)
    named = [re.fullmatch(r"(?:// name: (\w+)\n)?(.*)", one, re.DOTALL) for one in found]
    return {one[1] or "": one[2] for one in named if one is not None}


async def test_the_documented_questions_are_answered(world: Asking) -> None:
    every = [row[0] for row in world.rows("SELECT label_id FROM labels")]
    ann, low, other = (world.given[who] for who in ("ann", "low", "other"))
    [model] = await world.nodes("Model")
    [(part_id,)] = world.rows(
        "SELECT part_id FROM chunks WHERE chunk_id = ANY(%s)", list(chunks(low))
    )
    values = {
        "answer_id": ann.answer_id,
        "part_id": part_id,
        "ledger_id": ann.ledger_id,
        "provider": model["provider"],
        "name": model["name"],
        "since": "2026-01-01T00:00:00Z",
    }
    statements = documented("cypher")

    async def told(name: str, labels: list[int]) -> list[list[Any]]:
        return await world.graph.cypher(statements[name], labels=labels, **values)

    [[ledger_id, leaf_hash, _, _, models, passages]] = await told("answer", every)
    assert ledger_id == ann.ledger_id
    assert re.fullmatch("[0-9a-f]{64}", leaf_hash)
    assert models == [f"{model['provider']} {model['name']}"]
    assert set(passages) == chunks(ann)
    assert {low.answer_id, other.answer_id} <= {row[0] for row in await told("passages", every)}
    same = await told("investigation", every)
    assert {ann.ledger_id, low.ledger_id} <= {row[0] for row in same}
    assert other.ledger_id not in {row[0] for row in same}
    assert "NotFound" in {row[1] for row in same}
    by_model = {row[0] for row in await told("model", every)}
    assert by_model >= {ann.answer_id, low.answer_id, other.answer_id}
    assert {row[0] for row in await told("shared", every)} >= chunks(low)
    for name in statements:
        assert await told(name, []) == []


async def test_the_documented_labels_are_those_of_a_reader(world: Asking) -> None:
    """With the labels that are open to somebody they find what bears these, and nothing of what bears others."""
    [statement] = documented("sql").values()
    labels = [row[0] for row in world.rows(statement)]
    assert labels
    statements = documented("cypher")
    hidden = {"labels": labels, "answer_id": world.given["ann"].answer_id}
    assert await world.graph.cypher(statements["answer"], **hidden) == []
    shown = hidden | {"answer_id": world.given["low"].answer_id}
    [[ledger_id, *_, passages]] = await world.graph.cypher(statements["answer"], **shown)
    assert ledger_id == world.given["low"].ledger_id
    assert set(passages) == chunks(world.given["low"])
