"""Fit: how well a passage fits the question by itself, in meaning and in words, each against the best."""

from collections.abc import Container, Iterable, Mapping, Sequence, Set

from retrieval.keyword import Ranking
from retrieval.ports import Weight
from retrieval.types import Hit


class Asked:
    """Some terms that are asked for, and which share of them passages have, each by its rarity."""

    def __init__(
        self, terms: Set[str], idf: Mapping[str, float], known: Mapping[str, Weight]
    ) -> None:
        self._rarities = [(term, idf[term]) for term in sorted(terms) if term in idf]
        self._total = sum(rarity for _, rarity in self._rarities)
        self._known = known
        self._covered: dict[str, float] = {}

    def coverage(self, present: Container[str]) -> float:
        """The share that is present."""
        held = sum(rarity for term, rarity in self._rarities if term in present)
        return _share(held, self._total)

    def covered(self, chunk_id: str) -> float:
        """The share that the passage has; none where nobody has told of it."""
        if chunk_id not in self._covered:
            if chunk_id not in self._known:
                return 0.0
            self._covered[chunk_id] = self.coverage(self._known[chunk_id].counts)
        return self._covered[chunk_id]


class Fit:
    """Everything from 0 to 1, over visible passages alone. Knows the passages that it has been told of."""

    def __init__(self, nearest: Sequence[Hit], ranking: Ranking) -> None:
        self._ranking = ranking
        self._best_cosine = max((hit.score for hit in nearest), default=0.0)
        self._best_words = max((hit.score for hit in ranking.hits), default=0.0)
        self._weights: dict[str, Weight] = {}
        self._meanings: dict[str, float] = {}
        self._words: dict[str, float] = {}
        self._asked: dict[frozenset[str], Asked] = {}

    def learn(self, weights: Mapping[str, Weight]) -> None:
        """Takes in more passages, each once."""
        self._weights.update(weights)
        for one, weight in weights.items():
            self._meanings[one] = _share(weight.similarity, self._best_cosine)

    @property
    def terms(self) -> list[str]:
        """Those whose counts it wants of each passage."""
        return self._ranking.terms

    def unknown(self, chunk_ids: Iterable[str]) -> list[str]:
        """Those that nobody has told of yet, in order."""
        return sorted(set(chunk_ids) - self._weights.keys())

    def meaning(self, chunk_id: str) -> float:
        """The passage's cosine, as a share of the best."""
        return self._meanings.get(chunk_id, 0.0)

    def words(self, chunk_id: str) -> float:
        """The passage's BM25, as a share of the best."""
        if chunk_id not in self._words:
            if chunk_id not in self._weights:
                return 0.0
            score = self._ranking.score(chunk_id, self._weights[chunk_id])
            self._words[chunk_id] = _share(score, self._best_words)
        return self._words[chunk_id]

    def score(self, chunk_id: str) -> float:
        """Meaning and words in equal parts, which beat their ranks' fusion on each public corpus tried."""
        return (self.meaning(chunk_id) + self.words(chunk_id)) / 2

    def asked(self, terms: frozenset[str]) -> Asked:
        """What tells how well passages cover these of the terms."""
        if terms not in self._asked:
            self._asked[terms] = Asked(terms, self._ranking.idf, self._weights)
        return self._asked[terms]


def _share(value: float, best: float) -> float:
    return max(value, 0.0) / best if best > 0 else 0.0
