"""The keyword arm: BM25 over the visible part, with statistics of the visible part alone.

What a question wants to the letter, identifiers and phrases in quotes, comes first: a passage that has one more
of them stands above all that have one less, whatever words those have. BM25 decides among the others.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from policy.scope import Scope
from retrieval.identifiers import MARK
from retrieval.ports import PassageStore, PostingList, Postings, Weight
from retrieval.types import Hit
from retrieval.wording import Phrase, Wording

Numbers = TypeVar("Numbers", float, NDArray[np.float64])
Scores = NDArray[np.float64]

_PART = 1024
_K1 = 1.5
_B = 0.75
_MOST_READ = 1_000
"""Passages with all words of a phrase that are read for it, best first; the bound comes after the scope."""
_NOWHERE = np.empty(0, np.int64)
_READ_AT_ONCE = 50
"""At first; then as many again as were read already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Hits, best first, and the statistics of the visible part that they were scored by."""

    hits: list[Hit]
    idf: Mapping[str, float]
    """Rarity of each asked term."""
    average: float
    """Words of a chunk in the mean."""
    absent: frozenset[str] = frozenset()
    """Asked terms that no visible chunk has."""
    prefixes: Mapping[str, float] = field(default_factory=dict)
    """Rarity of each asked prefix, …"""
    expanded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """… and the visible terms that it stands for."""
    phrases: tuple[Phrase, ...] = ()
    exact: float = 1.0
    """What an identifier or a phrase is worth: more than all words together can be."""
    held: Mapping[str, int] = field(default_factory=dict)
    """Chunk id → how many of the phrases it has, for those that were read."""

    @property
    def terms(self) -> list[str]:
        """All whose counts `score` wants."""
        return sorted({*self.idf, *(term for some in self.expanded.values() for term in some)})

    def score(self, chunk_id: str, weight: Weight) -> float:
        """What the arm scores the chunk."""
        score = 0.0
        for term, rarity in self.idf.items():
            if term in weight.counts:
                score += self.worth(term, rarity, weight.counts[term], weight.length)
        for prefix, rarity in self.prefixes.items():
            count = sum(weight.counts.get(term, 0) for term in self.expanded[prefix])
            if count:
                score += self.worth(prefix, rarity, count, weight.length)
        return score + self.exact * self.held.get(chunk_id, 0)

    def worth(self, term: str, rarity: float, count: Numbers, length: Numbers) -> Numbers | float:
        """A term's part of the score. An identifier is there or not, however often."""
        if exactly(term):
            return rarity + self.exact
        return rarity * saturation(count, length, self.average)


NOTHING = Ranking(hits=[], idf={}, average=1.0)


async def search(store: PassageStore, wording: Wording, limit: int, *, scope: Scope) -> Ranking:
    """Ranks the visible chunks that have any of the terms."""
    expanded = await _expanded(store, wording, scope)
    asked = {*wording.terms, *(term for some in expanded.values() for term in some)}
    asked |= {form for phrase in wording.phrases for some in phrase.forms for form in some}
    postings = _united(await store.postings(sorted(asked), scope=scope), expanded)
    ranking = statistics(postings, wording, expanded)
    scores = await asyncio.to_thread(scored, postings, ranking)
    if wording.phrases:
        ranking = await _Reading(store, postings, ranking, scores, limit, scope).read()
    chosen = best(scores, limit)
    ids = await store.identify(postings, [*chosen], scope=scope)
    hits = [Hit(chunk_id=ids[position], score=chosen[position]) for position in ids]
    hits.sort(key=lambda hit: (-hit.score, hit.chunk_id))
    return replace(ranking, hits=hits[:limit])


async def _expanded(
    store: PassageStore, wording: Wording, scope: Scope
) -> dict[str, tuple[str, ...]]:
    """Each prefix as it is written, with the visible terms that it stands for."""
    if not wording.prefixes:
        return {}
    starts = [prefix.start for prefix in wording.prefixes]
    found = await store.beginning([*starts, *(MARK + one for one in starts)], scope=scope)
    return {
        prefix.written: tuple(
            sorted({*found[prefix.start], *found[MARK + prefix.start], *prefix.stems})
        )
        for prefix in wording.prefixes
    }


def _united(postings: Postings, expanded: Mapping[str, Sequence[str]]) -> Postings:
    """With a list for each prefix: its terms taken as one."""
    lists = dict(postings.lists)
    for prefix, terms in expanded.items():
        some = [postings.lists[term] for term in terms if term in postings.lists]
        if some:
            lists[prefix] = _union(some)
    return replace(postings, lists=lists)


def _union(lists: Sequence[PostingList]) -> PostingList:
    every = np.concatenate([one.positions for one in lists])
    positions, first, place = np.unique(every, return_index=True, return_inverse=True)
    counts = np.concatenate([one.counts for one in lists])
    return PostingList(
        positions=positions,
        counts=np.bincount(place, counts, len(positions)).astype(np.float64),
        lengths=np.concatenate([one.lengths for one in lists])[first],
    )


def statistics(
    postings: Postings, wording: Wording, expanded: Mapping[str, tuple[str, ...]]
) -> Ranking:
    """How rare each term is among the visible chunks, and how long those are; no hits yet."""
    idf = {term: _idf(term, postings) for term in sorted(set(wording.terms))}
    prefixes = {prefix: _idf(prefix, postings) for prefix in sorted(expanded)}
    words = [*(rarity for term, rarity in idf.items() if not exactly(term)), *prefixes.values()]
    return Ranking(
        hits=[],
        idf=idf,
        average=postings.terms / max(1, postings.chunks),
        absent=frozenset(idf.keys() - postings.lists.keys()),
        prefixes=prefixes,
        expanded=expanded,
        exact=1 + (_K1 + 1) * sum(words),
        phrases=wording.phrases,
    )


def scored(postings: Postings, ranking: Ranking) -> Scores:
    """The score of each position, without the phrases."""
    scores = np.zeros(postings.size)
    # In one order, that of `Ranking.score`: the same bits each time.
    for term, rarity in (*ranking.idf.items(), *ranking.prefixes.items()):
        if term in postings.lists:
            one = postings.lists[term]
            scores[one.positions] += _worths(one, ranking, term, rarity)
    return scores


def _worths(one: PostingList, ranking: Ranking, term: str, rarity: float) -> Scores | float:
    """What the term adds at each position; computed once for each count and length, where these are fewer."""
    counts, lengths = one.counts, one.lengths
    if counts.dtype == np.uint8:
        most, longest = int(counts.max()) + 1, int(lengths.max()) + 1
        if most * longest < len(counts):
            pairs = np.arange(float(most))[:, None], np.arange(float(longest))
            table = np.broadcast_to(ranking.worth(term, rarity, *pairs), (most, longest)).ravel()
            found: Scores = table[counts.astype(np.intp) * longest + lengths]
            return found
    return ranking.worth(term, rarity, counts.astype(np.float64), lengths.astype(np.float64))


def best(scores: Scores, limit: int) -> dict[int, float]:
    """The positions of the `limit` best with their scores, and all that tie with the last of them."""
    found = np.flatnonzero(scores >= _least(scores, limit))
    found = found[scores[found] > 0]
    if len(found) > limit:
        cut = np.partition(scores[found], len(found) - limit)[len(found) - limit]
        found = found[scores[found] >= cut]
    return {int(position): float(scores[position]) for position in found}


def _least(scores: Scores, limit: int) -> float:
    """What the `limit` best have at least: as many parts of all, none of which overlap, hold one that does."""
    parts = scores[: len(scores) // _PART * _PART].reshape(-1, _PART)
    if len(parts) < limit:
        return 0.0
    return float(np.partition(parts.max(axis=1), len(parts) - limit)[len(parts) - limit])


def saturation(count: Numbers, length: Numbers, average: float) -> Numbers:
    """What BM25 makes of a term that stands so often in a chunk of so many words."""
    norm = _K1 * (1 - _B + _B * length / max(average, 1.0))
    return count * (_K1 + 1) / (count + norm)


def exactly(term: str) -> bool:
    """Whether the term is an identifier."""
    return term.startswith(MARK)


def _idf(term: str, postings: Postings) -> float:
    df = len(postings.lists[term].positions) if term in postings.lists else 0
    return math.log(1 + (postings.chunks - df + 0.5) / (df + 0.5))


class _Reading:
    """Reads passages for the phrases of a question, best first, until no other can be among the best."""

    def __init__(
        self,
        store: PassageStore,
        postings: Postings,
        ranking: Ranking,
        scores: Scores,
        limit: int,
        scope: Scope,
    ) -> None:
        self._store, self._postings, self._ranking = store, postings, ranking
        self._scores, self._limit, self._scope = scores, limit, scope

    async def read(self) -> Ranking:
        """Adds to the scores what phrases are worth; gives the ranking with who has how many."""
        held: dict[str, int] = {}
        settled: list[float] = []
        candidates = await self._candidates()
        while some := candidates[len(settled) : len(settled) + max(_READ_AT_ONCE, len(settled))]:
            settled.sort(reverse=True)
            if len(settled) >= self._limit and settled[self._limit - 1] > some[0][0]:
                break
            counts = await self._counted([chunk_id for _, chunk_id, _ in some])
            for _, chunk_id, position in some:
                held[chunk_id] = counts.get(chunk_id, 0)
                self._scores[position] += self._ranking.exact * held[chunk_id]
                settled.append(float(self._scores[position]))
        return replace(self._ranking, held=held)

    async def _candidates(self) -> list[tuple[float, str, int]]:
        """Score at most, chunk id and position of those with all words of a phrase, the best first."""
        having = [self._having(phrase) for phrase in self._ranking.phrases]
        places, phrases = np.unique(np.concatenate(having), return_counts=True)
        possible = self._scores[places] + self._ranking.exact * phrases
        if len(places) > _MOST_READ:
            kept = possible >= np.partition(possible, -_MOST_READ)[-_MOST_READ]
            places, possible = places[kept], possible[kept]
        found = dict(zip(places.tolist(), possible.tolist(), strict=True))
        ids = await self._store.identify(self._postings, [*found], scope=self._scope)
        ordered = [(found[position], chunk_id, position) for position, chunk_id in ids.items()]
        ordered.sort(key=lambda one: (-one[0], one[1]))
        return ordered[:_MOST_READ]

    def _having(self, phrase: Phrase) -> NDArray[np.int64]:
        """The positions that have all the words, somewhere; in order, each once."""
        lists = self._postings.lists
        words = [[lists[one].positions for one in forms if one in lists] for forms in phrase.forms]
        rarest, *others = sorted(words, key=lambda some: sum(map(len, some)))
        having = np.unique(np.concatenate([_NOWHERE, *rarest]))
        for other in others:
            there = np.zeros(self._postings.size, bool)
            for positions in other:
                there[positions] = True
            having = having[there[having]]
        return having

    async def _counted(self, chunk_ids: Sequence[str]) -> dict[str, int]:
        """How many of the phrases stand in the text of each, or in its title as far as it may be known."""
        chunks = await self._store.chunks(chunk_ids, scope=self._scope)
        return {
            one: sum(
                phrase.stands_in(chunk.text) or phrase.stands_in(chunk.title or "")
                for phrase in self._ranking.phrases
            )
            for one, chunk in chunks.items()
        }
