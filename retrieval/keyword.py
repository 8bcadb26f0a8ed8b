"""The keyword arm: BM25 over the visible part, with statistics of the visible part alone."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from policy.scope import Scope
from retrieval.ports import PassageStore, Postings
from retrieval.types import Hit

Numbers = TypeVar("Numbers", float, NDArray[np.float64])

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
        score = 0.0
        for term, weight in self.idf.items():
            if term in counts:
                score += weight * saturation(counts[term], length, self.average)
        return score


NOTHING = Ranking(hits=[], idf={}, average=1.0)


async def search(store: PassageStore, terms: Sequence[str], limit: int, *, scope: Scope) -> Ranking:
    """Ranks the visible chunks that have any of the terms."""
    postings = await store.postings(terms, scope=scope)
    ranking = statistics(postings, terms)
    scored = await asyncio.to_thread(best, postings, ranking, limit)
    ids = await store.identify(postings, [*scored], scope=scope)
    hits = [Hit(chunk_id=ids[position], score=scored[position]) for position in ids]
    hits.sort(key=lambda hit: (-hit.score, hit.chunk_id))
    return replace(ranking, hits=hits[:limit])


def statistics(postings: Postings, terms: Sequence[str]) -> Ranking:
    """How rare each term is among the visible chunks, and how long those are; no hits yet."""
    idf = {
        term: _idf(len(postings.lists[term].positions) if term in postings.lists else 0, postings)
        for term in sorted(set(terms))
    }
    return Ranking(hits=[], idf=idf, average=postings.terms / max(1, postings.chunks))


def best(postings: Postings, ranking: Ranking, limit: int) -> dict[int, float]:
    """The positions of the `limit` best with their scores, and all that tie with the last of them."""
    scores = np.zeros(postings.size)
    for term, weight in ranking.idf.items():  # in the order of terms: the same bits each time
        if term in postings.lists:
            one = postings.lists[term]
            counts, lengths = one.counts.astype(np.float64), one.lengths.astype(np.float64)
            scores[one.positions] += weight * saturation(counts, lengths, ranking.average)
    found = np.flatnonzero(scores)
    if len(found) > limit:
        cut = np.partition(scores[found], len(found) - limit)[len(found) - limit]
        found = found[scores[found] >= cut]
    return {int(position): float(scores[position]) for position in found}


def saturation(count: Numbers, length: Numbers, average: float) -> Numbers:
    """What BM25 makes of a term that stands so often in a chunk of so many terms."""
    norm = _K1 * (1 - _B + _B * length / max(average, 1.0))
    return count * (_K1 + 1) / (count + norm)


def _idf(df: int, postings: Postings) -> float:
    return math.log(1 + (postings.chunks - df + 0.5) / (df + 0.5))
