"""The retrieval scorers give what a reader counts by hand."""

import pytest

from eval import retrieval
from eval.retrieval import Searched
from tests.unit.eval.examples import CRANE, SHIP, TRUCK, context, pair

NOISE = context("Nothing of note.", "Z", vector=1)


def test_a_passed_on_context_counts_where_it_holds_a_span_that_bears_on_the_question() -> None:
    contexts = [
        context("Before. The Corrin Star\nleft at 06:10. After."),
        context("the QUAY was wet."),
        NOISE,
    ]
    searched = Searched(pair=pair(0), passed_on=contexts, ranked=[])
    assert retrieval.precision(searched) == (2, 3)
    assert retrieval.strict_precision(searched) == (1, 3)


def test_evidence_for_somebody_else_is_relevant_but_not_gold() -> None:
    searched = Searched(pair=pair(0), passed_on=[context(TRUCK.span, "B")], ranked=[])
    assert retrieval.precision(searched) == (1, 1)
    assert retrieval.strict_precision(searched) == (0, 1)


def test_a_gold_document_is_found_by_any_of_its_gold_spans_within_the_first_k() -> None:
    ranked = [NOISE, context(CRANE.span, "part-of-A"), context(TRUCK.span, "B")]
    searched = Searched(pair=pair(0, 1, 2), passed_on=[], ranked=ranked)
    assert [retrieval.recall(searched, k) for k in (1, 2, 3)] == [(0, 2), (1, 2), (2, 2)]
    assert retrieval.reciprocal_rank(searched) == 1 / 2


def test_another_passage_of_the_document_counts_by_id_alone() -> None:
    searched = Searched(pair=pair(0), passed_on=[], ranked=[context("Of the same.", "A")])
    assert retrieval.recall(searched, 20) == (0, 1)
    assert retrieval.recall_by_id(searched) == (1, 1)


def test_an_arm_counts_for_what_it_ranks_among_its_first_ten() -> None:
    ranked = [context(SHIP.span, vector=11, keyword=10)]
    searched = Searched(pair=pair(0), passed_on=[], ranked=ranked)
    assert retrieval.by_arm(searched, "vector") == (0, 1)
    assert retrieval.by_arm(searched, "keyword") == (1, 1)


def test_the_gates_take_all_contexts_and_all_gold_documents_together() -> None:
    good = Searched(pair=pair(0), passed_on=[context(SHIP.span)], ranked=[context(SHIP.span)])
    bad = Searched(pair=pair(2, name="q2"), passed_on=[NOISE, NOISE, NOISE], ranked=[NOISE])
    result = retrieval.score([good, bad])
    assert result.figures["precision"].value == pytest.approx(1 / 4)
    assert result.figures["recall@20"].value == pytest.approx(1 / 2)
    assert result.failed_gates == ["precision", "recall@20"]
    assert {one.name for one in result.failures} == {"q2/ann/recall", "q2/ann/precision"}
