"""Peer: haystack's pipeline of BM25 and embedding retrieval in memory, joined by reciprocal rank fusion."""

import os
from collections.abc import Sequence
from typing import Any

from copilot.bench.retrieval.peers.port import Passage, module
from retrieval.embedding import Vectors


class Haystack:
    """As its own documentation builds a hybrid pipeline, ten of each retriever; the question comes embedded."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        # It reports home unless told otherwise before it is imported.
        os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
        self._pipeline = _pipeline(module("haystack"), passages)

    def rank(self, question: str, vector: Vectors) -> Sequence[str]:
        given = {"words": {"query": question}, "meaning": {"query_embedding": vector.tolist()}}
        found = self._pipeline.run(given)["joined"]["documents"]
        return [document.id for document in found]

    def close(self) -> None:
        """Holds memory alone."""


def _pipeline(haystack: Any, passages: Sequence[Passage]) -> Any:
    memory = module("haystack.document_stores.in_memory")
    retrievers = module("haystack.components.retrievers.in_memory")
    joiners = module("haystack.components.joiners")
    store = memory.InMemoryDocumentStore(embedding_similarity_function="cosine")
    store.write_documents(
        [
            haystack.Document(id=one.chunk_id, content=one.titled, embedding=one.vector.tolist())
            for one in passages
        ]
    )
    pipeline = haystack.Pipeline()
    words = retrievers.InMemoryBM25Retriever(store)
    meaning = retrievers.InMemoryEmbeddingRetriever(store)
    pipeline.add_component("words", words)
    pipeline.add_component("meaning", meaning)
    pipeline.add_component("joined", joiners.DocumentJoiner(join_mode="reciprocal_rank_fusion"))
    pipeline.connect("words", "joined")
    pipeline.connect("meaning", "joined")
    return pipeline
