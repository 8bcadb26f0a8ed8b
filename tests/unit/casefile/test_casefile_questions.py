"""The questions of the case file hold together with its documents and people."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.unit.casefile.reading import (
    ASKERS,
    CASEFILE,
    PORTION_MARK,
    QUESTION_FIELDS,
    Document,
    Question,
    holding,
    is_absent,
    names_in,
    overlap,
    visible,
)


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
