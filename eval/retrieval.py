"""The retrieval suite: whether what is found and passed on is what answers the question."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from copilot.acts import Copilot
from copilot.results import SearchResult
from copilot.serialise import search_json
from eval.cases import Evidence, Pair, normal
from eval.results import Failure, Figure, Goal, Part, Result, at_least, mean, share
from policy.errors import CopilotError
from policy.principal import Asker
from retrieval.types import Arm

PRECISION = at_least(0.80)
RECALL = at_least(0.90)
_DEPTH = 20
_CUTS = (1, 3, 5, 10)
_ARM_CUT = 10

ContextJson = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What one person's question brought up."""

    pair: Pair
    passed_on: Sequence[ContextJson]
    """What an answer would be written from."""
    ranked: Sequence[ContextJson]
    """The best context of each of the first documents."""


async def run(copilot: Copilot, askers: Mapping[str, Asker], pairs: Iterable[Pair]) -> Result:
    """Searches every answerable pair twice and scores what came back."""
    return score(
        [await _searched(copilot, askers[pair.sub], pair) for pair in pairs if pair.answerable]
    )


async def _searched(copilot: Copilot, asker: Asker, pair: Pair) -> Searched:
    return Searched(
        pair=pair,
        passed_on=await _contexts(copilot, asker, pair.question.question, None),
        ranked=await _contexts(copilot, asker, pair.question.question, _DEPTH),
    )


async def _contexts(
    copilot: Copilot, asker: Asker, question: str, k: int | None
) -> list[ContextJson]:
    found = await copilot.search(asker, question, k)
    if not isinstance(found, SearchResult):
        raise CopilotError(f"search gave {found.kind}: {found.text}")
    contexts: list[ContextJson] = search_json(found)["contexts"]
    return contexts


def score(searched: Sequence[Searched]) -> Result:
    """The figures of a run."""
    figures = {
        "precision": _share(searched, precision, PRECISION),
        "recall@20": _share(searched, partial(recall, k=_DEPTH), RECALL),
        "strict_precision": _share(searched, strict_precision),
        "passed_on": mean([len(one.passed_on) for one in searched], "contexts"),
        "nothing_passed_on": _share(searched, lambda one: (float(not one.passed_on), 1.0)),
        "mrr": _share(searched, lambda one: (reciprocal_rank(one), 1.0)),
        "recall_by_id@20": _share(searched, recall_by_id),
        **{f"recall@{k}": _share(searched, partial(recall, k=k)) for k in _CUTS},
        **{f"recall@{_ARM_CUT}_{arm}": _share(searched, partial(by_arm, arm=arm)) for arm in Arm},
    }
    return Result(name="retrieval", figures=figures, failures=list(_failures(searched)))


def precision(one: Searched) -> Part:
    """Passed-on contexts that hold a span which bears on the question, over those passed on."""
    return _holding(one.passed_on, one.pair.question.relevant)


def strict_precision(one: Searched) -> Part:
    """The same, counting this person's gold alone."""
    return _holding(one.passed_on, one.pair.gold)


def recall(one: Searched, k: int) -> Part:
    """Gold documents of which a gold span stands in the first k contexts, over gold documents.

    By span, since a reader may not see the id of a document of which they read a part.
    """
    return _documents_in(one.pair.gold, one.ranked[:k])


def recall_by_id(one: Searched) -> Part:
    """The same, also counting a gold document that is found by another of its passages."""
    ids = {context["document_id"] for context in one.ranked}
    gold = _by_document(one.pair.gold)
    found = [d for d, pieces in gold.items() if d in ids or _any_holds(one.ranked, pieces)]
    return float(len(found)), float(len(gold))


def by_arm(one: Searched, arm: str) -> Part:
    """Recall of what this arm alone ranks among its first ten, as far as the fused head shows it."""
    return _documents_in(one.pair.gold, [c for c in one.ranked if _within(c, arm)])


def reciprocal_rank(one: Searched) -> float:
    """One over the rank of the first context that holds a gold span; 0 where none does."""
    for rank, context in enumerate(one.ranked, 1):
        if _any_holds([context], one.pair.gold):
            return 1 / rank
    return 0.0


def _within(context: ContextJson, arm: str) -> bool:
    return any(hit["arm"] == arm and hit["rank"] <= _ARM_CUT for hit in context["arms"])


def _documents_in(gold: Iterable[Evidence], contexts: Sequence[ContextJson]) -> Part:
    documents = _by_document(gold)
    found = sum(_any_holds(contexts, pieces) for pieces in documents.values())
    return float(found), float(len(documents))


def _by_document(gold: Iterable[Evidence]) -> dict[str, list[Evidence]]:
    documents: dict[str, list[Evidence]] = {}
    for piece in gold:
        documents.setdefault(piece.document_id, []).append(piece)
    return documents


def _holding(contexts: Sequence[ContextJson], pieces: Sequence[Evidence]) -> Part:
    return float(sum(_any_holds([one], pieces) for one in contexts)), float(len(contexts))


def _any_holds(contexts: Iterable[ContextJson], pieces: Iterable[Evidence]) -> bool:
    spans = [normal(piece.span) for piece in pieces]
    texts = [normal(context["text"]) for context in contexts]
    return any(span in text for span in spans for text in texts)


def _share(
    searched: Sequence[Searched],
    part: Callable[[Searched], Part],
    goal: Goal | None = None,
) -> Figure:
    return share(((one.pair.question.id, part(one)) for one in searched), goal)


def _failures(searched: Sequence[Searched]) -> Iterator[Failure]:
    for one in searched:
        found, gold = recall(one, _DEPTH)
        if found < gold:
            reason = f"{found:.0f} of {gold:.0f} gold documents among the first {_DEPTH}"
            yield Failure(name=f"{one.pair.id}/recall", reason=reason)
        good, passed = precision(one)
        if good < passed:
            reason = f"{passed - good:.0f} of {passed:.0f} passed-on contexts bear on nothing"
            yield Failure(name=f"{one.pair.id}/precision", reason=reason)
