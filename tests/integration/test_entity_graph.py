"""Entities and paths as acts: governed, in the reader's scope, twice checked, recorded; on either graph store."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import anyio
import psycopg
import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.entity_graph import End
from copilot.ingest.documents import Document, Part
from copilot.ledger.verify import verify
from copilot.projection import schema
from copilot.results import Denied, EntityPage, EntityPaths, EntityView, NotFound, Unavailable
from copilot.settings import Settings
from eval.acts import as_json
from policy.errors import BadInput
from policy.labels import Classification, Label
from policy.principal import Asker
from retrieval.stores.neo4j.server import Neo4j
from retrieval.stores.postgres.projection import TRUSTED_S
from tests.integration.test_records_of_reads import asker
from tests.servers.neo4j import Neo4jServer

pytestmark = pytest.mark.anyio

U = Label(tenant="t1", classification=Classification.U)
C = replace(U, classification=Classification.C)
S = replace(U, classification=Classification.S, compartments=frozenset(["HARBOR"]))


ANN = asker("ann", Classification.S, "HARBOR")
LOW = asker("low", Classification.C)
AUDITOR = asker("auditor", Classification.S, "HARBOR", role="auditor")
DRELL, KESTREL = End(name="Anton Drell"), End(name="Kestrel Holdings Ltd")


def document(name: str, label: Label, text: str) -> Document:
    part = Part(label=label, text=text)
    return Document(document_id=name, title="", label=label, parts=(part,), source="test")


VISIBLE = [
    document("d1", U, "Anton Drell owns Alder Shipping Ltd."),
    document("d2", C, "Alder Shipping Ltd owns Marlpit Consulting Ltd."),
    document("d3", C, "Marlpit Consulting Ltd owns Kestrel Holdings Ltd."),
]
HIDDEN = [
    document("h1", S, "Anton Drell owns Kestrel Holdings Ltd."),
    document(
        "h2", S, "Anton Drell owns Heron Marine Ltd. Heron Marine Ltd owns Sable Shipping Ltd."
    ),
    document("h3", S, "Alder Shipping Ltd met Anton Drell at Kestrel Shipping Ltd."),
]


_BEHIND = (
    """SELECT FROM graph_outbox UNION ALL SELECT FROM graph_projection WHERE state <> 'kept'"""
)


class Product:
    """The product on one of the stores; `take` is over when the graph has it too."""

    def __init__(self, copilot: Copilot, url: str) -> None:
        self.copilot = copilot
        self.url = url

    async def take(self, *documents: Document) -> None:
        assert (await self.copilot.ingest(ANN, documents)).ingested == len(documents)
        with anyio.fail_after(30):
            while self.copilot.settings.neo4j_url:
                await anyio.sleep(0.05)
                if not self.rows(_BEHIND):
                    await anyio.sleep(
                        2 * TRUSTED_S
                    )  # what is known of the projection may be so old
                    break

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def record(self, ledger_id: str | None) -> dict[str, Any]:
        """What was recorded of an act, by the names of its openings."""
        rows = self.rows(
            "SELECT name, convert_from(value, 'UTF8') FROM ledger_openings WHERE ledger_id = %s",
            ledger_id,
        )
        return {name: json.loads(value) for name, value in rows}

    async def seen(self, who: Asker) -> bytes:
        """Everything about entities and paths, without the ids of the records."""
        outcomes = [
            await self.copilot.entities(who, "shipping"),
            await self.copilot.entities(who, "ltd", first=2),
            await self.copilot.entities(who, "heron marine"),
            await self.copilot.paths(who, DRELL, KESTREL),
            await self.copilot.paths(who, KESTREL, DRELL, most_hops=2),
            await self.copilot.paths(who, DRELL, End(name="Heron Marine")),
            await self.copilot.paths(who, DRELL, End(entity_id="0" * 32)),
        ]
        return json.dumps([as_json(replace(one, ledger_id="")) for one in outcomes]).encode()


@pytest.fixture(params=["postgres", "neo4j"])
async def product(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Product]:
    if request.param == "neo4j":
        settings = await in_neo4j(settings, request.getfixturevalue("neo4j"))
    async with build(settings) as copilot:
        assert settings.database_url is not None
        yield Product(copilot, settings.database_url)


async def in_neo4j(settings: Settings, server: Neo4jServer) -> Settings:
    reached = Neo4j(server.url, user="neo4j", password=server.password, timeout_s=20)
    await schema.migrate(reached)
    await reached.run("MATCH (n) WHERE NOT n:Migration DETACH DELETE n")
    await reached.close()
    return replace(
        settings, neo4j_url=server.url, neo4j_password=server.password, neo4j_timeout_s=20
    )


async def test_a_path_is_cited_step_by_step_and_recorded_with_all_that_it_shows(
    product: Product,
) -> None:
    await product.take(*VISIBLE, *HIDDEN)
    outcome = await product.copilot.paths(LOW, DRELL, KESTREL)
    assert isinstance(outcome, EntityPaths)
    [path] = outcome.paths
    assert [one.name for one in path.entities] == [
        "Anton Drell",
        "Alder Shipping Ltd",
        "Marlpit Consulting Ltd",
        "Kestrel Holdings Ltd",
    ]
    assert path.banner == "C"
    said = [relation for step in path.steps for relation in step.relations]
    assert [(one.type, one.citation.document_id, one.marking) for one in said] == [
        ("owns", "d1", "(U)"),
        ("owns", "d2", "(C)"),
        ("owns", "d3", "(C)"),
    ]
    ids = [one.entity_id for one in path.entities]
    assert [(one.source_id, one.target_id) for one in said] == list(pairwise(ids))
    assert said[0].citation.quote.startswith("Anton Drell owns Alder Shipping Ltd")
    record = product.record(outcome.ledger_id)
    assert (record["from_name"], record["to_name"]) == ("Anton Drell", "Kestrel Holdings Ltd")
    assert (record["most_hops"], record["first"]) == (4, 10)
    assert {one["part_id"] for one in record["read"]} == {one.citation.part_id for one in said}
    assert record["index"]["label"]["classification"] == "C"
    by_id = [End(entity_id=ids[0]), End(entity_id=ids[-1])]
    again = await product.copilot.paths(LOW, *by_id)
    assert isinstance(again, EntityPaths)
    assert again.paths == outcome.paths
    [shorter] = as_json(await product.copilot.paths(ANN, *by_id))["paths"]
    assert (len(shorter["steps"]), shorter["banner"]) == (1, "S//HARBOR")
    assert (await verify(product.url)).problems == []


async def test_entities_are_paged_named_and_marked_by_what_the_asker_may_read(
    product: Product,
) -> None:
    await product.take(*VISIBLE, *HIDDEN)
    low = await product.copilot.entities(LOW, "Shipping")
    assert isinstance(low, EntityPage)
    [alder] = low.entities
    assert (alder.name, alder.passage_count, alder.banner) == ("Alder Shipping Ltd", 2, "C")
    assert low.next_cursor is None
    record = product.record(low.ledger_id)
    assert (record["entities"], record["first"], record["after"]) == ("Shipping", 20, None)
    assert {one["label"]["classification"] for one in record["read"]} == {"U", "C"}
    pages = []
    after = None
    while True:
        page = await product.copilot.entities(ANN, "shipping", first=1, after=after)
        assert isinstance(page, EntityPage)
        pages += [(one.name, one.passage_count) for one in page.entities]
        after = page.next_cursor
        if after is None:
            break
    assert pages == [
        ("Alder Shipping Ltd", 3),
        ("Kestrel Shipping Ltd", 1),
        ("Sable Shipping Ltd", 1),
    ]


async def test_what_is_hidden_changes_no_byte_and_looks_like_what_is_absent(
    product: Product,
) -> None:
    await product.take(*VISIBLE)
    before = await product.seen(LOW)
    await product.take(*HIDDEN)
    assert await product.seen(LOW) == before
    assert await product.seen(ANN) != before
    hidden = await product.copilot.paths(LOW, DRELL, End(name="Heron Marine Ltd"))
    absent = await product.copilot.paths(LOW, DRELL, End(name="Nobody Marine Ltd"))
    assert isinstance(hidden, NotFound)
    assert replace(hidden, ledger_id="") == replace(absent, ledger_id="")
    assert product.record(hidden.ledger_id)["read"] == []


async def test_who_may_not_read_is_denied_and_the_same_end_twice_is_refused_and_recorded(
    product: Product,
) -> None:
    await product.take(*VISIBLE)
    for refused in (
        await product.copilot.entities(AUDITOR, "shipping"),
        await product.copilot.paths(AUDITOR, DRELL, KESTREL),
        await product.copilot.paths(replace(LOW, purpose="curiosity"), DRELL, KESTREL),
    ):
        assert isinstance(refused, Denied)
        assert product.record(refused.ledger_id)["denied_act"] == "read"
    with pytest.raises(BadInput, match="same entity"):
        await product.copilot.paths(LOW, DRELL, End(name="drell anton"))
    with pytest.raises(BadInput):
        await product.copilot.entities(LOW, "a\x00b")


async def test_without_the_graph_they_are_unavailable_and_an_entity_is_there_still(
    settings: Settings,
) -> None:
    nowhere = replace(settings, neo4j_url="bolt://127.0.0.1:1", neo4j_password="none")
    async with build(nowhere) as copilot:
        await copilot.ingest(ANN, VISIBLE)
        for outcome in (
            await copilot.entities(LOW, "shipping"),
            await copilot.paths(LOW, DRELL, KESTREL),
        ):
            assert isinstance(outcome, Unavailable)
            assert (outcome.dependency, bool(outcome.ledger_id)) == ("neo4j", True)
        assert isinstance(await copilot.entity(LOW, "Anton Drell"), EntityView)


async def test_a_step_that_postgres_no_longer_states_leads_nowhere(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the graph is a moment behind."""
    await product.take(*VISIBLE)
    graph = product.copilot._graph._graph
    known = {
        entity: await graph.neighbours([entity], scope=await product.copilot._scoper.scope(LOW))
        for [entity] in product.rows("SELECT DISTINCT entity_id FROM entity_labels")
    }

    async def stale(ids: list[str], *_near: object, **_scope: object) -> list[Any]:
        return [step for one in ids for step in known.get(one, [])]

    monkeypatch.setattr(graph, "neighbours", stale)
    assert isinstance(await product.copilot.paths(LOW, DRELL, KESTREL), EntityPaths)
    await product.copilot.administration.delete(ANN, "d2")
    assert isinstance(await product.copilot.paths(LOW, DRELL, KESTREL), NotFound)
