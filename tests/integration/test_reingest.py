"""Ingest over what the ingester may not read: it stays, it weighs on nothing, and nothing says so."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from copilot.ingest.documents import Document
from copilot.ingest.report import IngestReport
from policy.labels import Classification, Label
from policy.principal import Asker
from tests.integration.test_ingest import HIGH, LOW, TEXT, TS, C, U, World, document, opened

pytestmark = pytest.mark.anyio

LEAD = replace(
    HIGH, principal=replace(HIGH.principal, compartments=frozenset(["HARBOR", "LANTERN"]))
)
HARBOR = Label(tenant="t1", classification=Classification.S, compartments=frozenset(["HARBOR"]))
LANTERN = Label(tenant="t1", classification=Classification.TS, compartments=frozenset(["LANTERN"]))
SECRET = "Elsa Vance met the source at the lighthouse. Rolf Aldermann paid for the room."
OPEN = document("a", (U, TEXT), title="The tanker")
WHOLE = document("a", (LANTERN, SECRET), (U, TEXT), title="The tanker")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as world:
        yield world


def hidden(world: World) -> dict[str, list[dict[str, Any]]]:
    """Every row under the compartment, but for the time at which its document was last taken."""
    under = "JOIN labels l USING (label_id) WHERE l.value->'compartments' ? 'LANTERN'"
    tables = ("parts", "chunks", "sentences", "chunk_terms", "mentions", "relations")
    return {
        table: world.rows(f"SELECT to_jsonb(t) AS row FROM {table} t {under} ORDER BY 1::text")
        for table in tables
    }


async def told(world: World, *documents: Document, who: Asker = LOW) -> IngestReport:
    """What an ingester hears; the ids of records are random."""
    report = await world.take(*documents, who=who)
    return replace(report, ledger_ids=("",) * len(report.ledger_ids))


def emptied(world: World) -> None:
    world.owner.execute("TRUNCATE documents, label_statistics CASCADE")


async def test_hidden_parts_outlast_a_new_version_from_below(world: World) -> None:
    await world.take(WHOLE, who=LEAD)
    before = hidden(world)
    assert all(
        before[table] for table in ("parts", "chunks", "sentences", "chunk_terms", "mentions")
    )
    report = await world.take(document("a", (U, "Elsa Vance stayed."), (C, TEXT)), who=LOW)
    assert (report.ingested, report.unchanged, report.rejected) == (1, 0, ())
    assert hidden(world) == before
    world.statistics_hold()
    texts = {row["text"] for row in world.rows("SELECT text FROM parts")}
    assert texts == {SECRET, "Elsa Vance stayed.", TEXT}
    assert world.counts()["documents"] == 1


async def test_whoever_may_read_the_hidden_parts_replaces_them(world: World) -> None:
    await world.take(WHOLE, who=LEAD)
    await world.take(document("a", (U, "Elsa Vance stayed.")), who=LOW)
    await world.take(OPEN, who=LEAD)
    assert not any(hidden(world).values())
    world.statistics_hold()
    assert [row["text"] for row in world.rows("SELECT text FROM parts")] == [TEXT]


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(OPEN, id="what is seen"),
        pytest.param(document("a", (U, "Elsa Vance stayed."), title="The tanker"), id="new text"),
        pytest.param(document("a", (U, TEXT), title="Another title"), id="new title"),
        pytest.param(document("a", (C, TEXT), title="The tanker"), id="raised"),
        pytest.param(document("a", (U, TEXT), (LANTERN, SECRET)), id="what is hidden, guessed"),
    ],
)
async def test_the_report_does_not_tell_of_hidden_parts(world: World, again: Document) -> None:
    await world.take(OPEN, who=LEAD)
    expected = [await told(world, again), await told(world, again)]
    seen = shown(world)
    emptied(world)
    await world.take(WHOLE, who=LEAD)
    assert [await told(world, again), await told(world, again)] == expected
    assert shown(world) == seen
    world.statistics_hold()


def shown(world: World) -> list[str]:
    """What somebody without the compartment may see of all content: ids too."""
    open_ = "JOIN labels l USING (label_id) WHERE NOT l.value->'compartments' ? 'LANTERN'"
    drop = "ARRAY['document_key', 'ingested_at', 'content_sha256', 'position']"
    return [
        str(row)
        for table in ("documents", "parts", "chunks", "chunk_terms", "mentions", "relations")
        for row in world.rows(
            f"SELECT (to_jsonb(t) - {drop})::text AS row FROM {table} t {open_} ORDER BY 1"
        )
    ]


async def test_what_did_not_change_is_not_taken_again_by_whoever_sees_all(world: World) -> None:
    many = document("a", (U, TEXT), (C, "Elsa Vance stayed."), (LANTERN, SECRET), title="T")
    many = replace(many, metadata={"when": "2024", "n": 1.50, "of": [1, None, "ü"]})
    assert (await world.take(many, who=LEAD)).ingested == 1
    assert (await world.take(many, who=LEAD)).unchanged == 1
    for changed in (
        replace(many, source="other.md"),
        replace(many, metadata={}),
        replace(many, parts=many.parts[:2]),
        replace(many, parts=many.parts[1::-1]),
    ):
        assert (await world.take(changed, who=LEAD)).ingested == 1
        assert (await world.take(changed, who=LEAD)).unchanged == 1
    world.statistics_hold()


def open_ids(world: World) -> list[dict[str, Any]]:
    return world.rows(
        """SELECT p.part_id, c.chunk_id, p.text FROM chunks c JOIN parts p USING (part_id)
           JOIN labels l ON l.label_id = p.label_id
           WHERE l.value->>'classification' = 'U' ORDER BY p.text"""
    )


async def test_equal_hidden_boilerplate_does_not_change_the_ids_of_open_parts(
    world: World,
) -> None:
    """The ids of parts under a title that their readers may not know come from their text alone."""
    first, second = (U, TEXT), (U, "Elsa Vance stayed.")
    boilerplate = (HARBOR, "Handle through HARBOR channels only.")
    await world.take(
        document("a", first, boilerplate, of=TS),
        document("b", second, boilerplate, of=TS),
        who=LEAD,
    )
    with_hidden = open_ids(world)
    assert len(with_hidden) == 2
    assert world.counts()["parts"] == 4
    emptied(world)
    await world.take(document("a", first, of=TS), document("b", second, of=TS), who=LEAD)
    assert open_ids(world) == with_hidden
