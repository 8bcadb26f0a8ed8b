"""From rankings to figures: shares in per cent, times in milliseconds, and the goals."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from copilot.bench.paired import gain
from copilot.bench.report import Figure, Report, percentile
from copilot.bench.retrieval import metrics
from copilot.bench.retrieval.asked import ARMS, OURS, RRF, SHUFFLED, UNLINKED, Measured
from copilot.bench.retrieval.peers.all import BM25, FILTERED, HAYSTACK, HYBRID_CYPHER
from copilot.bench.retrieval.questions import SETS, Question
from retrieval.types import Arm

Metric = Callable[[Sequence[str], Set[str]], float]
METRICS: Mapping[str, Metric] = {
    **{f"recall@{k}": partial(metrics.recall, k=k) for k in (2, 5, 10)},
    "all_gold@5": partial(metrics.all_gold, k=5),
    "mrr": metrics.reciprocal_rank,
    "ndcg@10": partial(metrics.ndcg, k=10),
}
_JUDGED = ("recall@5", "ndcg@10")
"""By what ours is compared with the best single arm."""
FEWEST = 25
"""Questions of a type from which it has figures of its own."""
_FLOORS = {
    "2wiki/recall@5": 97,
    "2wiki/all_gold@5": 93,
    "hotpot-train/recall@5": 97,
    "musique-train/recall@5": 71,
    "musique-train/recall@10": 81,
    "2wiki-without-titles/recall@5_over_rrf": 5,
    **{f"{one.name}/keyword/ndcg@10_over_bm25s": -0.5 for one in SETS},
    "2wiki/recall@5_over_hybrid_cypher": 30,
    "2wiki/all_gold@5_over_hybrid_cypher": 60,
    **{
        f"2wiki/{peer}_{share}_times_ours": 5
        for peer in ("filtered_vector", "haystack")
        for share in ("p50", "p95")
    },
}
_CEILINGS = {"2wiki/edges_shuffled_over_rrf": 1, "2wiki/p95_times_hybrid_cypher": 3}
_CONTROLS = (*ARMS, RRF, UNLINKED, SHUFFLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One metric for each question and method."""

    measured: Measured

    def values(self, method: str, metric: str, kind: str | None = None) -> list[float]:
        """From 0 to 1, for the questions of a type, or for all."""
        rankings = self.measured.rankings[method]
        return [
            METRICS[metric](ranking, question.gold)
            for question, ranking in zip(self.measured.questions, rankings, strict=True)
            if kind is None or question.type == kind
        ]

    def share(self, method: str, metric: str, kind: str | None = None) -> float:
        """The mean in per cent."""
        values = self.values(method, metric, kind)
        return 100 * sum(values) / len(values)


def add(report: Report, name: str, measured: Measured) -> None:
    """The figures of one set, and what its peers gave."""
    scored = Scored(measured=measured)
    found: dict[str, Figure] = {}
    for metric in METRICS:
        found[metric] = _percent(scored.share(OURS, metric))
    for kind in kinds(measured.questions):
        found[f"{kind}/recall@5"] = _percent(scored.share(OURS, "recall@5", kind))
    for method in _CONTROLS:
        for metric in METRICS:
            found[f"{method}/{metric}"] = _percent(scored.share(method, metric))
    found |= (
        _misspelt(measured)
        | _passed_on(measured)
        | _over_arms(scored)
        | _over_controls(scored)
        | _over_peers(scored)
        | _times(measured)
    )
    found["arms_read_off_another_ranking"] = Figure(
        value=measured.disagreed, unit="questions", goal=0
    )
    report.figures |= {
        f"{name}/{key}": _with_goal(f"{name}/{key}", one) for key, one in found.items()
    }
    for peer in measured.rankings.keys() - {OURS, *_CONTROLS}:
        report.peers.setdefault(peer, {})[name] = _peer(scored, peer)


def kinds(questions: Sequence[Question]) -> list[str]:
    """The types with enough questions to be looked at alone."""
    every = [question.type for question in questions]
    return sorted(kind for kind in set(every) if every.count(kind) >= FEWEST)


def _misspelt(measured: Measured) -> dict[str, Figure]:
    """Of the questions that have a name to misspell: with a slip in it, and as they are written."""
    if not measured.misspelt:
        return {}
    found = {}
    written = {at: measured.rankings[OURS][at] for at in measured.misspelt}
    for name, rankings in (("misspelt", measured.misspelt), ("misspelt/as_written", written)):
        values = [
            METRICS["recall@5"](ranking, measured.questions[at].gold)
            for at, ranking in rankings.items()
        ]
        found[f"{name}/recall@5"] = _percent(100 * sum(values) / len(values))
    found["misspelt/questions"] = Figure(value=len(measured.misspelt), unit="questions")
    return found


def _passed_on(measured: Measured) -> dict[str, Figure]:
    """Of what an answer would be written from: the gold in it, and how much of it is gold."""
    pairs = [
        (set(passed), one.gold)
        for passed, one in zip(measured.passed_on, measured.questions, strict=True)
    ]
    documents = sum(len(passed) for passed, _ in pairs)
    recall = sum(len(passed & gold) / len(gold) for passed, gold in pairs) / len(pairs)
    complete = sum(gold <= passed for passed, gold in pairs) / len(pairs)
    precision = sum(len(passed & gold) for passed, gold in pairs) / max(1, documents)
    return {
        "passed_on/recall": _percent(100 * recall),
        "passed_on/all_gold": _percent(100 * complete),
        "passed_on/precision": _percent(100 * precision),
        "passed_on/documents": Figure(value=round(documents / len(pairs), 2), unit="documents"),
    }


def _over_arms(scored: Scored) -> dict[str, Figure]:
    """How far ours is above the best single arm, and what the best case of that is (95 %, in pairs)."""
    found = {}
    for kind in (None, *kinds(scored.measured.questions)):
        for metric in _JUDGED:
            best = max(ARMS, key=lambda arm: (scored.share(arm, metric, kind), arm))
            ours, theirs = scored.values(OURS, metric, kind), scored.values(best, metric, kind)
            prefix = f"{kind}/{metric}" if kind else metric
            mean = 100 * (sum(ours) - sum(theirs)) / len(ours)
            found[f"{prefix}_over_best_arm"] = _points(mean)
            high = 100 * gain(_parts(ours), _parts(theirs))[1]
            # Not to a tenth: what is rounded up to 0 would pass.
            found[f"{prefix}_over_best_arm_at_best"] = Figure(
                value=round(high, 4), unit="points", goal=0, more_is_better=True
            )
    return found


def _over_controls(scored: Scored) -> dict[str, Figure]:
    recall = partial(scored.share, metric="recall@5")
    return {
        "recall@5_over_rrf": _points(recall(OURS) - recall(RRF)),
        "recall@5_over_fusion_without_graph": _points(recall(OURS) - recall(UNLINKED)),
        "fusion_without_graph_over_rrf": _points(recall(UNLINKED) - recall(RRF)),
        "edges_shuffled_over_rrf": _points(recall(SHUFFLED) - recall(RRF)),
        "edges_shuffled_over_fusion_without_graph": _points(recall(SHUFFLED) - recall(UNLINKED)),
    }


def _over_peers(scored: Scored) -> dict[str, Figure]:
    found = {}
    ms = scored.measured.ms
    if HYBRID_CYPHER in ms:
        for metric in ("recall@5", "all_gold@5"):
            ahead = scored.share(OURS, metric) - scored.share(HYBRID_CYPHER, metric)
            found[f"{metric}_over_hybrid_cypher"] = _points(ahead)
        found["p95_times_hybrid_cypher"] = _ratio(ms, OURS, HYBRID_CYPHER, 0.95)
    if BM25 in ms:
        ahead = scored.share(Arm.KEYWORD, "ndcg@10") - scored.share(BM25, "ndcg@10")
        found["keyword/ndcg@10_over_bm25s"] = _points(ahead)
    for peer, name in ((FILTERED, "filtered_vector"), (HAYSTACK, "haystack")):
        if peer in ms:
            found[f"{name}_p50_times_ours"] = _ratio(ms, peer, OURS, 0.5)
            found[f"{name}_p95_times_ours"] = _ratio(ms, peer, OURS, 0.95)
    return found


def _ratio(ms: Mapping[str, Sequence[float]], slow: str, quick: str, share: float) -> Figure:
    return Figure(
        value=round(percentile(ms[slow], share) / percentile(ms[quick], share), 2), unit="×"
    )


def _times(measured: Measured) -> dict[str, Figure]:
    """Of our own search, the embedding excluded, and of each of its stages."""
    rows = {"search_besides_embedding": measured.ms[OURS], **measured.stages}
    return {
        f"{name}_p{share:.0f}": Figure(value=percentile(taken, share / 100), unit="ms")
        for name, taken in rows.items()
        for share in (50, 95)
    }


def _peer(scored: Scored, name: str) -> dict[str, Any]:
    taken = scored.measured.ms[name]
    return {metric: round(scored.share(name, metric), 2) for metric in METRICS} | {
        "p50_ms": percentile(taken, 0.5),
        "p95_ms": percentile(taken, 0.95),
    }


def _parts(values: Sequence[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([(value, 1.0) for value in values], np.float64)


def _percent(value: float) -> Figure:
    return Figure(value=round(value, 2), unit="%")


def _points(value: float) -> Figure:
    return Figure(value=round(value, 2), unit="points")


def _with_goal(name: str, figure: Figure) -> Figure:
    if name in _FLOORS:
        return Figure(value=figure.value, unit=figure.unit, goal=_FLOORS[name], more_is_better=True)
    if name in _CEILINGS:
        return Figure(value=figure.value, unit=figure.unit, goal=_CEILINGS[name])
    return figure
