"""All peers that can be measured here, built over one set's passages, and why the others cannot."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version

from copilot.bench.retrieval.peers.haystack import Haystack
from copilot.bench.retrieval.peers.lexical import Bm25, Dense, Fused
from copilot.bench.retrieval.peers.neo4j import FilteredVector, HybridCypher, Neo4jStore
from copilot.bench.retrieval.peers.port import AbsentError, Passage, Peer

BM25, DENSE, FUSED = "bm25s", "dense-exact", "rrf-of-bm25s-and-dense"
HAYSTACK, HYBRID_CYPHER, FILTERED = "haystack", "neo4j-hybrid-cypher", "neo4j-vector-filtered"
_DISTRIBUTIONS = {
    BM25: "bm25s",
    DENSE: "numpy",
    HAYSTACK: "haystack-ai",
    HYBRID_CYPHER: "neo4j-graphrag",
    FILTERED: "neo4j-graphrag",
}


@contextmanager
def built(
    passages: Sequence[Passage], defined: Mapping[str, Sequence[str]], *, external: bool
) -> Iterator[tuple[dict[str, Peer], dict[str, str]]]:
    """The peers by name, and those that are absent with the reason."""
    peers: dict[str, Peer] = {}
    absent: dict[str, str] = {}
    with ExitStack() as stack:

        def add(name: str, build: Callable[[], Peer]) -> None:
            try:
                peers[name] = build()
            except AbsentError as error:
                absent[name] = str(error)
                return
            stack.callback(peers[name].close)

        add(DENSE, lambda: Dense(passages))
        add(BM25, lambda: Bm25(passages))
        if BM25 in peers:
            add(FUSED, lambda: Fused(peers[BM25], peers[DENSE]))
        else:
            absent[FUSED] = absent[BM25]
        if external:
            add(HAYSTACK, lambda: Haystack(passages))
            _add_neo4j(stack, add, absent, passages, defined)
        yield peers, absent


def _add_neo4j(
    stack: ExitStack,
    add: Callable[[str, Callable[[], Peer]], None],
    absent: dict[str, str],
    passages: Sequence[Passage],
    defined: Mapping[str, Sequence[str]],
) -> None:
    try:
        store = Neo4jStore(passages, defined)
    except AbsentError as error:
        absent |= dict.fromkeys((HYBRID_CYPHER, FILTERED), str(error))
        return
    stack.callback(store.close)
    add(HYBRID_CYPHER, lambda: HybridCypher(store))
    add(FILTERED, lambda: FilteredVector(store))


def versions() -> dict[str, str]:
    """Of the peers that are installed."""
    found = {}
    for name, distribution in _DISTRIBUTIONS.items():
        try:
            found[name] = f"{distribution} {version(distribution)}"
        except PackageNotFoundError:
            continue
    return found
