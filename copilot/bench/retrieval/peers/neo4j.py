"""Peers: neo4j-graphrag's retrievers over a Neo4j that is given the same passages, vectors and links."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from copilot.bench.retrieval.metrics import distinct
from copilot.bench.retrieval.peers.port import AbsentError, Passage, module
from retrieval import definitions
from retrieval.embedding import Vectors

_NAME = re.compile(r"^// name: (\w+)\s*$", re.MULTILINE)
_LUCENE = re.compile(r"""[+\-&|!(){}\[\]^"~*?:\\/]""")
_SEEDS = 5
_RATIO = 10
_FOUND = 10
_ROWS = 500
_CLASSIFICATION = "U"


class Neo4jStore:
    """The passages of one set, in nodes and indexes of the bench's own; `close` takes them out again.

    AbsentError where no server is configured (NEO4J_URL, NEO4J_USER, NEO4J_PASSWORD) or none answers.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        defined: Mapping[str, Sequence[str]],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        url = environ.get("NEO4J_URL")
        if not url:
            raise AbsentError("no server: NEO4J_URL is not set")
        self.graphrag = module("neo4j_graphrag.retrievers")
        user, password = environ.get("NEO4J_USER", "neo4j"), environ.get("NEO4J_PASSWORD", "")
        self.driver = module("neo4j").GraphDatabase.driver(url, auth=(user, password))
        self._queries = _queries()
        try:
            self.server: str = self.driver.get_server_info().agent
        except module("neo4j.exceptions").Neo4jError as error:
            raise AbsentError(f"NEO4J_URL refused the bench: {error.code}") from error
        except module("neo4j.exceptions").DriverError as error:
            raise AbsentError(f"NEO4J_URL does not answer: {type(error).__name__}") from error
        self._fill(passages, defined)

    @property
    def expansion(self) -> str:
        return self._queries["expansion"]

    def close(self) -> None:
        self._empty()
        self.driver.close()

    def _fill(self, passages: Sequence[Passage], defined: Mapping[str, Sequence[str]]) -> None:
        self._empty()
        self._run("ids")
        for some in _batched(_node(one) for one in passages):
            self._run("passages", rows=some)
        for some in _batched(links(passages, defined)):
            self._run("links", rows=some)
        for name in ("vectors", "texts", "await"):
            self._run(name)

    def _empty(self) -> None:
        for name in ("drop_vectors", "drop_texts", "drop_ids", "clear"):
            self._run(name)

    def _run(self, name: str, **values: object) -> None:
        # In a transaction of its own each: clearing commits in batches and allows no other.
        with self.driver.session() as session:
            session.run(self._queries[name], values).consume()


class HybridCypher:
    """HybridCypherRetriever from five seeds, then what they lead to: by seed, nearest to the question first."""

    def __init__(self, store: Neo4jStore) -> None:
        self._retriever = store.graphrag.HybridCypherRetriever(
            store.driver, "bench_passage_vectors", "bench_passage_texts", store.expansion
        )

    def rank(self, question: str, vector: Vectors) -> Sequence[str]:
        found = self._retriever.get_search_results(
            # It does not escape Lucene's syntax: one question in four would change, some would fail.
            query_text=_LUCENE.sub(" ", question),
            query_vector=vector.tolist(),
            top_k=_SEEDS,
            effective_search_ratio=_RATIO,
        )
        return expanded(found.records)

    def close(self) -> None:
        """The store closes the driver."""


class FilteredVector:
    """VectorRetriever with a filter that all passages pass."""

    def __init__(self, store: Neo4jStore) -> None:
        self._retriever = store.graphrag.VectorRetriever(
            store.driver, "bench_passage_vectors", return_properties=["chunk_id"]
        )

    def rank(self, question: str, vector: Vectors) -> Sequence[str]:
        del question
        found = self._retriever.get_search_results(
            query_vector=vector.tolist(),
            top_k=_FOUND,
            filters={"classification": _CLASSIFICATION},
        )
        return [record["node"]["chunk_id"] for record in found.records]

    def close(self) -> None:
        """The store closes the driver."""


def expanded(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The seeds by score, then all that they lead to by nearness to the question."""
    ahead = [
        (similarity, one)
        for record in records
        for one, similarity in zip(record["linked"], record["similarities"], strict=True)
    ]
    ahead.sort(key=lambda item: (-item[0], item[1]))
    return distinct([record["chunk_id"] for record in records] + [one for _, one in ahead])


def links(
    passages: Sequence[Passage], defined: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, str]]:
    """From each passage to those that define a name it uses: the links that our own graph follows."""
    for one in passages:
        named = definitions.chosen(definitions.namings(one.text), defined)
        ends = {end for naming in named for end in defined[naming.key]} - {one.chunk_id}
        for end in sorted(ends):
            yield {"source": one.chunk_id, "target": end}


def _node(one: Passage) -> dict[str, object]:
    return {
        "chunk_id": one.chunk_id,
        "text": one.titled,
        "classification": _CLASSIFICATION,
        "embedding": one.vector.tolist(),
    }


def _batched(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _queries() -> Mapping[str, str]:
    text = files("copilot.bench.retrieval.peers").joinpath("neo4j.cypher").read_text("utf-8")
    _, *pieces = _NAME.split(text)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))
