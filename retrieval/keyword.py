"""The keyword arm: BM25 over the visible part, with statistics of the visible part alone."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from policy.scope import Scope
from retrieval.ports import PassageStore, Posting, Statistics
from retrieval.types import Hit

_K1 = 1.5
_B = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Hits, best first, and the statistics of the visible part that they were scored by."""

    hits: list[Hit]
    idf: Mapping[str, float]
    """Rarity of each asked term."""
    average: float
    """Terms of a chunk in the mean."""

    def score(self, counts: Mapping[str, int], length: int) -> float:
        """BM25 of a chunk with these counts of terms."""
        return math.fsum(
            weight * saturation(counts.get(term, 0), length, self.average)
            for term, weight in self.idf.items()
        )


NOTHING = Ranking(hits=[], idf={}, average=1.0)


async def search(store: PassageStore, terms: Sequence[str], limit: int, *, scope: Scope) -> Ranking:
    """Ranks the visible chunks that have any of the terms."""
    postings = await store.postings(terms, scope=scope)
    return rank(postings, await store.statistics(scope=scope), terms, limit)


def rank(
    postings: Sequence[Posting], statistics: Statistics, terms: Sequence[str], limit: int
) -> Ranking:
    """BM25 (Robertson's, with the never-negative idf), summed exactly: the same bits in any order."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    lengths: dict[str, int] = {}
    asked = [posting for posting in postings if posting.term in set(terms)]
    for posting in asked:
        counts[posting.chunk_id][posting.term] = posting.tf
        lengths[posting.chunk_id] = posting.length
    frequencies = Counter(posting.term for posting in asked)
    idf = {term: _idf(frequencies[term], statistics.chunks) for term in sorted(set(terms))}
    ranking = Ranking(hits=[], idf=idf, average=statistics.terms / max(1, statistics.chunks))
    scores = {chunk: ranking.score(held, lengths[chunk]) for chunk, held in counts.items()}
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return replace(ranking, hits=[Hit(chunk_id=chunk, score=score) for chunk, score in best])


def saturation(tf: int, length: int, average: float) -> float:
    """What BM25 makes of a term that stands so often in a chunk of so many terms."""
    return tf * (_K1 + 1) / (tf + _K1 * (1 - _B + _B * length / max(average, 1.0)))


def _idf(df: int, chunks: int) -> float:
    return math.log(1 + (chunks - df + 0.5) / (df + 0.5))
