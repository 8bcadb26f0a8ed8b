"""The benches of large corpora, over one that is small: they ask the product, and what they count is right."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from copilot.bench import filtered, large, scale
from copilot.bench.clearances import ALL, SHOWN, TENTH
from copilot.bench.report import Figure, Report
from copilot.projection import schema
from copilot.settings import Settings
from policy.errors import BadInput, CopilotError
from retrieval import vector
from retrieval.stores.neo4j.server import Neo4j
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

CHUNKS = 400
NAMES = ["Alder", "Marlpit", "Kestrel", "Sable", "Heron", "Drell", "Corvane", "Pell"]


@pytest.fixture
def small(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A public corpus of a few passages, of which some hundred chunks are made."""
    folder = tmp_path / "data" / "hotpot-train"
    folder.mkdir(parents=True)
    passages = [
        {"id": name, "title": name, "text": f"{name} is a ship. It was built beside {other}."}
        for name, other in zip(NAMES, NAMES[1:] + NAMES[:1], strict=True)
    ]
    asked = [{"question": f"What was built beside {name}?"} for name in NAMES[:3]]
    for file, rows in (("corpus", passages), ("queries", asked)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{file}.jsonl").write_text(lines, "utf-8")
    monkeypatch.setenv("COPILOT_SHARED_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COPILOT_BENCH_CHUNKS", str(CHUNKS))
    return Settings(data_dir=tmp_path / "state", models_dir=models_dir)


async def test_each_clearance_is_measured_and_everything_near_is_found(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await filtered.run(small)
    assert found.environment["chunks"] >= CHUNKS
    for shown in SHOWN:
        assert found.figures[f"{shown}/authorized_recall@10"].value == 1.0
        for arm in ("vector", "keyword"):
            assert 0 < found.figures[f"{shown}/{arm}_p50"].value < 10_000

    async def nothing(*_: object, **__: object) -> list[object]:
        return []

    monkeypatch.setattr(vector, "search", nothing)
    found = await filtered.run(small)
    assert not found.figures[f"{ALL}/authorized_recall@10"].passed


async def test_the_whole_search_is_measured_alone_and_at_once(small: Settings) -> None:
    found = await scale.run(small)
    for shown in SHOWN:
        assert (
            found.figures[f"{shown}/graph_p95"].value < found.figures[f"{shown}/search_p95"].value
        )
    for way in ("at_once", "at_once_in_one_process"):
        assert found.figures[f"{ALL}/{way}"].value > 0
    for memory in ("resident_memory", "memory_of_all_processes"):
        assert 50 < found.figures[memory].value < 3_000
        assert found.figures[memory].goal is None  # it is promised of other sizes


async def test_with_a_neo4j_the_graph_is_measured_over_it_and_one_with_another_graph_is_left_alone(
    small: Settings, neo4j: Neo4jServer
) -> None:
    server = Neo4j(neo4j.url, user="neo4j", password=neo4j.password, timeout_s=30)
    await schema.migrate(server)
    await server.run("MATCH (n) WHERE NOT n:Migration DETACH DELETE n")
    small = replace(small, neo4j_url=neo4j.url, neo4j_password=neo4j.password, neo4j_timeout_s=30.0)
    found = await scale.run(small)
    assert found.figures[f"{ALL}/neo4j/graph_p95"].value > 0
    [[chunks]] = await server.run("MATCH (c:Chunk) RETURN count(c)")
    assert chunks == found.environment["chunks"]
    await server.run("MATCH (p:Projection) SET p.generation = 'another'")
    with pytest.raises(CopilotError, match="not whole"):
        await scale.run(small)
    assert [[chunks]] == await server.run("MATCH (c:Chunk) RETURN count(c)")
    await server.close()


def test_over_neo4j_the_graph_has_sixty_milliseconds() -> None:
    made = Report(name="any")
    for name in (ALL, scale._NEO4J):
        scale._add(made, name, [{"search": 90.0, "graph": 60.5}])
    made.figures[f"{ALL}/at_once"] = Figure(value=50.0, unit="/s")
    scale._stated(made)
    assert made.figures[f"{ALL}/neo4j/graph_p95"].goal == 60.0
    assert not made.figures[f"{ALL}/neo4j/graph_p95"].passed


def test_goals_are_those_that_are_promised_at_each_size() -> None:
    def report() -> Report:
        made = Report(name="any")
        for shown in SHOWN:
            scale._add(
                made, shown, [{"search": 90.0, "graph": 30.0, "vector": 9.0, "keyword": 9.0}]
            )
        made.figures[f"{ALL}/at_once"] = Figure(value=39.0, unit="/s")
        return made

    hundred_thousand, million = report(), report()
    scale._stated(hundred_thousand)
    filtered._goals(hundred_thousand, large.CHUNKS)
    filtered._goals(million, large.MILLION)
    goals = {name: one.goal for name, one in hundred_thousand.figures.items() if one.goal}
    assert goals == {
        f"{ALL}/search_p95": 100.0,
        f"{ALL}/graph_p95": 40.0,
        f"{ALL}/vector_p95": 20.0,
        f"{ALL}/keyword_p95": 15.0,
        f"{ALL}/at_once": 40.0,
    }
    assert not hundred_thousand.figures[f"{ALL}/at_once"].passed
    goals = {name: one.goal for name, one in million.figures.items() if one.goal}
    assert goals == {
        f"{ALL}/vector_p95": 120.0,
        f"{TENTH}/vector_p95": 30.0,
        f"{ALL}/keyword_p95": 60.0,
        f"{TENTH}/keyword_p95": 12.0,
    }


@pytest.mark.parametrize("given", ["0", "-1", "many", "1e6"])
def test_a_size_that_is_none_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_BENCH_CHUNKS", given)
    with pytest.raises(BadInput, match="COPILOT_BENCH_CHUNKS"):
        large.size()
