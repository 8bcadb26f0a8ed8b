"""Peers that are not installed here: what they are asked, over stand-ins for their packages."""

import re
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Self, cast

import numpy as np
import pytest

from copilot.bench.retrieval.peers import all as peers
from copilot.bench.retrieval.peers import haystack
from copilot.bench.retrieval.peers.neo4j import FilteredVector, HybridCypher, Neo4jStore
from copilot.bench.retrieval.peers.port import AbsentError, Passage

VECTOR = np.array([1, 0], np.float32)
PASSAGES = [
    Passage(chunk_id="a", document_id="A", title="Title", text="Text.", vector=VECTOR),
    Passage(chunk_id="b", document_id="B", title="", text="Title is told.", vector=VECTOR),
]
CONFIGURED = {"NEO4J_URL": "bolt://there", "NEO4J_PASSWORD": "secret"}


class DriverError(Exception):
    """What the driver raises where nobody answers."""


class Neo4jError(Exception):
    """What it raises where the server refuses."""

    code = "Neo.ClientError.Security.Unauthorized"


class Driver:
    """Notes what it is asked to run."""

    def __init__(self, error: Exception | None = None) -> None:
        self.ran: list[tuple[str, Mapping[str, Any]]] = []
        self.closed = False
        self._error = error

    def get_server_info(self) -> SimpleNamespace:
        if self._error is not None:
            raise self._error
        return SimpleNamespace(agent="Neo4j/0.0")

    def session(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Sessions end."""

    def run(self, text: str, values: Mapping[str, Any]) -> Self:
        self.ran.append((" ".join(text.split()), values))
        return self

    def consume(self) -> None:
        """Read to the end."""

    def close(self) -> None:
        self.closed = True


class Retriever:
    """Either of neo4j-graphrag's: notes what it is asked, and gives fixed records."""

    def __init__(self, *given: object, **named: object) -> None:
        self.given, self.named = given, named
        self.asked: dict[str, Any] = {}

    def get_search_results(self, **asked: object) -> SimpleNamespace:
        self.asked = asked
        record = {
            "chunk_id": "a",
            "linked": ["b"],
            "similarities": [0.5],
            "node": {"chunk_id": "a"},
        }
        return SimpleNamespace(records=[record])


def install(monkeypatch: pytest.MonkeyPatch, driver: Driver) -> None:
    def connect(url: str, auth: tuple[str, str]) -> Driver:
        assert (url, auth) == ("bolt://there", ("neo4j", "secret"))
        return driver

    modules: dict[str, Any] = {
        "neo4j": SimpleNamespace(GraphDatabase=SimpleNamespace(driver=connect)),
        "neo4j.exceptions": SimpleNamespace(Neo4jError=Neo4jError, DriverError=DriverError),
        "neo4j_graphrag": SimpleNamespace(),
        "neo4j_graphrag.retrievers": SimpleNamespace(
            HybridCypherRetriever=Retriever, VectorRetriever=Retriever
        ),
    }
    for name, stand_in in modules.items():
        monkeypatch.setitem(sys.modules, name, stand_in)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    install(monkeypatch, made)
    return made


def test_the_store_is_given_every_passage_with_its_title_and_every_link(driver: Driver) -> None:
    store = Neo4jStore(PASSAGES, {"title": ("a",)}, CONFIGURED)
    rows = [row for _, values in driver.ran for row in values.get("rows", ())]
    assert [(row["chunk_id"], row["text"]) for row in rows[:2]] == [
        ("a", "Title\nText."),
        ("b", "Title is told."),
    ]
    assert rows[2:] == [{"source": "b", "target": "a"}]
    assert store.server == "Neo4j/0.0"


def test_the_store_touches_nothing_but_its_own_and_takes_that_out(driver: Driver) -> None:
    store = Neo4jStore(PASSAGES, {}, CONFIGURED)
    made = [text for text, _ in driver.ran]
    driver.ran.clear()
    store.close()
    emptied = [text for text, _ in driver.ran]
    indexes = re.findall(r"CREATE (?:VECTOR |FULLTEXT )?INDEX (\w+)", " ".join(made))
    assert sorted(indexes) == sorted(re.findall(r"DROP INDEX (\w+)", " ".join(emptied)))
    assert all(name.startswith("bench_passage_") for name in indexes)
    assert any("DETACH DELETE" in text for text in emptied)
    assert all("BenchPassage" in text for text in made + emptied if "MATCH" in text)
    assert driver.closed


@pytest.mark.parametrize(
    ("error", "why"),
    [(DriverError("no route"), "does not answer: DriverError"), (Neo4jError(), "Unauthorized")],
)
def test_a_server_that_is_not_there_or_refuses_is_an_absent_peer(
    monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    install(monkeypatch, Driver(error))
    with pytest.raises(AbsentError, match=why):
        Neo4jStore(PASSAGES, {}, CONFIGURED)


def test_hybrid_cypher_is_asked_as_the_issue_says_and_without_lucenes_syntax(
    driver: Driver,
) -> None:
    peer = HybridCypher(Neo4jStore(PASSAGES, {}, CONFIGURED))
    assert peer.rank('Who (or what) is "A/B"? +x', VECTOR) == ["a", "b"]
    asked = peer._retriever.asked
    assert asked["query_text"].split() == ["Who", "or", "what", "is", "A", "B", "x"]
    assert (asked["top_k"], asked["effective_search_ratio"]) == (5, 10)
    assert asked["query_vector"] == [1.0, 0.0]


def test_the_filtered_search_has_a_filter_and_gives_ten(driver: Driver) -> None:
    peer = FilteredVector(Neo4jStore(PASSAGES, {}, CONFIGURED))
    assert peer.rank("?", VECTOR) == ["a"]
    assert peer._retriever.asked["filters"] == {"classification": "U"}
    assert peer._retriever.asked["top_k"] == 10


def test_a_servers_version_is_told_and_it_is_emptied_at_the_end(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CONFIGURED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(peers, "Haystack", absent)
    monkeypatch.setattr(peers, "Bm25", absent)
    with peers.built(PASSAGES, {}, external=True) as built:
        assert built.versions["neo4j"] == "Neo4j/0.0"
        assert set(built.peers) == {peers.DENSE, peers.HYBRID_CYPHER, peers.FILTERED}
        assert set(built.absent) == {peers.BM25, peers.FUSED, peers.HAYSTACK}
    assert driver.closed


def absent(_: object) -> None:
    raise AbsentError("not installed")


def test_haystack_ranks_by_the_question_and_its_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def run(given: dict[str, Any]) -> dict[str, Any]:
        asked.update(given)
        return {"joined": {"documents": [SimpleNamespace(id="b"), SimpleNamespace(id="a")]}}

    pipeline = SimpleNamespace(run=run)
    monkeypatch.setitem(sys.modules, "haystack", cast(Any, SimpleNamespace()))
    monkeypatch.setattr(haystack, "_pipeline", lambda *_: pipeline)
    monkeypatch.delenv("HAYSTACK_TELEMETRY_ENABLED", raising=False)
    assert haystack.Haystack(PASSAGES).rank("Who?", VECTOR) == ["b", "a"]
    assert asked == {"words": {"query": "Who?"}, "meaning": {"query_embedding": [1.0, 0.0]}}
