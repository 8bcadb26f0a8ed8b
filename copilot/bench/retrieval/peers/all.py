"""All peers that can be measured here, built over one set's passages, and why the others cannot."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from copilot.bench.retrieval.peers.haystack import Haystack
from copilot.bench.retrieval.peers.lexical import Bm25, Dense, Fused
from copilot.bench.retrieval.peers.neo4j import FilteredVector, HybridCypher, Neo4jStore
from copilot.bench.retrieval.peers.port import AbsentError, Passage, Peer

BM25, DENSE, FUSED = "bm25s", "dense-exact", "rrf-of-bm25s-and-dense"
HAYSTACK, HYBRID_CYPHER, FILTERED = "haystack", "neo4j-hybrid-cypher", "neo4j-vector-filtered"
_DISTRIBUTIONS = ("bm25s", "numpy", "haystack-ai", "neo4j-graphrag")


def _installed() -> dict[str, str]:
    versions = {}
    for distribution in _DISTRIBUTIONS:
        try:
            versions[distribution] = version(distribution)
        except PackageNotFoundError:
            continue
    return versions


@dataclass(frozen=True, slots=True)
class Built:
    """What can be measured, and what cannot."""

    peers: dict[str, Peer] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Peer → why it cannot."""
    versions: dict[str, str] = field(default_factory=_installed)
    """Of the packages, and of a server that was filled."""


@contextmanager
def built(
    passages: Sequence[Passage], defined: Mapping[str, Sequence[str]], *, external: bool
) -> Iterator[Built]:
    """All peers over these passages; they are closed, and what they filled is emptied, at the end."""
    found = Built()
    with ExitStack() as stack:

        def add(name: str, build: Callable[[], Peer]) -> None:
            try:
                found.peers[name] = build()
            except AbsentError as error:
                found.absent[name] = str(error)
                return
            stack.callback(found.peers[name].close)

        add(DENSE, lambda: Dense(passages))
        add(BM25, lambda: Bm25(passages))
        if BM25 in found.peers:
            add(FUSED, lambda: Fused(found.peers[BM25], found.peers[DENSE]))
        else:
            found.absent[FUSED] = found.absent[BM25]
        if external:
            add(HAYSTACK, lambda: Haystack(passages))
            store = _store(found, passages, defined)
            if store is not None:
                stack.callback(store.close)
                add(HYBRID_CYPHER, lambda: HybridCypher(store))
                add(FILTERED, lambda: FilteredVector(store))
        yield found


def _store(
    found: Built, passages: Sequence[Passage], defined: Mapping[str, Sequence[str]]
) -> Neo4jStore | None:
    try:
        store = Neo4jStore(passages, defined)
    except AbsentError as error:
        found.absent.update(dict.fromkeys((HYBRID_CYPHER, FILTERED), str(error)))
        return None
    found.versions["neo4j"] = store.server
    return store
