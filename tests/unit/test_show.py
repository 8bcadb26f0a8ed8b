"""On a terminal: every sentence with its marking, every source by its number."""

from dataclasses import replace

import pytest

from copilot.commands.show import show_context, show_outcome
from copilot.results import Denied, NotFound, Unavailable
from copilot.serialise import context_json, outcome_json
from tests.unit.api.fakes import ANSWER, CITATION, CONTEXT, SENTENCE


def test_an_answer_shows_its_banner_its_markings_and_where_each_sentence_comes_from(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_outcome(outcome_json(ANSWER))
    assert capsys.readouterr().out.splitlines() == [
        "  [S//HARBOR]",
        f"  (S//HARBOR) {SENTENCE.text} [1]",
        f"    [1] d1, characters 0 to {CITATION.end}, sha256 000000000000…",
    ]


def test_sources_are_numbered_through_the_whole_answer(capsys: pytest.CaptureFixture[str]) -> None:
    first = replace(
        SENTENCE, text="One.", citations=(CITATION, replace(CITATION, document_id="d2"))
    )
    second = replace(
        SENTENCE, text="Two.", marking="(U)", citations=(replace(CITATION, document_id="d3"),)
    )
    show_outcome(outcome_json(replace(ANSWER, sentences=(first, second))))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["  (S//HARBOR) One. [1][2]", "  (U) Two. [3]"]
    assert [line.split(",")[0] for line in lines[3:]] == ["    [1] d1", "    [2] d2", "    [3] d3"]


@pytest.mark.parametrize(
    "outcome",
    [
        NotFound(text="Nothing.", ledger_id="l1"),
        Denied(text="Not you.", reason="role", ledger_id="l1"),
        Unavailable(text="Later.", dependency="model"),
    ],
)
def test_where_there_is_no_answer_kind_and_reason_are_said(
    capsys: pytest.CaptureFixture[str], outcome: NotFound | Denied | Unavailable
) -> None:
    show_outcome(outcome_json(outcome))
    assert capsys.readouterr().out == f"  {outcome.kind}: {outcome.text}\n"


def test_a_long_sentence_is_wrapped_and_keeps_its_indent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_outcome(outcome_json(NotFound(text="word " * 100, ledger_id="l1")))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    assert all(line.startswith("  ") and len(line) <= 100 for line in lines)
    assert sum(line.count("word") for line in lines) == 100


def test_a_hit_shows_marking_document_title_score_and_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    titled = replace(CONTEXT, chunk=replace(CONTEXT.chunk, title="Vessels"))
    show_context(context_json(titled))
    assert capsys.readouterr().out.splitlines() == [
        "  (S//HARBOR) d1: Vessels  score 0.500",
        f"    {CONTEXT.chunk.text}",
    ]


def test_a_hidden_title_and_a_long_text_are_abridged(capsys: pytest.CaptureFixture[str]) -> None:
    show_context(context_json(replace(CONTEXT, chunk=replace(CONTEXT.chunk, text="word " * 200))))
    head, *text = capsys.readouterr().out.splitlines()
    assert "(untitled)" in head
    assert text[-1].endswith("…")
    assert sum(line.count("word") for line in text) < 60
