"""The generation scorers give what a reader counts by hand."""

from typing import Any

import pytest

from eval import citing, generation
from tests.unit.eval.examples import LABEL, SHIP, asked, citation, pair, sentence

LEFT = "The Corrin Star left at 06:10."
WET = "The quay was wet and the crane stood still."
PART = {"text": f"{LEFT} {WET}", "label": LABEL}


def test_a_citation_that_says_what_the_part_says_is_valid() -> None:
    assert citing.invalid(citation(LEFT), PART, readable=True) is None


@pytest.mark.parametrize(
    ("change", "part", "readable"),
    [
        ({}, None, True),
        ({}, PART, False),
        ({}, PART | {"label": LABEL | {"classification": "S"}}, True),
        ({"start": 1, "end": len(LEFT) + 1}, PART, True),
        ({"end": 10_000}, PART, True),
        ({"start": 5, "end": 5}, PART, True),
        ({"quote_sha256": "0" * 64}, PART, True),
    ],
)
def test_anything_else_is_not(change: Any, part: Any, readable: bool) -> None:
    assert citing.invalid(citation(LEFT) | change, part, readable) is not None


def test_a_sentence_is_recalled_where_all_it_cites_together_supports_it() -> None:
    supported, invented = sentence(LEFT, LEFT), sentence("The crew was paid in gold.", LEFT)
    assert citing.recall([supported]) == 1
    assert citing.recall([supported, invented]) == 1 / 2
    assert citing.recall([sentence(LEFT)]) == 0


def test_a_citation_counts_where_it_supports_alone_or_the_others_do_not_without_it() -> None:
    assert citing.precision([sentence(LEFT, LEFT, WET)]) == 1 / 2
    both = sentence("The Corrin Star left at 06:10, the quay was wet, the crane stood still.", LEFT, WET)  # fmt: skip
    assert citing.precision([both]) == 1
    assert citing.precision([sentence("The crew was paid in gold.", LEFT, WET)]) == 0


def test_a_figure_must_stand_in_what_the_sentence_cites() -> None:
    assert citing.figures_stand(sentence("It left at 06:10.", LEFT))
    assert not citing.figures_stand(sentence("It left at 06:20.", LEFT))


def test_the_gold_answer_stands_in_any_case_and_spacing_within_four_sentences() -> None:
    assert generation.gold_stands(asked(pair(0), sentence("It left at  06:10.", LEFT)))
    assert not generation.gold_stands(asked(pair(2), sentence(LEFT, LEFT)))
    padding = [sentence("It rained.", "It rained.")] * 4
    assert not generation.gold_stands(asked(pair(0), sentence(LEFT, LEFT), *padding))


def test_a_block_of_sentences_under_one_citation_is_as_long_as_it_reads() -> None:
    block = f"{LEFT} It rained. It stopped. It rained again. The sun came out."
    assert not generation.gold_stands(asked(pair(0), sentence(block, block)))


def test_a_chain_needs_all_its_pieces() -> None:
    one = asked(pair(0, 2, kind="chain"), sentence(LEFT, LEFT))
    assert generation.gold_stands(one)
    assert not generation.all_pieces_stand(one)


def test_sentences_of_an_answer_count_where_they_bear_on_the_question() -> None:
    one = asked(pair(0), sentence(SHIP.span, LEFT), sentence("It rained.", "It rained."))
    assert generation.answer_precision(one) == (1, 2)


def test_refusals_are_right_only_where_nothing_answers() -> None:
    run = [
        asked(pair(0, name="q1")),
        asked(pair(0, name="q2"), sentence(LEFT, LEFT)),
        asked(pair(kind="none", name="q3")),
        asked(pair(kind="none", name="q4"), sentence(LEFT, LEFT)),
        asked(pair(name="q5")),
    ]
    figures = generation.score(run).figures
    assert figures["wrongly_refused"].value == 1 / 2
    assert figures["rightly_refused"].value == 1 / 2
    assert figures["hidden_refused"].value == 1
    assert figures["gold_answer_stands"].value == 1 / 2
    assert figures["gold_answer_stands_where_answered"].value == 1


def test_a_perfect_run_holds_every_gate_and_an_empty_one_none() -> None:
    run = [asked(pair(0), sentence(LEFT, LEFT)), asked(pair(kind="none", name="q2"))]
    assert generation.score(run).passed
    assert not generation.score([]).passed


def test_one_citation_that_does_not_stand_fails_the_gate_of_validity() -> None:
    run = [asked(pair(0), sentence(LEFT, LEFT), invalid=("it is made up",))]
    result = generation.score(run)
    assert "citation_validity" in result.failed_gates
    assert "it is made up" in result.failures[0].reason


def test_an_uncited_sentence_does_not_stand_either() -> None:
    assert generation.score([asked(pair(0), sentence(LEFT))]).figures["citation_validity"].value == 0  # fmt: skip
