"""Documents and entities are put together from visible rows alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from copilot.citations import sha256
from copilot.resources import Assertions, Resources, Row
from policy.scope import Scope, Scoper
from retrieval.ports import KnownEntity
from retrieval.stores.postgres.database import Role
from retrieval.types import Chunk, Span
from tests.unit.governed import asker, label
from tests.unit.policy.fakes import Catalog, ListedLabels
from tests.unit.rows import RowsDatabase

pytestmark = pytest.mark.anyio

U, S = 4, 9
LABELS = {U: label("U"), S: label("S", "ORION")}


class GivenRows(Resources):
    """Reads from given rows by the name of the query, and notes the values."""

    def __init__(self, **rows: Sequence[dict[str, Any]]) -> None:
        self.rows = rows
        self.asked: list[tuple[str, Row]] = []

    async def _rows(
        self, name: str, scope: Scope, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        self.asked.append((name, values))
        return list(self.rows.get(name, ()))


@pytest.fixture
async def scope() -> Scope:
    return await Scoper(ListedLabels(set(LABELS.values())), Catalog(LABELS)).scope(asker())


def part(name: str, label_id: int, **fields: object) -> dict[str, Any]:
    row: dict[str, Any] = {
        "document_id": "d1",
        "document_label_id": U,
        "title": "Log",
        "metadata": {"port": "Gdansk"},
        "part_id": name,
        "text": f"text of {name}",
        "label_id": label_id,
    }
    return row | fields


async def test_a_document_is_its_visible_parts_under_the_join_of_their_labels(
    scope: Scope,
) -> None:
    resources = GivenRows(document=[part("p1", U), part("p2", S)])
    view = await resources.document(scope, "d1")
    assert view is not None
    assert resources.asked == [("document", {"id": "d1", "tenant": "t1"})]
    assert (view.document_id, view.title, view.metadata) == ("d1", "Log", {"port": "Gdansk"})
    assert [(one.part_id, one.text, one.marking) for one in view.parts] == [
        ("p1", "text of p1", "(U)"),
        ("p2", "text of p2", "(S//ORION)"),
    ]
    assert view.parts[1].label == LABELS[S]
    assert view.banner == "S//ORION"


async def test_the_label_of_a_shown_title_counts_in_the_banner(scope: Scope) -> None:
    view = await GivenRows(document=[part("p1", U, document_label_id=S)]).document(scope, "d1")
    assert view is not None
    assert view.banner == "S//ORION"


async def test_a_document_whose_name_is_hidden_is_named_by_its_part(scope: Scope) -> None:
    hidden = part("p1", U, document_id=None, document_label_id=None, title=None, metadata=None)
    view = await GivenRows(document=[hidden]).document(scope, "p1")
    assert view is not None
    assert (view.document_id, view.title, view.metadata, view.banner) == (
        "p1",
        None,
        {},
        "U",
    )


async def test_what_is_hidden_and_what_is_absent_are_both_none(scope: Scope) -> None:
    assert await GivenRows().document(scope, "d1") is None
    assert await GivenRows().entity(scope, "Halder") is None


@pytest.mark.parametrize("name", ["", " ", "?!"])
async def test_a_name_without_a_word_asks_nothing(scope: Scope, name: str) -> None:
    resources = GivenRows(entities=[{"entity_id": "e1"}])
    assert await resources.entity(scope, name) is None
    assert resources.asked == []


def mention(surface: str, kind: str = "person", **fields: object) -> dict[str, Any]:
    row: dict[str, Any] = {
        "document_id": "d1",
        "part_id": "p1",
        "chunk_id": "c1",
        "start_at": 10,
        "end_at": 10 + len(surface),
        "surface": surface,
        "kind": kind,
        "label_id": S,
    }
    return row | fields


def relation(type_: str, source: str, target: str, source_id: str) -> dict[str, Any]:
    return {
        "relation_id": f"{type_} {source} {target}",
        "type": type_,
        "source_id": source_id,
        "source_name": source,
        "target_id": f"id of {target}",
        "target_name": target,
        "properties": {"amount": "900"},
        "document_id": None,
        "part_id": "p1",
        "chunk_id": "c1",
        "start_at": 3,
        "end_at": 9,
        "quote": "quoted",
        "label_id": S,
    }


async def test_an_entity_is_named_as_most_mentions_name_it(scope: Scope) -> None:
    mentions = [mention("J. Halder"), mention("Halder", "name"), mention("Halder"), mention("Hal")]
    resources = GivenRows(
        entities=[{"entity_id": "e1"}, {"entity_id": "e2"}], entity_mentions=mentions
    )
    view = await resources.entity(scope, "Halder")
    assert view is not None
    assert (view.entity_id, view.name, view.entity_kind) == ("e1", "Halder", "person")
    assert view.aliases == ("Hal", "J. Halder")
    assert all(values["entity"] == "e1" for _, values in resources.asked[1:])
    first = view.mentions[0]
    assert (first.surface, first.start, first.end, first.marking) == (
        "J. Halder",
        10,
        19,
        "(S//ORION)",
    )


async def test_mentions_are_counted_in_full_and_shown_up_to_a_hundred(scope: Scope) -> None:
    mentions = [mention("Halder", document_id=None) for _ in range(101)]
    view = await GivenRows(entities=[{"entity_id": "e1"}], entity_mentions=mentions).entity(
        scope, "Halder"
    )
    assert view is not None
    assert (view.mention_count, len(view.mentions)) == (101, 100)
    assert view.mentions[0].document_id == "p1"


async def test_an_entity_among_others_is_named_and_marked_by_the_passages_that_name_it(
    scope: Scope,
) -> None:
    rows = [
        named("e1", "Halder", U, "p1", 2),
        named("e1", "HALDER", S, "p2", 5),
        named("e1", "Halder", S, "p0", 4, kind="name"),
    ]
    known = [KnownEntity(entity_id=one, key=one, degree=7) for one in ("e2", "e1")]
    [one] = await GivenRows(entity_names=rows).summaries(scope, known)
    assert (one.entity_id, one.name, one.entity_kinds) == ("e1", "Halder", ("person", "name"))
    assert (one.passage_count, one.banner) == (7, "S//ORION")
    assert [(part.part_id, part.label) for part in one.named_in] == [
        ("p1", LABELS[U]),
        ("p2", LABELS[S]),
    ]


def named(
    entity: str, surface: str, label_id: int, part_id: str, times: int, kind: str = "person"
) -> dict[str, Any]:
    return {
        "entity_id": entity,
        "surface": surface,
        "kind": kind,
        "label_id": label_id,
        "part_id": part_id,
        "times": times,
    }


async def test_a_relation_is_cited_and_an_alias_is_the_other_name(scope: Scope) -> None:
    relations = [
        relation("alias_of", "Halder", "The Baron", "e1"),
        relation("alias_of", "Johann", "Halder", "e2"),
        relation("paid", "Halder", "Reiss", "e1"),
    ]
    view = await GivenRows(
        entities=[{"entity_id": "e1"}],
        entity_mentions=[mention("Halder"), mention("Halder"), mention("Johann")],
        entity_relations=relations,
    ).entity(scope, "Halder")
    assert view is not None
    assert view.aliases == ("Johann", "The Baron")
    paid = view.relations[2]
    assert (paid.type, paid.source, paid.target) == ("paid", "Halder", "Reiss")
    assert (paid.properties, paid.marking) == ({"amount": "900"}, "(S//ORION)")
    assert paid.citation.quote_sha256 == sha256("quoted")
    assert (paid.citation.document_id, paid.citation.label) == ("p1", LABELS[S])
    assert paid.citation.entities == ("Halder", "Reiss")


CHUNK = Chunk(
    chunk_id="c1",
    part_id="p1",
    document_id="d1",
    title=None,
    text="Halder paid Reiss.",
    start=100,
    end=118,
    label_id=U,
    label=LABELS[U],
)


def place(surface: str, start: int, end: int, chunk: str = "c1") -> dict[str, Any]:
    return {
        "chunk_id": chunk,
        "surface": surface,
        "type": surface,
        "start_at": start,
        "end_at": end,
    }


@pytest.mark.parametrize(
    ("span", "names"),
    [
        (Span(start=0, end=18), ("Halder", "Reiss")),
        (Span(start=0, end=6), ("Halder",)),
        (Span(start=0, end=5), ()),
        (Span(start=1, end=18), ("Reiss",)),
    ],
)
def test_a_quote_is_about_what_lies_wholly_inside_it(span: Span, names: tuple[str, ...]) -> None:
    rows = [
        place("Halder", 100, 106),
        place("Other", 100, 106, chunk="c2"),
        place("Reiss", 112, 117),
        place("Halder", 100, 106),
        place("Beyond", 112, 119),
    ]
    known = Assertions(rows, rows)
    assert known.names(CHUNK, span) == names
    assert known.relation(CHUNK, span) == next(iter(names), None)


async def test_rows_are_read_as_a_reader_within_the_scope(scope: Scope) -> None:
    database = RowsDatabase({"": [place("Halder", 100, 106)]})
    known = await Resources(database).assertions(scope, ["c1"])
    assert database.transactions == [(Role.READER, (U, S))] * 2
    assert database.values == [{"chunks": ["c1"]}] * 2
    assert known.names(CHUNK, Span(start=0, end=18)) == ("Halder",)
