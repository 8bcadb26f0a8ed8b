"""The sample case file keeps its own rules: counts, labels, spans, and who may read what."""

from __future__ import annotations

import re
from typing import Any

from tests.unit.casefile.reading import (
    ASKERS,
    DOCUMENTS,
    LABEL_FIELDS,
    LEVELS,
    Document,
    key,
    read_rows,
    visible,
)


def test_documents_are_many_and_parse(documents: dict[str, Document]) -> None:
    with_front_matter = [d for d in documents.values() if d.path.suffix in {".md", ".txt"}]
    assert len(with_front_matter) >= 64
    for document in with_front_matter:
        assert document.path.stem == document.id
        assert 80 <= document.words <= 350, (document.id, document.words)
    records = [d for d in documents.values() if d.path.suffix == ".jsonl"]
    assert 6 <= len(records) <= 8
    assert len({d.path for d in records}) == 1
    assert [d for d in documents.values() if "calendar" in d.path.parts]


def test_labels_are_well_formed_and_varied(documents: dict[str, Document]) -> None:
    labels = [p.label for d in documents.values() for p in d.parts]
    labels += [d.label for d in documents.values() if d.label is not None]
    for label in labels:
        assert label["classification"] in LEVELS
        assert set(label) <= LABEL_FIELDS
    assert len({key(label) for label in labels}) >= 6


def test_a_document_label_is_the_highest_of_its_parts(documents: dict[str, Document]) -> None:
    for document in documents.values():
        if document.label is None:
            continue
        top = max(LEVELS.index(p.label["classification"]) for p in document.parts)
        assert LEVELS.index(document.label["classification"]) == top, document.id
        for part in document.parts:
            held = set(part.label.get("compartments", []))
            assert held <= set(document.label.get("compartments", [])), document.id


def test_several_documents_are_portion_marked_under_low_titles(
    documents: dict[str, Document],
) -> None:
    mixed = [d for d in documents.values() if d.label and len({key(p.label) for p in d.parts}) > 1]
    assert len(mixed) >= 10
    for document in mixed:
        assert document.title.startswith("(U) "), document.id


def test_nothing_names_a_tenant() -> None:
    for path in DOCUMENTS.rglob("*"):
        if path.is_file():
            assert "tenant:" not in path.read_text(encoding="utf-8")
            assert '"tenant"' not in path.read_text(encoding="utf-8")


def test_transfers() -> None:
    (path,) = DOCUMENTS.rglob("*.csv")
    rows = read_rows(path)
    assert 390 <= len(rows) <= 410
    assert list(rows[0]) == [
        *("transaction_id", "date", "from_account", "from_name", "to_account", "to_name"),
        *("amount", "currency", "reference", "marking"),
    ]
    assert len({row["transaction_id"] for row in rows}) == len(rows)
    assert len({row["marking"] for row in rows}) >= 3
    names: dict[str, set[str]] = {}
    for row in rows:
        names.setdefault(row["from_account"], set()).add(row["from_name"])
        names.setdefault(row["to_account"], set()).add(row["to_name"])
    assert all(len(owners) == 1 for owners in names.values())


def test_money_goes_round_in_a_circle() -> None:
    (path,) = DOCUMENTS.rglob("*.csv")
    big = [r for r in read_rows(path) if 460_000 <= float(r["amount"]) <= 490_000]
    hops = {r["from_name"]: r["to_name"] for r in big}
    start = "Alder Shipping Ltd"
    at, seen = hops[start], [start]
    while at != start:
        seen.append(at)
        at = hops[at]
    assert len(seen) == 4


def test_exactly_one_document_gives_orders_to_an_assistant(documents: dict[str, Document]) -> None:
    found = {
        d.id for d in documents.values() for p in d.parts if "ignore previous" in p.text.lower()
    }
    assert len(found) == 1


def test_the_same_paragraph_stands_under_different_labels(documents: dict[str, Document]) -> None:
    where: dict[str, set[str]] = {}
    for document in documents.values():
        if document.label is None:
            continue
        for part in document.parts:
            for sentence in re.split(r"(?<=\.) ", part.text):
                if len(sentence) > 60:
                    where.setdefault(sentence, set()).add(key(document.label))
    assert any(len(labels) > 1 for labels in where.values())


def test_principals(people: dict[str, dict[str, Any]]) -> None:
    assert set(people) == {*ASKERS, "auditor"}
    for person in people.values():
        assert set(person) == {
            *("tenant", "clearance", "compartments", "nationality"),
            *("authorities", "roles", "purposes"),
        }
    assert people["auditor"]["roles"] == ["auditor"]
    assert "ingester" in people["lead"]["roles"]


def test_everybody_has_real_work(
    documents: dict[str, Document], people: dict[str, dict[str, Any]]
) -> None:
    readable = {
        name: sum(all(visible(p.label, people[name]) for p in d.parts) for d in documents.values())
        for name in ASKERS
    }
    assert readable["trainee"] >= 0.5 * len(documents)
    assert readable["liaison"] >= 0.5 * len(documents)
    assert readable["trainee"] < readable["analyst"] < readable["lead"] == len(documents)
