"""Labels are never forgotten, so what is refused leaves none behind."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from copilot.ingest.documents import Document
from copilot.ledger.verify import verify
from policy.labels import HANDLING, Label
from policy.principal import Asker
from tests.integration.test_ingest import HIGH, LOW, TEXT, S, U, World, document, opened

pytestmark = pytest.mark.anyio

MOST = 50


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as world:
        yield world


def labels(world: World) -> set[str]:
    return {row["canonical"] for row in world.rows("SELECT canonical FROM labels")}


def denials(world: World) -> list[dict[str, Any]]:
    """The openings of every refusal."""
    rows = world.rows(
        """SELECT a.outcome, a.sub,
                  json_object_agg(o.name, convert_from(o.value, 'UTF8')::json) AS said
           FROM ledger_acts a JOIN ledger_openings o USING (ledger_id)
           WHERE a.kind = 'denied' GROUP BY a.ledger_id, a.recorded_at"""
    )
    return [{"outcome": row["outcome"], "sub": row["sub"], **row["said"]} for row in rows]


def named(world: World, document: Document) -> set[str]:
    """Those of the document's labels that are interned."""
    own = {document.label.canonical(), *(part.label.canonical() for part in document.parts)}
    return own & labels(world)


def many(count: int) -> Document:
    """Of labels that every ingester may read."""
    pairs = combinations(sorted(HANDLING), 2)
    triples = combinations(sorted(HANDLING), 3)
    made = [replace(U, handling=frozenset(some)) for some in (*pairs, *triples)][: count - 1]
    assert len(made) == count - 1
    return document("many", *((label, f"{TEXT} {label.canonical()}") for label in made))


UNREADABLE = [
    pytest.param(S, id="classification"),
    pytest.param(replace(U, compartments=frozenset(["ORBIT"])), id="compartment"),
    pytest.param(replace(U, authorities=frozenset(["LEGAL"])), id="authority"),
    pytest.param(replace(U, releasable_to=frozenset(["GBR"])), id="nation"),
    pytest.param(replace(U, tenant="t2"), id="tenant"),
]


@pytest.mark.parametrize("label", UNREADABLE)
async def test_a_label_that_its_ingester_may_not_read_is_refused_and_forgotten(
    world: World, label: Label, database_url: str
) -> None:
    beside = replace(U, handling=frozenset(["PII"]))
    for given in (
        document("secret name", (label, "The text."), of=label),
        document("secret name", (beside, "Open."), (label, "The text."), of=beside),
    ):
        report = await world.take(given, who=LOW)
        assert (report.ingested, report.unchanged, report.ledger_ids) == (0, 0, ())
        [refused] = report.rejected
        assert "may read" in refused.reason
        assert named(world, given) == set()
    assert set(world.counts().values()) == {0}
    said = denials(world)
    assert [(one["denied_act"], one["outcome"], one["sub"]) for one in said] == [
        ("ingest", "Denied", LOW.principal.sub)
    ] * 2
    assert "may read" in said[0]["denied_reason"]
    assert (await verify(database_url)).problems == []


async def test_a_flood_of_labels_makes_one(world: World) -> None:
    """The one that all records of refusals to this ingester bear."""
    made = [replace(U, compartments=frozenset([f"C{number}"])) for number in range(30)]
    await world.take(
        *(document(f"d{n}", (one, TEXT), of=one) for n, one in enumerate(made)), who=LOW
    )
    assert len(labels(world)) == 1
    assert len(denials(world)) == 30


@pytest.mark.parametrize("who", [LOW, HIGH], ids=["low", "high"])
async def test_one_document_brings_no_more_labels_than_anybody_needs(
    world: World, who: Asker
) -> None:
    flood = many(MOST + 1)
    report = await world.take(flood, document("a"), who=who)
    [refused] = report.rejected
    assert "labels" in refused.reason
    assert str(MOST) in refused.reason
    assert report.ingested == 1
    assert named(world, flood) == {U.canonical()}  # which the other document has as well
    assert [one["denied_act"] for one in denials(world)] == ["ingest"]
    assert (await world.take(many(MOST), who=who)).ingested == 1
    assert len(named(world, many(MOST))) == MOST
    world.statistics_hold()
