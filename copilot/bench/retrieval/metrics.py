"""Metrics: what one ranking is worth for one question, each from 0 to 1."""

import math
from collections.abc import Sequence, Set


def recall(ranking: Sequence[str], gold: Set[str], k: int) -> float:
    """Gold among the first `k`, over all gold. `gold` must hold something."""
    return len(gold & set(ranking[:k])) / len(gold)


def all_gold(ranking: Sequence[str], gold: Set[str], k: int) -> float:
    """1 where all gold stands among the first `k`, else 0."""
    return float(gold <= set(ranking[:k]))


def reciprocal_rank(ranking: Sequence[str], gold: Set[str]) -> float:
    """One over the rank of the first that is gold; 0 where none is."""
    return next((1 / rank for rank, one in enumerate(ranking, start=1) if one in gold), 0.0)


def ndcg(ranking: Sequence[str], gold: Set[str], k: int) -> float:
    """Discounted gain of the first `k`, over the best that any ranking could have."""
    gains = (_discount(rank) for rank, one in enumerate(ranking[:k], start=1) if one in gold)
    return math.fsum(gains) / math.fsum(map(_discount, range(1, min(k, len(gold)) + 1)))


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def distinct(ranking: Sequence[str]) -> list[str]:
    """Each once, where it stands first."""
    return list(dict.fromkeys(ranking))


def reciprocal_rank_fusion(rankings: Sequence[Sequence[str]], constant: int = 60) -> list[str]:
    """Several rankings as one by the sum of 1 / (constant + rank), as in Cormack et al. 2009; ties by id."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking, start=1):
            scores[one] = scores.get(one, 0.0) + 1 / (constant + rank)
    return sorted(scores, key=lambda one: (-scores[one], one))
