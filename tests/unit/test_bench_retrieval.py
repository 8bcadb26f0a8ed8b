"""The retrieval bench: what it reads off a search, what it makes of it, and whom it compares with."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from copilot.bench.memory import resident_mb
from copilot.bench.report import Report
from copilot.bench.retrieval import figures, plots
from copilot.bench.retrieval.asked import (
    ARMS,
    OURS,
    RRF,
    SHUFFLED,
    UNLINKED,
    Measured,
    alone,
)
from copilot.bench.retrieval.peers import all as peers
from copilot.bench.retrieval.peers import neo4j
from copilot.bench.retrieval.peers.lexical import Dense, Fused
from copilot.bench.retrieval.peers.port import AbsentError, Passage, module
from copilot.bench.retrieval.questions import SETS, Question, Slice, passages, questions
from policy.labels import Classification, Label
from retrieval.embedding import Vectors
from retrieval.types import Arm, ArmHit, Chunk, Context

LABEL = Label(tenant="t1", classification=Classification.U)
CONTROLS = (*ARMS, RRF, UNLINKED, SHUFFLED)


def context(name: str, score: float, **arms: tuple[int, float]) -> Context:
    """A chunk of the document `name` with the rank and score that each arm gave it."""
    chunk = Chunk(
        chunk_id=f"chunk of {name}",
        part_id=name,
        document_id=name[0],
        title=None,
        text="",
        start=0,
        end=0,
        label_id=1,
        label=LABEL,
    )
    hits = [ArmHit(arm=Arm(arm), rank=rank, score=score) for arm, (rank, score) in arms.items()]
    return Context(chunk=chunk, score=score, arms=tuple(hits))


FOUND = [
    context("c", 2.5, vector=(3, 0.4), graph=(1, 2.0)),
    context("g", 1.5, graph=(2, 1.5)),
    context("a", 1.0, vector=(1, 0.9), keyword=(2, 5.0)),
    context("b", 0.9, vector=(2, 0.8), keyword=(1, 7.0)),
    context("a, its second passage", 0.2, keyword=(3, 1.0)),
]


def test_each_arm_is_read_off_the_search_by_its_own_ranks() -> None:
    found = alone(FOUND)
    assert found["vector"] == ["a", "b", "c"]
    assert found["keyword"] == ["b", "a"]
    assert found["graph"] == ["c", "g"]


def test_the_fusion_without_the_graph_takes_off_what_the_graph_added() -> None:
    assert alone(FOUND)[UNLINKED] == ["a", "b", "c"]


def test_rank_fusion_knows_no_graph() -> None:
    assert alone(FOUND)[RRF] == ["a", "b", "c"]
    assert alone([FOUND[1]])[RRF] == []


def measured(
    ours: Sequence[str],
    others: Sequence[str],
    *,
    count: int = 30,
    extra: Mapping[str, Sequence[str]] | None = None,
    ms: Mapping[str, float] | None = None,
) -> Measured:
    """As many questions of one type, all with the gold a and b, and the same rankings for each."""
    asked = [
        Question(id=str(number), text="?", type="bridge", gold=frozenset("ab"))
        for number in range(count)
    ]
    rankings = {OURS: ours, **dict.fromkeys(CONTROLS, others), **(extra or {})}
    found = Measured(questions=asked, stages={"vector": [3.0] * count})
    found.rankings = {method: [list(one)] * count for method, one in rankings.items()}
    found.passed_on = [list(ours)[:2]] * count
    found.ms = {
        method: [taken] * count for method, taken in ({OURS: 10.0} | dict(ms or {})).items()
    }
    return found


def shown(name: str, found: Measured) -> dict[str, Any]:
    report = Report(name="retrieval")
    figures.add(report, name, found)
    return report.to_json()


def test_figures_are_in_per_cent_and_carry_the_goals() -> None:
    value = shown("2wiki", measured("ab", "acb"))["figures"]
    assert value["2wiki/recall@5"] == {"value": 100.0, "unit": "%", "goal": ">= 97", "passed": True}
    assert value["2wiki/vector/recall@2"]["value"] == 50.0
    assert value["2wiki/vector/recall@5"]["goal"] is None
    assert value["2wiki/search_besides_embedding_p95"]["value"] == 10.0
    assert value["2wiki/vector_p50"] == {"value": 3.0, "unit": "ms", "goal": None, "passed": True}


def test_what_an_answer_would_rest_on_is_held_against_the_gold() -> None:
    found = measured("ab", "ab", count=4)
    gold = "".join(sorted(found.questions[0].gold))
    found.passed_on = [list(gold), [*gold, "x"], [gold[0]], []]
    told = shown("2wiki", found)["figures"]
    of = len(gold)
    assert told["2wiki/passed_on/recall"]["value"] == round(100 * (2 + 1 / of) / 4, 2)
    assert told["2wiki/passed_on/all_gold"]["value"] == 50
    assert told["2wiki/passed_on/precision"]["value"] == round(100 * (2 * of + 1) / (2 * of + 2), 2)
    assert told["2wiki/passed_on/documents"]["value"] == round((2 * of + 2) / 4, 2)


def test_a_missed_goal_is_said() -> None:
    report = shown("2wiki", measured("acdefb", "acdefb"))
    assert not report["figures"]["2wiki/recall@5"]["passed"]
    assert not report["passed"]


@pytest.mark.parametrize(("count", "there"), [(24, False), (25, True)])
def test_a_type_has_figures_from_twenty_five_questions(count: int, there: bool) -> None:
    value = shown("x", measured("ab", "ab", count=count))["figures"]
    assert ("x/bridge/recall@5" in value) is there
    assert ("x/bridge/recall@5_over_best_arm" in value) is there


def test_ours_may_not_be_below_the_best_arm_beyond_chance() -> None:
    best = {"keyword": "ab"}
    value = shown("x", measured("acdefb", "cdefga", extra=best))["figures"]
    assert value["x/recall@5_over_best_arm"]["value"] == -50
    assert not value["x/recall@5_over_best_arm_at_best"]["passed"]
    assert not value["x/bridge/ndcg@10_over_best_arm_at_best"]["passed"]
    level = shown("x", measured("ab", "cdefga", extra=best))["figures"]
    assert level["x/recall@5_over_best_arm_at_best"]["passed"]


def test_one_question_below_the_best_arm_may_be_chance() -> None:
    found = measured("ab", "cdefga", extra={"keyword": "ab"})
    found.rankings[OURS][0] = list("acdefb")
    value = shown("x", found)["figures"]
    assert value["x/recall@5_over_best_arm"]["value"] == -1.67
    assert value["x/recall@5_over_best_arm_at_best"] == {
        "value": 0.0,
        "unit": "points",
        "goal": ">= 0",
        "passed": True,
    }


def test_the_shuffled_control_is_held_against_both_fusions() -> None:
    extra = {SHUFFLED: "acdefb", UNLINKED: "acdefb", RRF: "cdefga"}
    value = shown("2wiki", measured("ab", "ab", extra=extra))["figures"]
    assert value["2wiki/edges_shuffled_over_rrf"]["value"] == 50
    assert value["2wiki/edges_shuffled_over_rrf"]["goal"] == "<= 1"
    assert not value["2wiki/edges_shuffled_over_rrf"]["passed"]
    assert value["2wiki/edges_shuffled_over_fusion_without_graph"]["value"] == 0
    assert value["2wiki/fusion_without_graph_over_rrf"]["value"] == 50


def test_peers_are_compared_in_quality_and_in_time() -> None:
    ms = {peers.HYBRID_CYPHER: 5.0, peers.FILTERED: 60.0, peers.HAYSTACK: 40.0}
    extra = dict.fromkeys(ms, "acdefb")
    report = shown("2wiki", measured("ab", "ab", extra=extra, ms=ms))
    value = report["figures"]
    assert value["2wiki/recall@5_over_hybrid_cypher"]["value"] == 50
    assert value["2wiki/all_gold@5_over_hybrid_cypher"]["value"] == 100
    assert value["2wiki/p95_times_hybrid_cypher"]["value"] == 2
    assert value["2wiki/p95_times_hybrid_cypher"]["goal"] == "<= 3"
    assert value["2wiki/filtered_vector_p50_times_ours"]["passed"]
    assert value["2wiki/haystack_p95_times_ours"]["value"] == 4
    assert not value["2wiki/haystack_p95_times_ours"]["passed"]
    assert report["peers"][peers.HAYSTACK]["2wiki"]["recall@5"] == 50
    assert report["peers"][peers.HAYSTACK]["2wiki"]["p50_ms"] == 40


@pytest.mark.parametrize(("keyword", "passed"), [("ab", True), ("acdefb", False)])
def test_the_keyword_arm_is_held_against_bm25s(keyword: str, passed: bool) -> None:
    extra = {"keyword": keyword, peers.BM25: "acb"}
    value = shown("2wiki", measured("ab", "ab", extra=extra, ms={peers.BM25: 1.0}))["figures"]
    assert value["2wiki/keyword/ndcg@10_over_bm25s"]["goal"] == ">= -0.5"
    assert value["2wiki/keyword/ndcg@10_over_bm25s"]["passed"] is passed


def test_of_a_questions_times_the_quickest_counts_with_its_stages() -> None:
    found = Measured(questions=measured("ab", "ab", count=2).questions)
    for ms in (9.0, 7.0, 8.0):
        if found.took(OURS, 1, ms):
            found.staged(1, {"vector": ms / 2})
    assert found.ms == {OURS: [math.inf, 7.0]}
    assert found.stages == {"vector": [0.0, 3.5]}


def test_without_a_peer_nothing_is_said_of_it() -> None:
    report = shown("2wiki", measured("ab", "ab"))
    assert not [name for name in report["figures"] if "hybrid_cypher" in name or "haystack" in name]
    assert report["peers"] == {}


def test_arms_read_off_another_ranking_fail_the_bench() -> None:
    found = measured("ab", "ab")
    found.disagreed = 1
    assert not shown("x", found)["figures"]["x/arms_read_off_another_ranking"]["passed"]


def vector(*values: float) -> Vectors:
    return np.array(values, np.float32)


def passage(name: str, text: str, *values: float) -> Passage:
    return Passage(chunk_id=name, document_id=name, title="", text=text, vector=vector(*values))


THREE = [passage("x", "x", 1, 0), passage("y", "y", 0, 1), passage("z", "z", 0.6, 0.8)]


def test_dense_is_exact_cosine() -> None:
    assert Dense(THREE).rank("", vector(1, 0)) == ["x", "z", "y"]


def test_fused_is_the_rank_fusion_of_its_peers() -> None:
    one, other = Dense(THREE), Dense(THREE[:1])
    assert Fused(one, other).rank("", vector(0, 1)) == ["x", "y", "z"]


def test_a_peer_that_is_not_installed_is_absent_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEO4J_URL", raising=False)

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with peers.built(THREE, {}, external=True) as built:
        assert list(built.peers) == [peers.DENSE]
        absent = built.absent
    assert "not installed" in absent[peers.BM25]
    assert "not installed" in absent[peers.FUSED]
    assert "not installed" in absent[peers.HAYSTACK]
    assert "NEO4J_URL" in absent[peers.HYBRID_CYPHER]
    assert "NEO4J_URL" in absent[peers.FILTERED]


def test_what_is_no_package_is_absent() -> None:
    with pytest.raises(AbsentError, match="not installed"):
        module("no_such_package_anywhere")


def test_the_peers_graph_follows_names_to_what_defines_them() -> None:
    told = [
        passage("ship", "The Sable Heron is a tanker that Alder Shipping charters.", 1, 0),
        passage("firm", "Alder Shipping is a company.", 0, 1),
    ]
    defined = {"sable heron": ("ship",), "alder shipping": ("firm",)}
    assert list(neo4j.links(told, defined)) == [{"source": "ship", "target": "firm"}]


def test_a_peers_seeds_stand_before_what_they_lead_to() -> None:
    records = [
        {"chunk_id": "s1", "linked": ["far", "near"], "similarities": [0.1, 0.9]},
        {"chunk_id": "s2", "linked": ["s1", "mid"], "similarities": [1.0, 0.5]},
    ]
    assert neo4j.expanded(records) == ["s1", "s2", "near", "mid", "far"]


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shared" / "2wiki"
    folder.mkdir(parents=True)
    told = [{"id": f"p{number}", "title": f"T{number}", "text": "text"} for number in range(4)]
    asked = [
        {"id": "q1", "question": "?", "type": "bridge", "gold_ids": ["p0", "p3"]},
        {"id": "q2", "question": "?", "type": "bridge", "gold_ids": ["p0", "p1"]},
    ]
    for name, rows in (("corpus", told), ("queries", asked)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
    monkeypatch.setenv("COPILOT_SHARED_DATA", str(folder.parent))
    return folder


def test_a_whole_set_is_ingested_from_where_it_lies(shared: Path, tmp_path: Path) -> None:
    assert passages(SETS[0], tmp_path) == shared / "corpus.jsonl"


def test_the_control_has_the_same_passages_without_titles(shared: Path, tmp_path: Path) -> None:
    control = next(one for one in SETS if not one.titled)
    rows = [json.loads(line) for line in passages(control, tmp_path).read_text().splitlines()]
    assert [row["id"] for row in rows] == ["p0", "p1", "p2", "p3"]
    assert {(row["title"], row["text"]) for row in rows} == {("", "text")}


def test_a_slice_asks_what_its_passages_answer(shared: Path, tmp_path: Path) -> None:
    part = Slice(passages=2, questions=5)
    assert len(passages(SETS[0], tmp_path, part).read_text().splitlines()) == 2
    assert [question.id for question in questions(SETS[0], part)] == ["q2"]
    assert len(questions(SETS[0])) == 2


def test_resident_memory_is_read_in_megabytes(tmp_path: Path) -> None:
    status = tmp_path / "self" / "status"
    status.parent.mkdir()
    status.write_text("Name:\tpython\nVmRSS:\t  204800 kB\n")
    assert resident_mb(proc=tmp_path) == 200
    assert resident_mb("nowhere", tmp_path) == 0


def test_plots_show_what_was_measured_and_nothing_else(tmp_path: Path) -> None:
    ms = {peers.HYBRID_CYPHER: 5.0}
    report = shown("2wiki", measured("ab", "ab", extra={peers.HYBRID_CYPHER: "acdefb"}, ms=ms))
    report["peers"][peers.HAYSTACK] = "not installed"
    report["figures"]["memory"] = {"value": 317.5, "unit": "MB", "goal": None, "passed": True}
    report["environment"]["2wiki"] = {"passages": 4, "questions": 30}
    source = tmp_path / "result.json"
    source.write_text(json.dumps(report))
    assert plots.main([str(source), str(tmp_path / "made")]) == 0
    made = {path.name: path.read_text() for path in (tmp_path / "made").iterdir()}
    assert set(made) == {"retrieval.md", "retrieval-recall.svg", "retrieval-latency.svg"}
    for name in ("retrieval-recall.svg", "retrieval-latency.svg"):
        ElementTree.fromstring(made[name])
    assert "| 2wiki/recall@5 | 100 % | >= 97 | met |" in made["retrieval.md"]
    assert "first set: 317.5 MB" in made["retrieval.md"]
    assert "| vector | 3 / 3 |" in made["retrieval.md"]
    assert f"| {peers.HYBRID_CYPHER} (peer) | 50 | 50 | 100 |" in made["retrieval.md"]
    assert "Not measured: haystack, not installed." in made["retrieval.md"]
    assert "2wiki, copilot: 100 %" in made["retrieval-recall.svg"]
    assert f"{peers.HYBRID_CYPHER}: 50 % at 5 ms" in made["retrieval-latency.svg"]
    assert peers.HAYSTACK not in made["retrieval-latency.svg"]


def test_plots_want_a_result_and_a_folder() -> None:
    assert plots.main([]) == 2
