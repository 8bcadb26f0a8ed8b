"""One set asked: the product, its arms and controls, and the peers in turn with it."""

import gc
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from copilot.bench.memory import resident_mb
from copilot.bench.retrieval.metrics import distinct, reciprocal_rank_fusion
from copilot.bench.retrieval.misspelt import misspelt
from copilot.bench.retrieval.peers.port import Peer
from copilot.bench.retrieval.questions import Question
from copilot.bench.retrieval.stage import Stage
from copilot.find import Finder
from copilot.results import SearchResult
from policy.errors import CopilotError
from retrieval.embedding import Vectors
from retrieval.types import Arm, Context

OURS = "copilot"
"""`copilot search --k 10`."""
ARMS = tuple(str(arm) for arm in Arm)
RRF = "rrf-of-arms"
"""Vector and keyword arm by reciprocal rank fusion: what there is without a graph, and without our fusion."""
UNLINKED = "fusion-without-graph"
"""Our fusion by score of the vector and keyword arms alone."""
SHUFFLED = "edges-shuffled"
_K = 10
_ROUNDS = 3
"""Times that everything is asked and timed; the quickest counts, since whatever else the machine does only adds."""


@dataclass(slots=True, kw_only=True)
class Measured:
    """What each method gave for each question, in order."""

    questions: Sequence[Question]
    rankings: dict[str, list[list[str]]] = field(default_factory=dict)
    """Method → for each question the ids of documents, best first."""
    ms: dict[str, list[float]] = field(default_factory=dict)
    """Method → milliseconds for each question, the question's embedding excluded."""
    stages: dict[str, list[float]] = field(default_factory=dict)
    """Stage of our own search → milliseconds; `gate_and_ledger` is what the act takes besides its stages."""
    misspelt: dict[int, list[str]] = field(default_factory=dict)
    """By the place of a question: what ours gave for it with a slip in a name."""
    passed_on: list[list[str]] = field(default_factory=list)
    """For each question the ids of the documents that an answer would be written from."""
    disagreed: int = 0
    """Questions whose arms were read off a search that ranked otherwise than the product's; none should."""

    def add(self, method: str, ranking: Sequence[str]) -> None:
        """The next question's ranking."""
        self.rankings.setdefault(method, []).append(list(ranking))

    def took(self, method: str, number: int, ms: float) -> bool:
        """Keeps the quickest of a question's times, and says whether this is it."""
        kept = self.ms.setdefault(method, [math.inf] * len(self.questions))
        quicker = ms < kept[number]
        kept[number] = min(ms, kept[number])
        return quicker

    def staged(self, number: int, stages: Mapping[str, float]) -> None:
        """The stages of a question's quickest search."""
        for name, ms in stages.items():
            self.stages.setdefault(name, [0.0] * len(self.questions))[number] = ms


async def warmed(stage: Stage, questions: Sequence[Question]) -> float:
    """Asks everything once, unmeasured; gives the process's resident memory after that, in MB."""
    for question in questions:
        await _search(stage, question)
    return resident_mb()


async def ask(stage: Stage, questions: Sequence[Question], peers: Mapping[str, Peer]) -> Measured:
    """Rankings and times of all methods, the peers in turn with ours."""
    measured = Measured(questions=questions)
    for question in questions:
        for method, (ranking, _) in (await _peers(stage, question, peers)).items():
            measured.add(method, ranking)
        ours = await _ranked(stage, question)
        measured.add(OURS, ours)
        measured.passed_on.append(await _ranked(stage, question, None))
        if wrong := misspelt(question):
            slip = replace(question, text=wrong)
            measured.misspelt[len(measured.rankings[OURS]) - 1] = await _ranked(stage, slip)
        await _beside(stage, question, measured, ours)
    # The peers' millions of objects would be walked through while others are measured.
    gc.collect()
    gc.freeze()
    for turn in range(_ROUNDS):
        for number in range(len(questions)):
            await _timed(stage, number, peers, measured, ours_first=bool((turn + number) % 2))
    gc.unfreeze()
    return measured


async def _timed(
    stage: Stage, number: int, peers: Mapping[str, Peer], measured: Measured, *, ours_first: bool
) -> None:
    """One question to all methods, before the next question is asked."""
    question = measured.questions[number]
    if ours_first:
        await _ours(stage, question, number, measured)
    for method, (_, ms) in (await _peers(stage, question, peers)).items():
        measured.took(method, number, ms)
    if not ours_first:
        await _ours(stage, question, number, measured)


async def _ours(stage: Stage, question: Question, number: int, measured: Measured) -> None:
    begun = time.perf_counter()
    found = await _search(stage, question)
    taken = (time.perf_counter() - begun) * 1000
    if measured.took(OURS, number, taken - found.timings_ms["embedding"]):
        beside = taken - sum(found.timings_ms.values())
        measured.staged(number, {**found.timings_ms, "gate_and_ledger": beside})


async def _ranked(stage: Stage, question: Question, k: int | None = _K) -> list[str]:
    return [one.chunk.document_id for one in (await _search(stage, question, k)).contexts]


async def _search(stage: Stage, question: Question, k: int | None = _K) -> SearchResult:
    found = await stage.copilot.search(stage.asker, question.text, k)
    if not isinstance(found, SearchResult):
        raise CopilotError(f"search gave {found.kind}: {found.text}")
    return found


async def _peers(
    stage: Stage, question: Question, peers: Mapping[str, Peer]
) -> dict[str, tuple[list[str], float]]:
    """Name → ids of documents, best first, and the milliseconds it took."""
    vector: Vectors = await stage.embedder.embed_question(question.text)
    found = {}
    for name, peer in peers.items():
        begun = time.perf_counter()
        ranking = peer.rank(question.text, vector)
        taken = (time.perf_counter() - begun) * 1000
        found[name] = distinct([stage.documents[one] for one in ranking]), taken
    return found


async def _beside(
    stage: Stage, question: Question, measured: Measured, ours: Sequence[str]
) -> None:
    """The arms and controls, from a second search of the same code."""
    top, found = await _found(stage, stage.finder, question)
    measured.disagreed += top != list(ours)
    for method, ranking in alone(found).items():
        measured.add(method, ranking)
    shuffled, _ = await _found(stage, stage.shuffled, question)
    measured.add(SHUFFLED, shuffled)


async def _found(
    stage: Stage, finder: Finder, question: Question
) -> tuple[list[str], Sequence[Context]]:
    """The documents that the search gives, and all chunks that it fused."""
    asked = await finder.documents(stage.asker, question.text, _K)
    return [one.chunk.document_id for one in asked.contexts], asked.found.contexts


def alone(found: Sequence[Context]) -> dict[str, list[str]]:
    """Document ids as each arm ranks them, and the vector and keyword arms fused in two ways."""
    rankings = {str(arm): _of_arm(found, arm) for arm in Arm}
    rankings[RRF] = reciprocal_rank_fusion([rankings[Arm.VECTOR], rankings[Arm.KEYWORD]])
    rankings[UNLINKED] = _unlinked(found)
    return rankings


def _of_arm(found: Sequence[Context], arm: Arm) -> list[str]:
    ranks = [
        (hit.rank, one.chunk.document_id) for one in found for hit in one.arms if hit.arm is arm
    ]
    return distinct([document for _, document in sorted(ranks)])


def _unlinked(found: Sequence[Context]) -> list[str]:
    """By the fused score less what the graph added; what the graph alone found is left out."""

    def own(one: Context) -> float:
        added = sum(hit.score for hit in one.arms if hit.arm is Arm.GRAPH)
        return round(one.score - added, 12)

    kept = [one for one in found if {hit.arm for hit in one.arms} - {Arm.GRAPH}]
    ranked = sorted(kept, key=lambda one: (-own(one), one.chunk.chunk_id))
    return distinct([one.chunk.document_id for one in ranked])
