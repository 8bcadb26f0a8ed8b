"""The generation suite: whether answers are right, short, cited, and absent where nothing answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from copilot.acts import Copilot
from copilot.results import DocumentView
from copilot.serialise import outcome_json
from eval import citing
from eval.cases import Attributes, Evidence, Pair, normal
from eval.oracle import may_read
from eval.results import (
    Failure,
    Figure,
    Goal,
    Part,
    Result,
    at_least,
    at_most,
    exactly,
    mean,
    percentile,
    share,
)
from policy.errors import CopilotError
from policy.principal import Asker
from retrieval.sentences import split

MOST_SENTENCES = 4
_SEVERAL_PIECES = frozenset({"chain", "compare"})
_TOTAL = "total"

Outcome = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One person's question and what they got."""

    pair: Pair
    outcome: Outcome
    invalid: Sequence[str]
    """A reason for each citation that does not stand."""

    @property
    def answered(self) -> bool:
        return bool(self.outcome["kind"] == "Answer")

    @property
    def sentences(self) -> Sequence[Mapping[str, Any]]:
        sentences: Sequence[Mapping[str, Any]] = self.outcome["sentences"]
        return sentences


async def run(
    copilot: Copilot,
    askers: Mapping[str, Asker],
    people: Mapping[str, Attributes],
    pairs: Iterable[Pair],
    near_misses: Iterable[Pair] = (),
) -> Result:
    """Asks every pair, one at a time so that the stage timings mean something, and scores."""
    parts = Parts(copilot)
    asked = [await _ask(copilot, parts, askers, people, pair) for pair in pairs]
    missed = [await _ask(copilot, parts, askers, people, pair) for pair in near_misses]
    return score(asked, missed)


class Parts:
    """The parts that citations point into, read through the product as the asker."""

    def __init__(self, copilot: Copilot) -> None:
        self._copilot = copilot
        self._known: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}

    async def find(self, asker: Asker, citation: citing.CitationJson) -> dict[str, Any] | None:
        """Text and label of the cited part as this asker reads them; None where they do not."""
        key = (asker.principal.sub, citation["document_id"])
        if key not in self._known:
            found = await self._copilot.document(asker, citation["document_id"])
            parts = found.parts if isinstance(found, DocumentView) else ()
            self._known[key] = {
                part.part_id: {"text": part.text, "label": part.label.to_json()} for part in parts
            }
        return self._known[key].get(citation["part_id"])


async def _ask(
    copilot: Copilot,
    parts: Parts,
    askers: Mapping[str, Asker],
    people: Mapping[str, Attributes],
    pair: Pair,
) -> Asked:
    asker, person = askers[pair.sub], people[pair.sub]
    outcome = outcome_json(await copilot.ask(asker, pair.question.question))
    if outcome["kind"] not in ("Answer", "NotFound"):
        raise CopilotError(f"{pair.id}: ask gave {outcome['kind']}: {outcome['text']}")
    invalid = [
        reason
        for sentence in outcome["sentences"]
        for one in sentence["citations"]
        if (reason := citing.invalid(one, await parts.find(asker, one), may_read(person, one["label"])))
    ]  # fmt: skip
    return Asked(pair=pair, outcome=outcome, invalid=invalid)


def score(asked: Sequence[Asked], near_misses: Sequence[Asked] = ()) -> Result:
    """The figures of a run."""
    answers = [one for one in asked if one.answered]
    answerable = [one for one in asked if one.pair.answerable]
    right = [one for one in answerable if one.answered]
    several = [one for one in answerable if one.pair.question.type in _SEVERAL_PIECES]
    unanswerable = [one for one in asked if not one.pair.answerable and not one.pair.hidden]
    hidden = [one for one in asked if one.pair.hidden]
    figures = {
        "citation_validity": _share(answers, _validity, exactly(1.0)),
        "citation_recall": _mean(answers, lambda a: citing.recall(a.sentences), at_least(0.90)),
        "citation_precision": _mean(
            answers, lambda a: citing.precision(a.sentences), at_least(0.85)
        ),
        "gold_answer_stands": _mean(answerable, gold_stands, at_least(0.75)),
        "wrongly_refused": _mean(answerable, _refused, at_most(0.05)),
        "rightly_refused": _mean(unanswerable, _refused, at_least(0.95)),
        "figures_in_sources": _share(answers, _figures, exactly(1.0)),
        "gold_answer_stands_where_answered": _mean(right, gold_stands),
        "answer_precision": _share(right, answer_precision),
        "all_pieces_stand": _mean(several, all_pieces_stand),
        "hidden_refused": _mean(hidden, _refused),
        "near_misses_refused": _mean(near_misses, _refused),
        "sentences": mean([len(statements(one)) for one in answers], "sentences"),
        **_timings(asked),
    }
    return Result(name="generation", figures=figures, failures=list(_failures(asked)))


def statements(one: Asked) -> list[str]:
    """The sentences of the answer as a reader counts them, whatever it was cut into."""
    return [
        span.of(sentence["text"]) for sentence in one.sentences for span in split(sentence["text"])
    ]


def gold_stands(one: Asked) -> bool:
    """Whether a right answer stands in an answer of at most four sentences."""
    return _short(one) and any(_says(one, piece) for piece in one.pair.gold)


def all_pieces_stand(one: Asked) -> bool:
    """Whether all right answers stand there: what a chain or a comparison needs."""
    return _short(one) and all(_says(one, piece) for piece in one.pair.gold)


def answer_precision(one: Asked) -> Part:
    """Sentences that hold a span which bears on the question, or stand inside of one; over all."""
    spans = [normal(piece.span) for piece in one.pair.question.relevant]
    said = [normal(text) for text in statements(one)]
    good = sum(any(span in text or text in span for span in spans) for text in said)
    return float(good), float(len(said))


def _short(one: Asked) -> bool:
    return len(statements(one)) <= MOST_SENTENCES


def _says(one: Asked, piece: Evidence) -> bool:
    return normal(piece.answer) in normal(one.outcome["text"])


def _refused(one: Asked) -> bool:
    return not one.answered


def _validity(one: Asked) -> Part:
    """A sentence without any citation counts as one that does not stand."""
    total = sum(max(1, len(sentence["citations"])) for sentence in one.sentences)
    uncited = sum(not sentence["citations"] for sentence in one.sentences)
    return float(total - uncited - len(one.invalid)), float(total)


def _figures(one: Asked) -> Part:
    return float(sum(map(citing.figures_stand, one.sentences))), float(len(one.sentences))


def _share(
    asked: Iterable[Asked], part: Callable[[Asked], Part], goal: Goal | None = None
) -> Figure:
    return share(((one.pair.question.id, part(one)) for one in asked), goal)


def _mean(
    asked: Iterable[Asked], value: Callable[[Asked], float], goal: Goal | None = None
) -> Figure:
    return _share(asked, lambda one: (float(value(one)), 1.0), goal)


def _timings(asked: Sequence[Asked]) -> dict[str, Figure]:
    """Median and 95th percentile of each stage, and of their sum."""
    stages: dict[str, list[float]] = {}
    for one in asked:
        timings: Mapping[str, float] = one.outcome["timings_ms"]
        for stage, taken in {**timings, _TOTAL: sum(timings.values())}.items():
            stages.setdefault(stage, []).append(taken)
    return {
        f"{stage}_p{percent}": Figure(value=percentile(taken, percent), unit="ms")
        for stage, taken in stages.items()
        for percent in (50, 95)
    }


def _failures(asked: Sequence[Asked]) -> Iterator[Failure]:
    for one in asked:
        for reason in _wrong(one):
            yield Failure(name=one.pair.id, reason=f"{reason}\n{one.outcome['text']}")


def _wrong(one: Asked) -> Iterator[str]:
    yield from one.invalid
    if one.pair.answerable and not one.answered:
        yield "wrongly refused"
    elif one.pair.answerable and not gold_stands(one):
        yield f"no right answer within {MOST_SENTENCES} sentences"
    elif one.answered and not one.pair.answerable and not one.pair.hidden:
        yield "answered what nothing answers"
    for sentence in one.sentences:
        if not citing.figures_stand(sentence):
            yield f"a figure is not in what is cited: {sentence['text']}"
