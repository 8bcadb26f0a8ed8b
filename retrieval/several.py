"""Several questions for one: what the parts of a question found, as one list."""

from collections.abc import Sequence
from dataclasses import replace

from retrieval.context import best
from retrieval.hybrid import Found
from retrieval.types import Context, ScoredSentence

_LIFT = 1.5
"""A question whose best sentence fits much worse than the others' has probably found nothing."""


def merged(found: Sequence[Found], limit: int) -> tuple[Context, ...]:
    """Up to `limit` passages, best first: each as that question found it which it fits best.

    A score is relative to the best passage of its question, so scores of several questions compare. Where two
    give the same, the earlier question's stays; ties between passages go by chunk id.
    """
    best: dict[str, Context] = {}
    for one in found:
        for context in one.contexts:
            known = best.get(context.chunk.chunk_id)
            if known is None or context.score > known.score:
                best[context.chunk.chunk_id] = context
    ranked = sorted(best.values(), key=lambda c: (-c.score, c.chunk.chunk_id))
    return tuple(ranked[:limit])


def better(weighed: Sequence[Sequence[Context]]) -> list[Context]:
    """The same contexts, weighed for several questions: each sentence with the best of its scores.

    Scores of a question are raised to where its best sentence stands beside the others' best, as far as `_LIFT`
    reaches: else the cut by the score curve would leave only what answers the easiest question.
    """
    bests = [max(map(best, contexts), default=0.0) for contexts in weighed]
    lifts = [min(max(bests) / one, _LIFT) if one > 0 else 1.0 for one in bests]
    return [
        replace(
            alike[0],
            sentences=tuple(
                _best(some, lifts) for some in zip(*(one.sentences for one in alike), strict=True)
            ),
        )
        for alike in zip(*weighed, strict=True)
    ]


def _best(alike: Sequence[ScoredSentence], lifts: Sequence[float]) -> ScoredSentence:
    scores = [one.score * lift for one, lift in zip(alike, lifts, strict=True)]
    return replace(alike[0], score=max(scores))
