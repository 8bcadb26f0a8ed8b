"""Fit: how well a passage fits the question by itself, in meaning and in words, each against the best."""

from collections.abc import Iterable, Mapping, Sequence, Set

from retrieval.keyword import Ranking
from retrieval.ports import Weight
from retrieval.types import Hit


class Fit:
    """Everything from 0 to 1, over visible passages alone. Knows the passages that it has been told of."""

    def __init__(self, nearest: Sequence[Hit], ranking: Ranking) -> None:
        self._ranking = ranking
        self._best_cosine = max((hit.score for hit in nearest), default=0.0)
        self._best_words = max((hit.score for hit in ranking.hits), default=0.0)
        self._weights: dict[str, Weight] = {}

    def learn(self, weights: Mapping[str, Weight]) -> None:
        """Takes in more passages."""
        self._weights.update(weights)

    def unknown(self, chunk_ids: Iterable[str]) -> list[str]:
        """Those that nobody has told of yet, in order."""
        return sorted(set(chunk_ids) - self._weights.keys())

    def known(self, chunk_id: str) -> Weight | None:
        """What was told of the passage."""
        return self._weights.get(chunk_id)

    def meaning(self, chunk_id: str) -> float:
        """The passage's cosine, as a share of the best."""
        weight = self._weights.get(chunk_id)
        return _share(weight.similarity if weight else 0.0, self._best_cosine)

    def words(self, chunk_id: str) -> float:
        """The passage's BM25, as a share of the best."""
        weight = self._weights.get(chunk_id)
        score = self._ranking.score(weight.counts, weight.length) if weight else 0.0
        return _share(score, self._best_words)

    def score(self, chunk_id: str) -> float:
        """Meaning and words in equal parts, which beat their ranks' fusion on each public corpus tried."""
        return (self.meaning(chunk_id) + self.words(chunk_id)) / 2

    def covered(self, asked: Set[str], chunk_id: str) -> float:
        """The share of the asked terms, each by its rarity, that the passage has."""
        weight = self._weights.get(chunk_id)
        return self.coverage(asked, weight.counts.keys()) if weight else 0.0

    def coverage(self, asked: Set[str], present: Set[str]) -> float:
        """The share of the asked terms, each by its rarity, that are present."""
        idf = self._ranking.idf
        total = sum(idf.get(term, 0.0) for term in sorted(asked))
        held = sum(idf.get(term, 0.0) for term in sorted(asked & present))
        return _share(held, total)


def _share(value: float, best: float) -> float:
    return max(value, 0.0) / best if best > 0 else 0.0
