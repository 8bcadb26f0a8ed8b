"""What a read draws on: every part that was shown, once, under the label that decides about it."""

from dataclasses import replace

from copilot.reads import Read, entities_in, read_in
from copilot.results import DocumentView, EntityMention, EntityView, PartView
from policy.labels import Label
from tests.unit.api.fakes import ANSWER, CITATION, LABEL, OWNS, SENTENCE
from tests.unit.policy.fakes import label

OPEN = label("U")


def part(name: str, of: Label) -> PartView:
    return PartView(part_id=name, text="A text.", label=of, marking="")


def mention(name: str, of: Label) -> EntityMention:
    return EntityMention(
        document_id="d1", part_id=name, chunk_id="c1", start=0, end=1, surface="K", label=of, marking=""
    )  # fmt: skip


def test_a_document_draws_on_each_of_its_parts_in_order() -> None:
    view = DocumentView(
        document_id="d1",
        title=None,
        metadata={},
        banner="S",
        parts=(part("p2", LABEL), part("p1", OPEN)),
        ledger_id="",
    )
    assert read_in(view) == [
        Read(part_id="p2", label=LABEL, document_id=view.document_id),
        Read(part_id="p1", label=OPEN, document_id=view.document_id),
    ]
    assert read_in(replace(view, parts=())) == []


def test_an_entity_draws_on_its_mentions_and_on_what_its_relations_cite() -> None:
    relation = replace(OWNS, citation=replace(CITATION, part_id="p9"))
    view = EntityView(
        entity_id="e1",
        name="K",
        entity_kind="organisation",
        aliases=(),
        mentions=(mention("p1", OPEN), mention("p1", OPEN)),
        mention_count=2,
        relations=(relation,),
        ledger_id="",
    )
    assert read_in(view) == [
        Read(part_id="p1", label=OPEN, document_id="d1"),
        Read(part_id="p9", label=LABEL, document_id="d1"),
    ]
    assert entities_in(view) == ["e1", "e2"]


def test_an_answer_draws_on_all_that_its_sentences_cite() -> None:
    second = replace(
        SENTENCE, citations=(CITATION, replace(CITATION, part_id="p2"), replace(CITATION, start=1))
    )
    answer = replace(ANSWER, sentences=(SENTENCE, second))
    assert [one.part_id for one in read_in(answer)] == ["p1", "p2"]


def test_one_part_under_two_labels_is_decided_about_twice() -> None:
    second = replace(SENTENCE, citations=(replace(CITATION, label=OPEN),))
    assert [one.label for one in read_in(replace(ANSWER, sentences=(SENTENCE, second)))] == [
        LABEL,
        OPEN,
    ]


def test_a_read_is_recorded_with_part_and_label() -> None:
    of_document = Read(part_id="p1", label=LABEL, document_id="d1").to_json()
    assert of_document == {"part_id": "p1", "label": LABEL.to_json(), "document_id": "d1"}
    assert Read(part_id="p1", label=LABEL).to_json() == {"part_id": "p1", "label": LABEL.to_json()}
