"""How well a passage fits by itself: shares of the best, over what was told."""

import pytest

from retrieval.fit import Fit
from retrieval.keyword import NOTHING, Ranking
from retrieval.ports import Weight
from retrieval.types import Hit

RANKING = Ranking(hits=[], idf={"quay": 2.0, "drell": 6.0}, average=4.0)


def weight(similarity: float, **counts: int) -> Weight:
    return Weight(similarity=similarity, length=4, counts=counts)


def test_meaning_and_words_are_shares_of_the_best_in_equal_parts() -> None:
    best = RANKING.score("a", weight(0.8, quay=1, drell=1))
    ranking = Ranking(hits=[Hit(chunk_id="a", score=best)], idf=RANKING.idf, average=4.0)
    fit = Fit([Hit(chunk_id="a", score=0.8)], ranking)
    fit.learn({"a": weight(0.8, quay=1, drell=1), "b": weight(0.4, quay=1)})
    assert (fit.meaning("a"), fit.words("a"), fit.score("a")) == (1.0, 1.0, 1.0)
    assert (fit.meaning("b"), fit.words("b")) == pytest.approx((0.5, 0.25))
    assert fit.score("b") == pytest.approx(0.375)


def test_what_points_the_other_way_or_is_unknown_fits_nothing() -> None:
    fit = Fit([Hit(chunk_id="a", score=0.8)], RANKING)
    fit.learn({"b": weight(-0.4)})
    for one in ("b", "unknown"):
        covered = fit.asked(frozenset(["quay"])).covered(one)
        assert (fit.meaning(one), fit.words(one), covered) == (0.0, 0.0, 0.0)
    assert fit.unknown(["c", "b", "a", "c"]) == ["a", "c"]


def test_coverage_goes_by_rarity() -> None:
    fit = Fit([], RANKING)
    fit.learn({"a": weight(0.1, drell=3)})
    both = fit.asked(frozenset(["quay", "drell"]))
    assert both.covered("a") == 0.75
    assert both.coverage({"quay", "berth"}) == 0.25
    assert fit.asked(frozenset(["unheard"])).coverage({"unheard"}) == 0.0


def test_what_is_learnt_later_is_covered_as_well() -> None:
    fit = Fit([], RANKING)
    asked = fit.asked(frozenset(["drell"]))
    assert (asked.covered("a"), fit.words("a")) == (0.0, 0.0)
    fit.learn({"a": weight(0.1, drell=3)})
    assert asked.covered("a") == 1.0


def test_without_any_hit_nothing_fits() -> None:
    fit = Fit([], NOTHING)
    fit.learn({"a": weight(0.5, quay=1)})
    assert fit.score("a") == 0.0
