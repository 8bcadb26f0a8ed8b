"""Neo4j struck down under load: answers go on without it and say so, or there are none; and it is over by itself."""

import json
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import httpx2
import psycopg
import pytest

from copilot.app import build
from copilot.commands import graph
from copilot.commands.asker import as_asker
from copilot.commands.operate import migrate
from copilot.ingest.documents import Document, Part
from copilot.settings import Settings
from copilot.tokens import issue
from policy.labels import Classification, Label
from policy.principal import Principal
from tests.servers.neo4j import Neo4jServer
from tests.servers.outage import Load, Reply, program
from tests.servers.product import SECRET, people

NEO4J_S = 8.0
SLACK_S = 8.0
"""What an answer takes besides, on a busy machine."""
BACK_S = 90.0
"""After Neo4j answers again, everything does, what was changed meanwhile included. On an idle machine it takes seconds;
the bound is that of one which runs several suites at once."""
STRICT = "strict"
"""The tenant that wants the graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The running program, its database and its Neo4j."""

    base_url: str
    settings: Settings
    neo4j: Neo4jServer

    @property
    def lead(self) -> Principal:
        return people()["lead"]

    @property
    def strict(self) -> Principal:
        return replace(self.lead, tenant=STRICT, sub="strict-lead")

    def ingest(self, who: Principal, document_id: str) -> None:
        """By another process than the one that serves, as far as the graph is concerned."""
        label = Label(tenant=who.tenant, classification=Classification.U)
        text = f"Vessel {document_id.title()} Heron berthed at Kestrel Quay on 3 February 2024."
        document = Document(
            document_id=document_id,
            title=f"Berth note {document_id}",
            label=label,
            parts=(Part(label=label, text=text),),
            source="",
        )

        async def run() -> None:
            async with build(replace(self.settings, neo4j_url=None)) as copilot:
                assert (await copilot.ingest(as_asker(who), [document])).ingested == 1

        anyio.run(run)

    def delete(self, who: Principal, document_id: str) -> None:
        async def run() -> None:
            async with build(replace(self.settings, neo4j_url=None)) as copilot:
                await copilot.administration.delete(as_asker(who), document_id)

        anyio.run(run)

    def ready(self) -> httpx2.Response:
        return httpx2.get(f"{self.base_url}/readyz", timeout=10)

    def load(self) -> Load:
        """Three clients of the one tenant, one of the other."""
        made = Load(self.base_url)
        for number, operation in enumerate(("Search", "Search", "Ask")):
            made.client(f"lead {number}", _token(self.lead), operation)
        made.client(STRICT, _token(self.strict), "Search")
        return made

    def recorded(self) -> dict[str, list[str]]:
        """Ledger id → which arms its record says did not answer."""
        query = "SELECT ledger_id, value FROM ledger_openings WHERE name = 'degraded'"
        with psycopg.connect(self.settings.database_url or "") as owner:
            return {one: json.loads(bytes(value)) for one, value in owner.execute(query)}

    def waiting(self) -> int:
        with psycopg.connect(self.settings.database_url or "") as owner:
            [row] = owner.execute("SELECT count(*) FROM graph_outbox").fetchall()
        return int(row[0])


def _token(who: Principal) -> str:
    return issue(who, SECRET, audience=Settings().jwt_audience)


@pytest.fixture
def world(case_file: str, models_dir: Path, tmp_path: Path, neo4j: Neo4jServer) -> Iterator[World]:
    tenants = tmp_path / "tenants.json"
    tenants.write_text(json.dumps({STRICT: {"graph_required": True}}))
    settings = Settings(
        data_dir=tmp_path,
        models_dir=models_dir,
        database_url=case_file,
        tenants=tenants,
        neo4j_url=neo4j.url,
        neo4j_password=neo4j.password,
        neo4j_timeout_s=30,
        database_timeout_s=30,
        policy_timeout_s=30,
    )
    env = {
        "COPILOT_DATA_DIR": str(tmp_path),
        "COPILOT_MODELS_DIR": str(models_dir),
        "DATABASE_URL": case_file,
        "COPILOT_TENANTS": str(tenants),
        "NEO4J_URL": neo4j.url,
        "NEO4J_PASSWORD": neo4j.password,
        "COPILOT_NEO4J_TIMEOUT": str(NEO4J_S),
        # A busy machine must not look like another outage.
        "COPILOT_DATABASE_TIMEOUT": "30",
        "COPILOT_POLICY_TIMEOUT": "30",
    }
    anyio.run(migrate, settings, Namespace())
    anyio.run(graph.rebuild, settings, Namespace())
    with program(env, tmp_path) as base_url:
        made = World(base_url=base_url, settings=settings, neo4j=neo4j)
        for who in (made.lead, made.strict):
            made.ingest(who, "first")
        yield made


def whole(replies: Sequence[Reply]) -> bool:
    """Whether everybody's last three are what they are with the graph."""
    by_client: dict[str, list[Reply]] = {}
    for one in replies:
        by_client.setdefault(one.client, []).append(one)
    return len(by_client) == 4 and all(
        len(some) >= 3 and all(_released(one) and not one.noticed for one in some[-3:])
        for some in by_client.values()
    )


def without(replies: Sequence[Reply]) -> bool:
    """Whether everybody has had three replies without the graph."""
    lost = [one.client for one in replies if one.noticed or one.kind == "Unavailable"]
    return len(set(lost)) == 4 and all(lost.count(one) >= 3 for one in lost)


def _released(one: Reply) -> bool:
    return one.kind in {"Answer", "SearchResult", "NotFound"}


def _withdrawn(one: Reply, deleting: tuple[float, float]) -> bool:
    """Whether it was stopped because what it may rest on was deleted while it was written."""
    began, ended = deleting
    stopped = one.kind == "Denied" and one.result["reason"] == "changed"
    return stopped and one.began < ended and one.ended > began


def _governed(
    world: World, load: Load, struck: float, deleting: tuple[float, float] = (0.0, 0.0)
) -> None:
    """Each reply said what it lacked, recorded it, and came in time; nobody who wants the graph went without."""
    recorded = world.recorded()
    for one in load.replies:
        assert one.began < struck or one.seconds < NEO4J_S + SLACK_S, one
        if one.client == STRICT:
            assert not one.noticed
            assert _released(one) or one.result.get("dependency") == "neo4j", one
        else:
            assert _released(one) or _withdrawn(one, deleting), one
        if _released(one):
            assert recorded[one.result["ledgerId"]] == (["graph"] if one.noticed else []), one
    noticed = sum(one.noticed for one in load.replies)
    metrics = httpx2.get(f"{world.base_url}/metrics").text
    line = next(
        one for one in metrics.splitlines() if one.startswith("copilot_degraded_searches_t")
    )
    assert float(line.split()[-1]) >= noticed > 0


def test_killed_under_load_and_started_again(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    load = world.load()
    try:
        load.until(whole, time.monotonic(), 60)
        killed = time.monotonic()
        world.neo4j.kill()
        load.until(without, killed, 30)
        assert world.ready().status_code == 503, "for the sake of the tenant that wants it"
        world.ingest(world.lead, "second")
        deleting = time.monotonic()
        world.delete(world.lead, "first")
        deleted = time.monotonic() + 1  # when every process knows of it
        assert world.waiting() > 0
        world.neo4j.start()
        back = load.until(whole, time.monotonic(), BACK_S)
        late = [one for one in load.since(killed) if one.client != STRICT and one.noticed]
        assert late, "they went on without"
        assert world.ready().json() == {
            "ready": True,
            "dependencies": {"postgres": "ok", "policy": "ok", "ledger": "ok", "neo4j": "ok"},
        }
    finally:
        load.stop()
    assert world.waiting() == 0, "the process that serves has carried everything over"
    _governed(world, load, killed, (deleting, deleted))
    assert anyio.run(graph.verify, world.settings, Namespace(json=False)) == 0
    print(f"whole again {back:.1f} s after Neo4j answered; {capsys.readouterr().out.strip()}")


def test_hanging_it_is_waited_for_once_and_no_more(world: World) -> None:
    load = world.load()
    try:
        load.until(whole, time.monotonic(), 60)
        world.neo4j.freeze()
        frozen = time.monotonic()
        try:
            load.until(without, frozen, 30)
            later = time.monotonic()
            load.until(without, later, 30)
            assert max(one.seconds for one in load.since(later)) < NEO4J_S, "nobody waits again"
        finally:
            world.neo4j.thaw()
        load.until(whole, time.monotonic(), BACK_S)
    finally:
        load.stop()
    _governed(world, load, frozen)
