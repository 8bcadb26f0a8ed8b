"""What several questions found becomes one list: by the best score, whoever came first where they are alike."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.analysis import analyse
from retrieval.context import best
from retrieval.hybrid import Found
from retrieval.several import better, merged
from retrieval.terms import Terms
from retrieval.types import Arm, ArmHit, Context
from tests.unit.retrieval.contexts import context


def found(*contexts: Context) -> Found:
    plan = analyse("Who?", Terms())
    return Found(plan=plan, contexts=contexts, vector=np.zeros(3, "f4"), idf={}, arms={})


def by(arm: Arm, name: str, score: float) -> Context:
    return replace(context(name, score=score), arms=(ArmHit(arm=arm, rank=1, score=score),))


def test_a_passage_is_told_as_the_question_found_it_that_it_fits_best() -> None:
    first = found(by(Arm.VECTOR, "a", 0.5), by(Arm.VECTOR, "b", 0.4))
    second = found(by(Arm.GRAPH, "b", 0.9), by(Arm.GRAPH, "a", 0.5), by(Arm.GRAPH, "c", 0.1))
    together = merged([first, second], 10)
    assert [(one.chunk.chunk_id, one.score) for one in together] == [
        ("b", 0.9),
        ("a", 0.5),
        ("c", 0.1),
    ]
    assert [one.arms[0].arm for one in together] == [Arm.GRAPH, Arm.VECTOR, Arm.GRAPH]
    assert merged([first, second], 1) == together[:1]


@settings(deadline=None)
@given(st.permutations([by(Arm.VECTOR, name, 0.5) for name in "abcd"]))
def test_one_question_alone_stays_as_it_is_with_ties_by_chunk(contexts: list[Context]) -> None:
    assert [one.chunk.chunk_id for one in merged([found(*contexts)], 10)] == list("abcd")


def test_each_question_keeps_its_best_sentence_within_reach_of_the_others() -> None:
    easy = [context("a", best=0.3), context("b", best=0.9)]
    hard = [context("a", best=0.7), context("b", best=0.1)]
    assert [round(best(one), 6) for one in better([easy, hard])] == [0.9, 0.9]


def test_a_question_that_found_nothing_lifts_nothing() -> None:
    easy = [context("a", best=0.0), context("b", best=0.9)]
    lost = [context("a", best=0.2), context("b", best=0.0)]
    assert [round(best(one), 6) for one in better([easy, lost])] == [0.3, 0.9]
    assert better([[], []]) == []


def test_one_question_alone_keeps_its_scores() -> None:
    alone = [context("a", best=0.3), context("b", best=0.9)]
    assert better([alone]) == alone
