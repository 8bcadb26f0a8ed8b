"""Peers in this process: BM25 by bm25s, exact cosine by numpy, and their ranks fused."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import Stemmer

from copilot.bench.retrieval.metrics import reciprocal_rank_fusion
from copilot.bench.retrieval.peers.port import DEPTH, Passage, Peer, module
from retrieval.embedding import Vectors


class Bm25:
    """bm25s with its own English stop words and Snowball stems, titles indexed with the texts."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._bm25s = module("bm25s")
        self._stemmer = Stemmer.Stemmer("english")
        self._ids = [one.chunk_id for one in passages]
        self._index = self._bm25s.BM25()
        self._index.index(self._terms([one.titled for one in passages]), show_progress=False)

    def _terms(self, texts: Sequence[str]) -> Any:
        return self._bm25s.tokenize(
            list(texts), stopwords="en", stemmer=self._stemmer, show_progress=False
        )

    def rank(self, question: str, vector: Vectors) -> Sequence[str]:
        del vector
        found, scores = self._index.retrieve(
            self._terms([question]), k=min(DEPTH, len(self._ids)), show_progress=False
        )
        ranked = zip(found[0], scores[0], strict=True)
        return [self._ids[place] for place, score in ranked if score > 0]

    def close(self) -> None:
        """Holds memory alone."""


class Dense:
    """Exact cosine over all vectors at once."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._ids = [one.chunk_id for one in passages]
        self._matrix = np.stack([one.vector for one in passages])

    def rank(self, question: str, vector: Vectors) -> Sequence[str]:
        del question
        order = np.argsort(-(self._matrix @ vector), kind="stable")[:DEPTH]
        return [self._ids[place] for place in order]

    def close(self) -> None:
        """Holds memory alone."""


class Fused:
    """Reciprocal rank fusion of two others."""

    def __init__(self, *peers: Peer) -> None:
        self._peers = peers

    def rank(self, question: str, vector: Vectors) -> Sequence[str]:
        return reciprocal_rank_fusion([peer.rank(question, vector) for peer in self._peers])

    def close(self) -> None:
        """The others close themselves."""
