"""The operator's commands over a real Postgres and a real Neo4j."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copilot import command_line as program
from copilot.commands import graph, operate
from copilot.projection import schema
from copilot.settings import Settings
from policy.errors import Misconfigured, Unavailable
from retrieval.stores.neo4j.server import Neo4j
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def configured(settings: Settings, case_file: str, neo4j: Neo4jServer) -> Settings:
    """The case file in Postgres, and a Neo4j."""
    return replace(
        settings,
        database_url=case_file,
        neo4j_url=neo4j.url,
        neo4j_password=neo4j.password,
        neo4j_timeout_s=20.0,
    )


@pytest.fixture
async def server(neo4j: Neo4jServer) -> AsyncIterator[Neo4j]:
    """As it comes from the box: without a schema and without data."""
    opened = Neo4j(neo4j.url, user="neo4j", password=neo4j.password, timeout_s=20)
    await opened.run("MATCH (n) DETACH DELETE n")
    for [name] in await opened.run("SHOW CONSTRAINTS YIELD name"):
        await opened.run(f"DROP CONSTRAINT {name}")
    for [name] in await opened.run(
        "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"
    ):
        await opened.run(f"DROP INDEX {name}")
    yield opened
    await opened.run("MATCH (n) DETACH DELETE n")
    await schema.migrate(opened)
    await opened.close()


def typed(*words: str) -> Any:
    return program._parser().parse_args(words)


async def test_migrate_rebuild_verify(
    configured: Settings, server: Neo4j, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await operate.migrate(configured, typed("migrate")) == 0
    names = ("0001_projection", "0002_provenance")
    assert capsys.readouterr().out == "".join(f"applied neo4j {name}\n" for name in names)
    assert await operate.migrate(configured, typed("migrate")) == 0
    assert capsys.readouterr().out == "nothing to apply\n"
    assert await graph.rebuild(configured, typed("graph", "rebuild")) == 0
    capsys.readouterr()
    assert await graph.verify(configured, typed("graph", "verify", "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verified"]
    assert told["differences"] == []
    assert len(told["labels"]) > 3
    assert all(one["same"] and one["postgres"] == one["neo4j"] for one in told["labels"])
    assert await graph.verify(configured, typed("graph", "verify")) == 0
    assert capsys.readouterr().out.startswith("graph verified: ")


async def test_verify_names_what_differs_by_its_id_and_label_and_fails(
    configured: Settings,
    server: Neo4j,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph, "_PAUSE_S", 0.0)
    await graph.rebuild(configured, typed("graph", "rebuild"))
    [[chunk, name]] = await server.run(
        "MATCH (c:Chunk)-[m:MENTIONS]->(e) WITH c, m, e LIMIT 1 DELETE m RETURN c.chunk_id, e.key"
    )
    capsys.readouterr()
    assert await graph.verify(configured, typed("graph", "verify", "--json")) == 1
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert not told["verified"]
    assert told["differences"] == [f"only in Postgres: mention {chunk}"]
    assert [one["same"] for one in told["labels"]].count(False) == 1
    assert name not in printed.out + printed.err
    assert await graph.verify(configured, typed("graph", "verify")) == 1
    assert "differs from Postgres under 1 labels" in capsys.readouterr().out


async def test_doctor_says_how_far_it_is_behind(
    configured: Settings, server: Neo4j, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await operate.doctor(configured, typed("doctor")) == 1
    assert "neo4j: Neo4j lacks the migration 0001_projection; run" in capsys.readouterr().err
    await graph.rebuild(configured, typed("graph", "rebuild"))
    assert await operate.doctor(configured, typed("doctor")) == 0
    assert "neo4j: ok, kept, nothing waits" in capsys.readouterr().out
    dead = replace(configured, neo4j_url="bolt://127.0.0.1:9", neo4j_timeout_s=1.0)
    assert await operate.doctor(dead, typed("doctor")) == 1
    assert "neo4j: the graph does not answer" in capsys.readouterr().err


async def test_a_neo4j_that_is_too_old_is_named_and_left_alone(
    configured: Settings,
    server: Neo4j,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schema, "OLDEST", (9999, 1))
    said = r"a Neo4j [\d.]+; 9999.1 or newer is needed"
    for command in (operate.migrate, graph.rebuild, graph.verify):
        with pytest.raises(Misconfigured, match=said):
            await command(configured, typed("graph", "verify"))
    assert await operate.doctor(configured, typed("doctor")) == 1
    assert "9999.1 or newer is needed" in capsys.readouterr().err
    assert await server.run("MATCH (n) RETURN n") == []


async def test_stopped_nothing_is_noted_and_nobody_reads(
    configured: Settings, server: Neo4j, capsys: pytest.CaptureFixture[str]
) -> None:
    await graph.rebuild(configured, typed("graph", "rebuild"))
    assert await graph.stop(configured, typed("graph", "stop")) == 0
    with pytest.raises(Misconfigured, match="graph rebuild"):
        await graph.verify(configured, typed("graph", "verify"))


async def test_without_a_neo4j_the_commands_say_what_to_set(settings: Settings) -> None:
    for command in (graph.verify, graph.rebuild, graph.stop):
        with pytest.raises(Misconfigured, match="NEO4J_URL and NEO4J_PASSWORD"):
            await command(settings, typed("graph", "verify"))


async def test_a_dead_neo4j_is_said_by_migrate(configured: Settings) -> None:
    dead = replace(configured, neo4j_url="bolt://127.0.0.1:9", neo4j_timeout_s=1.0)
    with pytest.raises(Unavailable):
        await operate.migrate(dead, typed("migrate"))


async def test_a_history_of_neo4j_that_was_edited_or_is_newer_is_refused(
    server: Neo4j, tmp_path: Path
) -> None:
    file = tmp_path / "0001_first.cypher"
    file.write_text("// a; comment;\nCREATE INDEX a IF NOT EXISTS FOR (t:Trial) ON (t.a);\n")
    assert await schema.migrate(server, tmp_path) == ["0001_first"]
    assert await schema.migrate(server, tmp_path) == []
    file.write_text("CREATE INDEX b IF NOT EXISTS FOR (t:Trial) ON (t.b);\n")
    with pytest.raises(Misconfigured, match="0001_first was changed"):
        await schema.migrate(server, tmp_path)
    file.unlink()
    with pytest.raises(Misconfigured, match="0001_first, which this version does not know"):
        await schema.migrate(server, tmp_path)


def test_the_installation_has_cypher_migrations_that_may_be_repeated() -> None:
    """A schema command is no part of a transaction: one that broke off is run again."""
    [first, *_] = schema.migrations()
    found = schema.statements(first.sql)
    assert len(found) > 5
    assert all("IF NOT EXISTS" in one for one in found)
