"""The sample case file keeps its own rules: counts, labels, spans, and who may read what."""

from __future__ import annotations

import csv
import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

CASEFILE = Path(__file__).resolve().parents[2] / "eval" / "casefile"
DOCUMENTS = CASEFILE / "documents"
ASKERS = ("analyst", "lead", "liaison", "trainee")
LEVELS = ("U", "C", "S", "TS")
LABEL_FIELDS = {"classification", "compartments", "releasable_to", "authorities", "handling"}
QUESTION_FIELDS = {"id", "split", "type", "question", "evidence", "gold", "also_relevant"}
WORD = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
PORTION_MARK = re.compile(r"^\(((?:TS|S|C|U)(?://[^()]+)?)\)\s+")
STOP_WORDS = frozenset(
    "the and for was were are who whom whose what when where which why how did does has have had "
    "his her him she they them that this with from into out our its not been one get got will "
    "would can could may about there their really actually much many per all any than then but "
    "you your until under over".split()
)

Label = dict[str, Any]
Question = dict[str, Any]


class Part(NamedTuple):
    text: str
    label: Label


class Document(NamedTuple):
    id: str
    title: str
    path: Path
    label: Label | None
    parts: list[Part]
    words: int


def squash(text: str) -> str:
    return " ".join(text.split())


def parse_mark(mark: str) -> Label:
    first, *rest = mark.split("//")
    label: Label = {"classification": first}
    for part in rest:
        if part == "NF":
            label["releasable_to"] = ["USA"]
        elif part.startswith("REL TO "):
            label["releasable_to"] = [name.strip() for name in part[len("REL TO ") :].split(",")]
        else:
            label["compartments"] = part.split("/")
    return label


def key(label: Label) -> str:
    return json.dumps(
        {name: sorted(v) if isinstance(v, list) else v for name, v in label.items()}, sort_keys=True
    )


def visible(label: Label, person: dict[str, Any]) -> bool:
    released = label.get("releasable_to")
    return (
        LEVELS.index(person["clearance"]) >= LEVELS.index(label["classification"])
        and set(label.get("compartments", [])) <= set(person["compartments"])
        and (released is None or person["nationality"] in released)
    )


def read_front_matter(path: Path) -> Document:
    opening, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert opening == "", path
    meta = yaml.safe_load(head)
    assert set(meta) == {"id", "title", "label", "date", "kind"}, path
    parts = []
    for paragraph in re.split(r"\n\s*\n", body.strip()):
        found = PORTION_MARK.match(paragraph)
        text = squash(PORTION_MARK.sub("", paragraph))
        parts.append(Part(text, parse_mark(found[1]) if found else meta["label"]))
    words = sum(len(part.text.split()) for part in parts)
    return Document(meta["id"], meta["title"], path, meta["label"], parts, words)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def row_sentence(row: dict[str, str]) -> str:
    return (
        f"On {row['date']}, {row['from_name']} (account {row['from_account']}) "
        f"paid {row['currency']} {float(row['amount']):,.2f} "
        f"to {row['to_name']} (account {row['to_account']}), "
        f'reference "{row["reference"]}" (transaction {row["transaction_id"]}).'
    )


def read_all() -> Iterator[Document]:
    for path in sorted(DOCUMENTS.rglob("*")):
        if path.is_dir():
            continue
        if path.suffix in {".md", ".txt"}:
            yield read_front_matter(path)
        elif path.suffix == ".jsonl":
            for line in path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                assert set(record) == {"id", "title", "text", "label", "metadata"}
                part = Part(squash(record["text"]), record["label"])
                yield Document(
                    record["id"],
                    record["title"],
                    path,
                    record["label"],
                    [part],
                    len(part.text.split()),
                )
        else:
            assert path.suffix == ".csv", path
            parts = [Part(row_sentence(r), parse_mark(r["marking"])) for r in read_rows(path)]
            yield Document(path.stem, path.stem, path, None, parts, 0)


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    found = list(read_all())
    assert len({d.id for d in found}) == len(found)
    return {d.id: d for d in found}


@pytest.fixture(scope="module")
def people() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = json.loads((CASEFILE / "principals.json").read_text())
    return loaded


def read_questions(name: str) -> list[Question]:
    lines = (CASEFILE / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return read_questions("questions.jsonl")


@pytest.fixture(scope="module")
def near_misses() -> list[Question]:
    return read_questions("near_misses.jsonl")


@pytest.fixture(scope="module")
def corpus_words(documents: dict[str, Document]) -> set[str]:
    """Every word of every document, its id and title included, in its own spelling."""
    return {
        word
        for document in documents.values()
        for text in (document.id, document.title, *(part.text for part in document.parts))
        for word in WORD.findall(text)
    }


def holding(documents: dict[str, Document], piece: dict[str, str]) -> Part:
    """The one part of the named document that holds the span."""
    parts = [p for p in documents[piece["document_id"]].parts if squash(piece["span"]) in p.text]
    assert len(parts) == 1, (piece, len(parts))
    return parts[0]


def names_in(question: str) -> list[list[str]]:
    """Neighbouring words after the first that have a capital or a digit: names and identifiers."""
    _, _, rest = question.partition(" ")
    names: list[list[str]] = [[]]
    for word in WORD.findall(rest.replace("'s", "")):
        if word[0].isupper() or any(c.isdigit() for c in word):
            names[-1].append(word)
        elif names[-1]:
            names.append([])
    return [name for name in names if name]


def is_absent(name: list[str], corpus_words: set[str]) -> bool:
    """No word of the name stands in any document, in this or in a similar spelling."""
    known = {word.lower() for word in corpus_words}
    capitalised = {word.lower() for word in corpus_words if word[0].isupper() and word.isalpha()}
    return not any(
        word.lower() in known
        or (word.isalpha() and difflib.get_close_matches(word.lower(), capitalised, 1, 0.7))
        for word in name
    )


def content_words(text: str) -> set[str]:
    words = set()
    for token in re.findall(r"[a-z]+", text.lower()):
        if len(token) <= 2 or token in STOP_WORDS:
            continue
        for suffix in (
            "ations",
            "ation",
            "ings",
            "ing",
            "edly",
            "ed",
            "ies",
            "es",
            "s",
            "ly",
            "er",
        ):
            if token.endswith(suffix) and len(token) - len(suffix) >= 3:
                token = token[: -len(suffix)]
                break
        words.add(token)
    return words


def overlap(question: Question) -> float:
    """The greatest share of the question's content words found in any one of its spans."""
    asked = content_words(question["question"])
    return max(len(asked & content_words(e["span"])) / len(asked) for e in question["evidence"])


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


def test_question_counts_and_split(questions: list[Question]) -> None:
    assert len(questions) == 120
    assert len({q["id"] for q in questions}) == 120
    assert len({q["question"].lower() for q in questions}) == 120
    assert Counter(q["split"] for q in questions) == {"tune": 60, "gate": 60}
    types = {
        split: Counter(q["type"] for q in questions if q["split"] == split)
        for split in ("tune", "gate")
    }
    assert types["tune"] == types["gate"]
    for question in questions:
        assert set(question) == QUESTION_FIELDS
        assert set(question["gold"]) == set(ASKERS)


def test_spans_and_answers(questions: list[Question], documents: dict[str, Document]) -> None:
    for question in questions:
        for piece in question["evidence"]:
            assert "\n" not in piece["span"]
            assert not PORTION_MARK.match(piece["span"])
            holding(documents, piece)
            assert piece["answer"]
            assert piece["answer"] in piece["span"], piece


def test_a_span_that_stands_elsewhere_too_is_listed_there(
    questions: list[Question], documents: dict[str, Document]
) -> None:
    for question in questions:
        listed = {(e["document_id"], e["span"]) for e in question["evidence"]}
        for _, span in listed:
            for document in documents.values():
                if any(span in part.text for part in document.parts):
                    assert (document.id, span) in listed, (question["id"], document.id)


def test_also_relevant_passages_exist_and_are_not_evidence(
    questions: list[Question], documents: dict[str, Document]
) -> None:
    for question in questions:
        evidence = [(e["document_id"], e["span"]) for e in question["evidence"]]
        passages = [(p["document_id"], p["span"]) for p in question["also_relevant"]]
        assert len(set(passages)) == len(passages), question["id"]
        for piece, (document_id, span) in zip(question["also_relevant"], passages, strict=True):
            assert set(piece) == {"document_id", "span"}
            assert span in holding(documents, piece).text
            for gold_id, gold_span in evidence:
                assert span != gold_span, (question["id"], span)
                inside = span in gold_span or gold_span in span
                assert document_id != gold_id or not inside, (question["id"], span)


def test_gold_is_what_that_person_may_read(
    questions: list[Question],
    documents: dict[str, Document],
    people: dict[str, dict[str, Any]],
) -> None:
    for question in questions:
        labels = [holding(documents, e).label for e in question["evidence"]]
        for name in ASKERS:
            gold = question["gold"][name]
            readable = {i for i, label in enumerate(labels) if visible(label, people[name])}
            assert len(set(gold)) == len(gold)
            assert set(gold) <= readable, (question["id"], name)
            assert bool(gold) == bool(readable), (question["id"], name)
        used = {i for gold in question["gold"].values() for i in gold}
        assert used == set(range(len(labels))), question["id"]


def test_answers_differ_by_person(questions: list[Question]) -> None:
    def answers(question: Question) -> list[frozenset[str]]:
        pieces = question["evidence"]
        return [frozenset(pieces[i]["answer"] for i in question["gold"][name]) for name in ASKERS]

    assert sum(len(set(answers(q))) > 1 for q in questions) >= 25
    assert sum(len({a for a in answers(q) if a}) > 1 for q in questions) >= 15
    for split in ("tune", "gate"):
        half = [q for q in questions if q["split"] == split]
        assert sum(len(set(answers(q))) > 1 for q in half) >= 12


def test_some_questions_have_no_answer(questions: list[Question]) -> None:
    empty = [q for q in questions if not any(q["gold"].values())]
    assert Counter(q["split"] for q in empty) == {"tune": 12, "gate": 12}
    assert empty == [q for q in questions if q["type"] == "none"]
    for question in empty:
        assert question["evidence"] == []
        assert question["also_relevant"] == []


def test_a_question_without_answer_names_something_that_is_absent(
    questions: list[Question], corpus_words: set[str]
) -> None:
    for question in questions:
        if question["type"] == "none":
            names = names_in(question["question"])
            assert any(is_absent(name, corpus_words) for name in names), question["id"]


def test_near_misses_ask_what_is_not_said_of_known_things(
    near_misses: list[Question], questions: list[Question], corpus_words: set[str]
) -> None:
    both = questions + near_misses
    assert len({q["id"] for q in both}) == len({q["question"].lower() for q in both}) == len(both)
    splits = Counter(q["split"] for q in near_misses)
    assert splits["tune"] == splits["gate"] >= 6
    assert splits.total() == len(near_misses)
    for question in near_misses:
        assert set(question) == QUESTION_FIELDS
        assert question["type"] == "none"
        assert question["evidence"] == question["also_relevant"] == []
        assert question["gold"] == {name: [] for name in ASKERS}
        words = {word for name in names_in(question["question"]) for word in name}
        assert words, question["id"]
        assert words <= corpus_words, question["id"]


def test_most_answers_take_one_or_two_sentences(questions: list[Question]) -> None:
    answerable = [q for q in questions if q["evidence"]]
    hops = [q for q in answerable if q["type"] == "chain"]
    assert 6 <= len(hops) <= 10
    assert len(answerable) - len(hops) >= 85
    for question in hops:
        assert max(len(gold) for gold in question["gold"].values()) >= 2


def test_questions_do_not_parrot_their_evidence(questions: list[Question]) -> None:
    answerable = [q for q in questions if q["evidence"]]
    assert 2 * sum(overlap(q) < 0.5 for q in answerable) >= len(answerable)


def test_the_ownership_chain_is_spread_over_four_documents(questions: list[Question]) -> None:
    (chain,) = [q for q in questions if q["question"].startswith("Trace the ownership")]
    assert len({e["document_id"] for e in chain["evidence"]}) == 4
    assert len({tuple(gold) for gold in chain["gold"].values()}) >= 3


def test_demo(questions: list[Question], people: dict[str, dict[str, Any]]) -> None:
    demo = json.loads((CASEFILE / "demo.json").read_text())
    assert set(demo) == {"principals", "questions"}
    first, second = demo["principals"]
    assert {first, second} <= set(people)
    assert len(demo["questions"]) == 3
    by_text = {q["question"]: q for q in questions}
    for text in demo["questions"]:
        assert by_text[text]["split"] == "tune"
        assert by_text[text]["gold"][first] != by_text[text]["gold"][second]
