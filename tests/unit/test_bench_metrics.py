"""The metrics of the retrieval bench, on cases worked out by hand and on rankings drawn at random."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.bench.retrieval import metrics

RANKING = ["a", "b", "c", "d", "e", "f"]
_IDS = [f"p{number}" for number in range(12)]
_RANKINGS = st.permutations(_IDS).flatmap(
    lambda every: st.integers(0, len(every)).map(lambda size: every[:size])
)
_GOLD = st.sets(st.sampled_from(_IDS), min_size=1)
_K = st.integers(1, 15)


@pytest.mark.parametrize(("k", "value"), [(1, 0.0), (2, 0.5), (4, 0.5), (5, 1.0), (50, 1.0)])
def test_recall_is_the_share_of_gold_within_the_first(k: int, value: float) -> None:
    assert metrics.recall(RANKING, {"b", "e"}, k) == value


def test_all_gold_is_all_or_nothing() -> None:
    assert metrics.all_gold(RANKING, {"b", "e"}, 4) == 0
    assert metrics.all_gold(RANKING, {"b", "e"}, 5) == 1


@pytest.mark.parametrize(("gold", "value"), [({"a", "f"}, 1.0), ({"c", "e"}, 1 / 3), ({"z"}, 0.0)])
def test_the_reciprocal_rank_is_of_the_first_gold(gold: set[str], value: float) -> None:
    assert metrics.reciprocal_rank(RANKING, gold) == value


def test_ndcg_discounts_by_rank_and_is_measured_against_the_best_order() -> None:
    best = 1 + 1 / math.log2(3)
    assert metrics.ndcg(RANKING, {"a", "b"}, 10) == 1
    assert metrics.ndcg(RANKING, {"a", "c"}, 10) == pytest.approx((1 + 1 / 2) / best)
    assert metrics.ndcg(RANKING, {"a", "c"}, 2) == pytest.approx(1 / best)
    assert metrics.ndcg(RANKING, {"z"}, 10) == 0


def test_ndcg_asks_for_no_more_gold_than_there_are_places() -> None:
    assert metrics.ndcg(RANKING, {"a", "b", "c"}, 2) == 1


def test_ranks_are_fused_by_their_reciprocals_and_ties_go_by_id() -> None:
    assert metrics.reciprocal_rank_fusion([["a", "b", "c"], ["b", "d", "a"]]) == list("badc")
    assert metrics.reciprocal_rank_fusion([["b"], ["a"]]) == ["a", "b"]


@given(_RANKINGS, _GOLD, _K)
def test_every_metric_lies_between_nothing_and_all(
    ranking: Sequence[str], gold: set[str], k: int
) -> None:
    values = [
        metrics.recall(ranking, gold, k),
        metrics.all_gold(ranking, gold, k),
        metrics.reciprocal_rank(ranking, gold),
        metrics.ndcg(ranking, gold, k),
    ]
    assert all(0 <= value <= 1 + 1e-12 for value in values)


@given(_RANKINGS, _GOLD, _K)
def test_looking_further_loses_nothing(ranking: Sequence[str], gold: set[str], k: int) -> None:
    assert metrics.recall(ranking, gold, k) <= metrics.recall(ranking, gold, k + 1)
    assert metrics.all_gold(ranking, gold, k) <= metrics.all_gold(ranking, gold, k + 1)


@given(_RANKINGS, _GOLD, _K)
def test_all_gold_is_found_exactly_where_recall_is_full(
    ranking: Sequence[str], gold: set[str], k: int
) -> None:
    assert metrics.all_gold(ranking, gold, k) == (metrics.recall(ranking, gold, k) == 1)


@given(_RANKINGS, _GOLD)
def test_gold_first_is_the_best_order(ranking: Sequence[str], gold: set[str]) -> None:
    best = sorted(ranking, key=lambda one: one not in gold)
    for k in (2, 5, 10):
        assert metrics.ndcg(ranking, gold, k) <= metrics.ndcg(best, gold, k) + 1e-12
        assert metrics.recall(ranking, gold, k) <= metrics.recall(best, gold, k)


@given(_RANKINGS, st.integers(1, 5))
def test_a_ranking_fused_with_itself_stays(ranking: Sequence[str], times: int) -> None:
    assert metrics.reciprocal_rank_fusion([ranking] * times) == list(ranking)


@given(st.lists(st.sampled_from(_IDS)))
def test_distinct_keeps_the_first_of_each(ranking: list[str]) -> None:
    found = metrics.distinct(ranking)
    assert sorted(found) == sorted(set(ranking))
    assert [ranking.index(one) for one in found] == sorted(ranking.index(one) for one in found)
