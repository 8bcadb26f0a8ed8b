"""The keyword arm: BM25 over the visible part, with statistics of the visible part alone."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policy.scope import Scope
from retrieval.ports import PassageStore, Posting, Statistics
from retrieval.types import Hit

_K1 = 1.5
_B = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Hits, best first, and how rare each term is among the visible chunks."""

    hits: list[Hit]
    idf: Mapping[str, float]


async def search(store: PassageStore, terms: Sequence[str], limit: int, *, scope: Scope) -> Ranking:
    """Ranks the visible chunks that have any of the terms."""
    postings = await store.postings(terms, scope=scope)
    return rank(postings, await store.statistics(scope=scope), terms, limit)


def rank(
    postings: Sequence[Posting], statistics: Statistics, terms: Sequence[str], limit: int
) -> Ranking:
    """BM25 (Robertson's, with the never-negative idf). Adds up in the order of terms: same bits each run."""
    by_term: dict[str, list[Posting]] = defaultdict(list)
    for posting in postings:
        by_term[posting.term].append(posting)
    idf = {term: _idf(len(by_term[term]), statistics.chunks) for term in sorted(set(terms))}
    average = statistics.terms / max(1, statistics.chunks)
    scores: dict[str, float] = defaultdict(float)
    for term, weight in idf.items():
        for posting in by_term[term]:
            norm = _K1 * (1 - _B + _B * posting.length / average)
            scores[posting.chunk_id] += weight * posting.tf * (_K1 + 1) / (posting.tf + norm)
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return Ranking(hits=[Hit(chunk_id=chunk, score=score) for chunk, score in best], idf=idf)


def _idf(df: int, chunks: int) -> float:
    return math.log(1 + (chunks - df + 0.5) / (df + 0.5))
