"""Deleting and relabelling: at once, in one piece, and of what one may read alone."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import anyio
import pytest

from copilot.ingest.documents import Document, Part
from copilot.ledger.verify import verify
from policy.errors import BadInput, Forbidden, Unavailable
from policy.labels import Label
from policy.principal import Asker
from tests.integration.test_ingest import HIGH, LOW, TEXT, TS, C, S, U, World, document, opened
from tests.integration.test_reingest import LEAD, OPEN, SECRET, WHOLE, hidden

pytestmark = pytest.mark.anyio

TITLED = document("a", (U, TEXT), (C, "Elsa Vance stayed."), title="Kestrel Quay")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as world:
        yield world


def emptied(world: World) -> None:
    world.owner.execute("TRUNCATE documents, label_statistics CASCADE")


def under(label: Label, one: Document) -> Document:
    """The document as somebody would take it in who had given it this label at first."""
    parts = tuple(Part(label=label, text=part.text) for part in one.parts)
    return replace(one, label=label, parts=parts)


def part_id(world: World, text: str) -> str:
    [row] = world.rows(f"SELECT part_id FROM parts WHERE text LIKE '{text}%'")
    return str(row["part_id"])


async def test_a_deleted_document_leaves_nothing_and_its_neighbour_whole(world: World) -> None:
    await world.take(document("b"))
    before = world.everything()
    await world.take(TITLED)
    deleted = await world.removal.delete(HIGH, "a")
    assert deleted is not None
    assert len(deleted.part_ids) == 2
    assert world.everything() == before
    world.statistics_hold()


async def test_every_copy_that_is_seen_goes_and_no_other(world: World) -> None:
    await world.take(document("a"), document("a", (S, TEXT), of=S), document("a", (C, TEXT), of=C))
    assert await world.removal.delete(LOW, "a") is not None
    [left] = world.rows(
        "SELECT l.value->>'classification' AS level FROM documents JOIN labels l USING (label_id)"
    )
    assert left == {"level": "S"}
    world.statistics_hold()


@pytest.mark.parametrize("label", [None, C], ids=["delete", "relabel"])
async def test_a_hidden_document_is_as_absent_as_one_that_is_not_there(
    world: World, label: Label | None
) -> None:
    await world.take(document("a", (S, SECRET), of=S))
    before = world.everything()
    assert await world.change("a", label, LOW) is None
    assert await world.change(part_id(world, "Elsa"), label, LOW) is None
    assert await world.change("nothing", label, LOW) is None
    assert world.everything() == before
    assert world.rows("SELECT FROM ledger_acts WHERE kind IN ('delete', 'relabel')") == []


async def test_of_a_hidden_title_the_parts_that_are_seen_go_by_their_ids(world: World) -> None:
    await world.take(document("a", (U, TEXT), (C, SECRET), (S, TEXT), title="Secret", of=S))
    assert await world.change("a", None, LOW) is None
    assert await world.removal.delete(LOW, part_id(world, "Elsa")) is not None
    [part] = world.rows(
        "SELECT l.value->>'classification' AS level FROM parts JOIN labels l USING (label_id)"
    )
    assert part == {"level": "S"}
    assert world.rows("SELECT title FROM documents") == [{"title": "Secret"}]
    world.statistics_hold()


async def test_with_the_last_part_a_hidden_title_goes_as_well(world: World) -> None:
    await world.take(document("a", (U, TEXT), title="Secret", of=S))
    await world.removal.delete(LOW, part_id(world, "Anton"))
    assert set(world.counts().values()) == {0}


async def test_hidden_parts_outlast_a_deletion_without_the_title_that_was_deleted(
    world: World,
) -> None:
    await world.take(WHOLE, who=LEAD)
    before = hidden(world)
    await world.removal.delete(LOW, "a")
    after = hidden(world)
    titled = [one for one in before["mentions"] if one["row"]["in_title"]]
    assert titled
    assert after == before | {"mentions": [m for m in before["mentions"] if m not in titled]}
    [shell] = world.rows("SELECT title, source, metadata, content_sha256 FROM documents")
    assert shell == {"title": "", "source": "", "metadata": {}, "content_sha256": ""}
    world.statistics_hold()


NOTHING_SEEN_OF_LANTERN = """
    SELECT to_jsonb(t) - ARRAY['document_key', 'ingested_at', 'position'] AS row
    FROM {table} t JOIN labels l USING (label_id) WHERE NOT l.value->'compartments' ? 'LANTERN'"""
WITH_A_PART = " AND EXISTS (SELECT FROM parts p WHERE p.document_key = t.document_key AND p.label_id = t.label_id)"


def seen(world: World) -> list[str]:
    """What somebody without the compartment may read of all content, ids and sums included."""
    tables = ("parts", "chunks", "sentences", "chunk_terms", "mentions", "relations")
    rows = [row for one in tables for row in world.rows(NOTHING_SEEN_OF_LANTERN.format(table=one))]
    rows += world.rows(NOTHING_SEEN_OF_LANTERN.format(table="documents") + WITH_A_PART)
    sums = NOTHING_SEEN_OF_LANTERN.format(table="label_statistics") + " AND t.chunks <> 0"
    plain = [
        {k: v for k, v in row["row"].items() if k != "label_id"} for row in rows + world.rows(sums)
    ]
    return sorted(map(str, plain))


async def told(world: World, steps: list[Any], who: Asker) -> list[str]:
    """All that somebody hears of a sequence of acts; the ids of records are random."""
    heard = []
    for step in steps:
        if isinstance(step, Document):
            report = await world.take(step, who=who)
            heard.append(str(replace(report, ledger_ids=())))
            continue
        try:
            label = step[1]
            done = await (
                world.removal.delete(who, step[0])
                if label is None
                else world.relabelling.relabel(who, step[0], label)
            )
            heard.append(str(done and replace(done, ledger_id="")))
        except BadInput as error:
            heard.append(error.message)
    return heard


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([("a", None), ("a", None), OPEN, OPEN], id="deleted, taken in anew"),
        pytest.param([("a", None), replace(OPEN, title=""), OPEN], id="under another title"),
        pytest.param([("a", None), ("a", C), under(C, OPEN)], id="deleted, not there to relabel"),
        pytest.param([("a", C), OPEN, ("a", C), ("a", None), OPEN], id="raised, the old one anew"),
        pytest.param([("a", C), ("a", U), ("a", U), OPEN], id="raised and lowered"),
        pytest.param([("a", None), under(C, OPEN), ("a", U), OPEN], id="back to the old label"),
    ],
)
async def test_nothing_that_is_heard_or_seen_later_differs_by_hidden_parts(
    world: World, steps: list[Any]
) -> None:
    await world.take(OPEN, who=LEAD)
    expected, left = await told(world, steps, LOW), seen(world)
    emptied(world)
    await world.take(WHOLE, who=LEAD)
    assert await told(world, steps, LOW) == expected
    assert seen(world) == left
    assert len(hidden(world)["parts"]) == 1
    world.statistics_hold()


async def test_a_relabelled_document_is_what_it_would_be_had_it_borne_the_label_at_first(
    world: World,
) -> None:
    await world.take(TITLED)
    relabelled = await world.relabelling.relabel(HIGH, "a", S)
    assert relabelled is not None
    assert relabelled.marking == "(S)"
    world.statistics_hold()
    after = world.everything()
    assert (await world.take(under(S, TITLED))).unchanged == 1
    emptied(world)
    await world.take(under(S, TITLED))
    assert world.everything() == after


async def test_a_raised_title_is_in_nothing_of_the_parts_that_stay_below(world: World) -> None:
    """Whoever reads a part that the relabeller could not must not read the title by it."""
    await world.take(WHOLE, who=LEAD)
    await world.relabelling.relabel(HIGH, "a", TS)
    titles = """SELECT d.title FROM documents d JOIN parts p USING (document_key)
                JOIN labels l ON l.label_id = p.label_id WHERE l.value->'compartments' ? 'LANTERN'"""
    assert world.rows(titles) == [{"title": ""}]
    assert not any(one["row"]["in_title"] for one in hidden(world)["mentions"])


async def test_a_part_of_a_hidden_document_is_relabelled_alone(world: World) -> None:
    await world.take(document("a", (U, TEXT), (U, SECRET), (S, TEXT), title="Secret", of=S))
    given_id = part_id(world, "Elsa")
    relabelled = await world.relabelling.relabel(LOW, given_id, C)
    assert relabelled is not None
    levels = world.rows(
        "SELECT p.text, l.value->>'classification' AS level FROM parts p JOIN labels l USING (label_id) ORDER BY 2"
    )
    assert levels == [
        {"text": SECRET, "level": "C"},
        {"text": TEXT, "level": "S"},
        {"text": TEXT, "level": "U"},
    ]
    assert world.counts()["documents"] == 1
    assert list(relabelled.part_ids) == [part_id(world, "Elsa")] != [given_id]
    named = """SELECT l.value->>'classification' AS level FROM mentions
               JOIN labels l USING (label_id) WHERE key LIKE '%secret%'"""
    assert {row["level"] for row in world.rows(named)} <= {"S"}
    world.statistics_hold()


async def test_equal_parts_that_meet_under_one_label_stay_apart(world: World) -> None:
    await world.take(document("a", (U, TEXT), (C, TEXT), of=S), document("b", (U, TEXT), of=S))
    for one in world.rows("SELECT part_id FROM parts"):
        await world.change(one["part_id"], C, LOW)
    assert world.counts()["parts"] == 3
    levels = world.rows(
        "SELECT DISTINCT l.value->>'classification' AS level FROM parts JOIN labels l USING (label_id)"
    )
    assert levels == [{"level": "C"}]
    world.statistics_hold()


async def test_nobody_puts_a_document_where_they_cannot_read_it(world: World) -> None:
    await world.take(document("a"), document("b", (S, TEXT), of=S))
    before = world.everything()
    with pytest.raises(Forbidden, match="a label that you may read"):
        await world.relabelling.relabel(LOW, "a", S)
    assert world.everything() == before


async def test_what_cannot_be_relabelled_is_said_with_its_remedy(world: World) -> None:
    await world.take(document("a"), document("a", (C, TEXT), of=C), document("b"))
    for label in (U, C, S):
        with pytest.raises(BadInput, match=r"several documents: \(C\), \(U\); delete it"):
            await world.relabelling.relabel(HIGH, "a", label)
    with pytest.raises(BadInput, match=r"under \(U\) already"):
        await world.relabelling.relabel(HIGH, "b", U)


STAGES = [
    "DELETE ON parts",
    "UPDATE ON label_statistics",
    "INSERT ON ledger_openings",
    "UPDATE ON label_epochs",
]


@pytest.mark.parametrize("label", [None, C], ids=["delete", "relabel"])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_connection_that_dies_in_the_middle_leaves_all_as_it_was(
    world: World, stage: str, label: Label | None
) -> None:
    await world.take(TITLED)
    await world.change("nothing", C)  # so that every label is known
    before, entries = world.everything(), len(world.rows("SELECT FROM ledger_entries"))
    world.owner.execute(
        """CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"""
    )
    world.owner.execute(
        f"CREATE TRIGGER die AFTER {stage} FOR EACH ROW EXECUTE FUNCTION die()".encode()
    )
    with pytest.raises(Unavailable):
        await world.change("a", label)
    assert world.everything() == before
    assert len(world.rows("SELECT FROM ledger_entries")) == entries
    world.statistics_hold()
    world.owner.execute(f"DROP TRIGGER die {stage.partition(' ')[2]}".encode())
    assert await world.change("a", label) is not None


@pytest.mark.parametrize("label", [None, C], ids=["delete", "relabel"])
async def test_what_is_taken_away_raises_the_fence(world: World, label: Label | None) -> None:
    await world.take(TITLED, document("b", (U, TEXT), (C, TEXT)))
    assert await world.change("b", label) is not None  # so that every label is known
    [before] = world.rows("SELECT epoch FROM label_epochs")
    assert await world.change("a", label) is not None
    [after] = world.rows("SELECT epoch FROM label_epochs")
    assert after["epoch"] == before["epoch"] + 1


@pytest.mark.parametrize("label", [None, C], ids=["delete", "relabel"])
async def test_without_a_ledger_nothing_is_taken_away(world: World, label: Label | None) -> None:
    await world.take(TITLED)
    before = world.everything()
    world.owner.execute("REVOKE EXECUTE ON FUNCTION append_ledger_entries FROM copilot_writer")
    with pytest.raises(Unavailable):
        await world.change("a", label)
    assert world.everything() == before


async def test_each_removal_has_its_record_without_the_texts(
    world: World, database_url: str
) -> None:
    await world.take(TITLED)
    relabelled, deleted = await world.change("a", S), await world.change("a", None)
    rows = world.rows(
        """SELECT a.ledger_id, a.kind, convert_from(o.value, 'UTF8') AS value FROM ledger_acts a
           JOIN ledger_openings o USING (ledger_id) WHERE o.name IN ('deleted', 'relabelled')"""
    )
    assert {(row["kind"], row["ledger_id"]) for row in rows} == {
        ("relabel", getattr(relabelled, "ledger_id", None)),
        ("delete", getattr(deleted, "ledger_id", None)),
    }
    assert not any("tanker" in row["value"] or "Kestrel" in row["value"] for row in rows)
    assert (await verify(database_url)).problems == []


async def test_many_who_change_one_document_at_once_leave_it_whole(world: World) -> None:
    long = document("a", (U, f"{TEXT} " * 30), (C, SECRET), title="Kestrel Quay")
    await world.take(TITLED)

    async def one(turn: int) -> None:
        match turn % 4:
            case 0:
                await world.take(TITLED)
            case 1:
                await world.take(long)
            case 2:
                await world.change("a", None)
            case _:
                await world.change("a", S)

    async with anyio.create_task_group() as tasks:
        for turn in range(12):
            tasks.start_soon(one, turn)
    world.statistics_hold()
    assert (
        world.rows(
            "SELECT FROM documents d WHERE NOT EXISTS (SELECT FROM parts p WHERE p.document_key = d.document_key)"
        )
        == []
    )
