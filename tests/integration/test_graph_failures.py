"""A Neo4j that is down, hangs or talks nonsense: said within the time limit, and over when it is back."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from copilot.app import build
from copilot.commands.asker import as_asker
from copilot.ingest.documents import Document, Part
from copilot.settings import Settings
from policy.errors import Unavailable
from policy.labels import Classification, Label
from retrieval.stores.neo4j.server import Neo4j
from tests.integration.graph_world import GraphWorld, graph_world
from tests.integration.test_ingest import HIGH, LOW, TEXT, U, document
from tests.servers.chaos import Fault, Kind, Proxy
from tests.servers.neo4j import Neo4jServer
from tests.servers.product import people

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

TIMEOUT_S = 3.0


BACK_S = 10.0
"""After it answers again, reads go to it again, on a busy machine."""


class Bolt:
    """Counts what is sent as requests; all that is falsified becomes bytes that mean nothing."""

    def requests(self, sent: bytes) -> int:
        return 1

    def falsified(self, answer: bytes, fault: Fault) -> bytes:
        return b"\x00\x02\xb1\x7f\x00\x00" if fault.kind is Kind.NONSENSE else b"\x00\x00"


@pytest.fixture
async def world(database_url: str, neo4j: Neo4jServer) -> AsyncIterator[GraphWorld]:
    async with graph_world(database_url, neo4j, timeout_s=TIMEOUT_S) as made:
        # A first query is planned, which may take longer than the limit of these tests.
        patient = Neo4j(neo4j.url, user="neo4j", password=neo4j.password, timeout_s=20)
        made.server, tight = patient, made.server
        made.__post_init__()
        await made.world.take(document("a", title="Kestrel Quay"))
        await made.projector.catch_up()
        await made.seen(HIGH)
        made.server = tight
        made.__post_init__()
        yield made
        await patient.close()


async def refused(world: GraphWorld) -> float:
    """Seconds until a read said that the graph is unavailable."""
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await world.seen(LOW)
    assert caught.value.dependency == "neo4j"
    return time.monotonic() - began


async def back(world: GraphWorld) -> Any:
    """What is seen once reads go to Neo4j again."""
    with anyio.fail_after(BACK_S):
        while True:
            try:
                return await world.seen(LOW)
            except Unavailable:
                await anyio.sleep(0.05)


async def test_once_it_hangs_nobody_waits_for_it_again(
    world: GraphWorld, neo4j: Neo4jServer
) -> None:
    expected = await world.seen(LOW)
    neo4j.freeze()
    try:
        assert await refused(world) >= TIMEOUT_S
        for _ in range(20):
            assert await refused(world) < TIMEOUT_S / 4
    finally:
        neo4j.thaw()
    assert await back(world) == expected


async def test_killed_it_is_unavailable_at_once_and_back_without_a_restart_of_ours(
    world: GraphWorld, neo4j: Neo4jServer
) -> None:
    before = await world.seen(LOW)
    neo4j.kill()
    try:
        assert await refused(world) < TIMEOUT_S + 0.5
        await world.world.take(document("b", (U, f"{TEXT} Elsa Vance saw it.")))
        with pytest.raises(Unavailable):
            await world.projector.step()
        assert (await world.projector.backlog()).changes > 0, "which waits"
    finally:
        await anyio.to_thread.run_sync(neo4j.start)
    with anyio.fail_after(60):
        while True:
            try:
                await world.projector.catch_up()
                assert await world.differences() == ()
                break
            except Unavailable:
                await anyio.sleep(0.5)
    with anyio.fail_after(60):
        while True:
            try:
                assert await world.seen(LOW) == await world.expected(LOW) != before
                break
            except Unavailable:
                await anyio.sleep(0.5)


@pytest.mark.parametrize("kind", Kind)
async def test_whatever_it_does_a_read_ends_within_the_limit(
    world: GraphWorld, neo4j: Neo4jServer, kind: Kind
) -> None:
    address = urlsplit(neo4j.url)
    with Proxy(Bolt, lambda: asyncio.open_connection(address.hostname, address.port)) as proxy:
        through = Neo4j(
            f"bolt://127.0.0.1:{proxy.port}",
            user="neo4j",
            password=neo4j.password,
            timeout_s=TIMEOUT_S,
        )
        world.server = through
        world.__post_init__()
        try:
            expected = await world.seen(LOW)
            proxy.strike(Fault(kind=kind))
            assert await refused(world) < TIMEOUT_S + 0.5
            assert await refused(world) < TIMEOUT_S + 0.5
            proxy.heal()
            assert await back(world) == expected
        finally:
            await through.close()


async def test_a_wrong_password_is_said_without_it(neo4j: Neo4jServer) -> None:
    server = Neo4j(neo4j.url, user="neo4j", password="hunter2", timeout_s=5)
    with pytest.raises(Unavailable, match="NEO4J_USER and NEO4J_PASSWORD") as caught:
        await server.run("RETURN 1")
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__!r}"
    await server.close()


async def test_a_dead_neo4j_fails_no_ingest_and_what_it_lacks_waits(
    settings: Settings, neo4j: Neo4jServer
) -> None:
    """Taken in while it is down; the next process that reaches it carries everything over."""
    lead = as_asker(people()["lead"])
    label = Label(tenant=lead.principal.tenant, classification=Classification.U)
    one = Document(
        document_id="a", title="Note", label=label, parts=(Part(label=label, text=TEXT),), source=""
    )
    dead = replace(
        settings, neo4j_url="bolt://127.0.0.1:9", neo4j_password="x", neo4j_timeout_s=1.0
    )
    async with graph_world(settings.database_url or "", neo4j) as world:
        async with build(dead) as copilot:
            report = await copilot.ingest(lead, [one])
        assert (report.ingested, report.rejected) == (1, ())
        assert (await world.projector.backlog()).changes == 1
        alive = replace(
            settings,
            neo4j_url=neo4j.url,
            neo4j_password=neo4j.password,
            neo4j_timeout_s=20,
            database_timeout_s=20,
        )
        async with build(alive) as copilot:
            assert (await copilot.search(lead, "Who owns Alder Shipping?")).kind == "SearchResult"
        assert (await world.projector.backlog()).changes == 0
        assert await world.differences() == ()
