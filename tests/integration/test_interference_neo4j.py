"""With the graph in a real Neo4j: what is hidden matters to nobody, and a filter that is missing there is found."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from copilot.app import engine_of
from copilot.projection import schema
from copilot.settings import Settings
from eval.interference.bench import Bench
from eval.interference.corpora import draw
from eval.interference.embedded_once import EmbeddedOnce
from eval.interference.graphs import InNeo4j
from eval.interference.pairs import Pair, compared, prepared
from eval.interference.run import Size, interference, migrated
from eval.oracle import may_read
from retrieval.embedding import load
from retrieval.stores.neo4j import graph
from retrieval.stores.neo4j.server import Neo4j
from retrieval.stores.postgres.graph import PostgresGraph
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

CORPUS = 38
"""As for the mutants of SQL: names that hidden and visible passages share, relations, transfers."""
MOST = 6
"""Outputs of each reader besides what the stores give by themselves, which is what these mutants change."""
Mutation = Callable[[str], str]


def forgetful(block: str) -> str:
    """With every label, wherever one is asked for; the hints still need the column."""
    return re.sub(r"(\w+\.label_id) IN \$labels", r"\1 >= 0", block)


def degree_of_all(block: str) -> str:
    """Counts hidden mentions as well, and shows none."""
    clause = "e.entity_id IN asked AND e.label_id"
    assert f"{clause} IN $labels" in block
    return block.replace(f"{clause} IN $labels", f"{clause} >= 0")


# One end of a hop covers for the other, since no edge joins two labels: a predicate alone is not missed there.
MUTANTS = [
    ("linked", forgetful),
    ("around", forgetful),
    ("around", degree_of_all),
    ("neighbours", forgetful),
]


@pytest.fixture(scope="module")
async def server(neo4j: Neo4jServer) -> AsyncIterator[Neo4j]:
    opened = Neo4j(neo4j.url, user="neo4j", password=neo4j.password, timeout_s=30)
    await schema.migrate(opened)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def bench(models_dir: Path, server: Neo4j) -> AsyncIterator[Bench]:
    settings = Settings(models_dir=models_dir, database_timeout_s=30, policy_timeout_s=30)
    engine, embedder = engine_of(settings), load(models_dir)
    yield Bench(
        settings=settings,
        engine=engine,
        embedder=EmbeddedOnce(embedder),
        graphs=InNeo4j(server),
    )
    await engine.close()
    embedder.close()


@pytest.fixture(scope="module")
async def pair(bench: Bench, postgres: str) -> AsyncIterator[Pair]:
    async with (
        migrated(postgres) as template,
        prepared(bench, template, draw(CORPUS, may_read), most=MOST) as made,
    ):
        yield made


async def test_nothing_hidden_matters_however_the_corpus_came_in(
    bench: Bench, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is any of it answered from the graph in Postgres, or without one."""
    for name in ("linked", "around", "neighbours"):
        monkeypatch.delattr(PostgresGraph, name)
    tally = await interference(bench, postgres, Size(corpora=3, of_each=10, least=60), ingested=1)
    assert tally.wrong == []
    assert tally.degraded == 0
    assert tally.compared >= 60
    assert tally.probed >= 50


@pytest.mark.parametrize(
    ("block", "change"), MUTANTS, ids=lambda one: getattr(one, "__name__", one)
)
async def test_a_hop_without_its_label_is_found(
    bench: Bench, pair: Pair, monkeypatch: pytest.MonkeyPatch, block: str, change: Mutation
) -> None:
    blocks = {**graph._CYPHER._blocks, block: change(graph._CYPHER._blocks[block])}
    monkeypatch.setattr(graph._CYPHER, "_blocks", blocks)
    tally = await compared(bench, pair)
    assert tally.wrong
    assert tally.degraded == 0
