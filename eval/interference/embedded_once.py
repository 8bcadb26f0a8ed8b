"""An embedder that remembers: each distinct text of a run is embedded once."""

from collections.abc import Sequence

import numpy as np

from retrieval.embedding import Embedder, Model, Vectors


class EmbeddedOnce:
    """Wraps an embedder. A vector depends on its text alone, so a remembered one is the same one."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vectors] = {}
        self._asked: dict[str, Vectors] = {}

    @property
    def model(self) -> Model:
        return self._embedder.model

    async def embed(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            vectors = await self._embedder.embed(new)
            self._known.update(zip(new, vectors, strict=True))
        if not texts:
            return np.empty((0, self.model.dimension), np.float32)
        return np.stack([self._known[text] for text in texts])

    async def embed_question(self, text: str) -> Vectors:
        if text not in self._asked:
            self._asked[text] = await self._embedder.embed_question(text)
        return self._asked[text]
