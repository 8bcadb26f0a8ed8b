"""The graph arm: passages reached over links from the question's names and from its best passages."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from retrieval.fit import Fit
from retrieval.links import Link, Links
from retrieval.types import Hit

_SEEDS = 2
"""Trials on three public corpora did best with one to three; ten drown the question."""
_MOST_NAMED = 8
_HOPS = 2
_FRONT = 3
"""Passages that lead on after each hop."""
_KEPT = 0.5
"""Of a passage's weight, for each hop from the seeds."""
_UNNAMED = 0.55
"""Of the weight of a seed that the question does not name."""
_NAMED = 0.5
_GAIN = 1.7
"""What being named in the question, and being reached in full, add to a passage's own fit (at most 1)."""


class _Reached(NamedTuple):
    """A passage that links lead to: how much weight reaches it, and by which names."""

    weight: float
    path: tuple[str, ...]


_Front = dict[str, _Reached]


async def search(links: Links, best: Sequence[str], limit: int) -> list[Hit]:
    """Up to `limit` hits; a score is what the graph adds to the passage's own fit.

    `best` are the passages that the other arms found.
    """
    named = _strongest_named(await links.named(), links.fit)
    front = _seeds(links.fit, named, best)
    reached: _Front = {}
    seen = set(front)
    for hop in range(_HOPS):
        found = await links.onward(sorted(front), question=hop == 0)
        onward = _pushed(reached, found[""], _Reached(weight=1.0, path=()))
        for start, one in sorted(front.items()):
            kept = _Reached(weight=one.weight * _KEPT**hop, path=one.path)
            step = _pushed(reached, found.get(start, ()), kept)
            _improve(onward, step)
        front = _strongest({end: one for end, one in onward.items() if end not in seen})
        seen |= set(front)
    return _hits(reached, named)[:limit]


def _strongest_named(named: Mapping[str, str], fit: Fit) -> dict[str, str]:
    ranked = sorted(named, key=lambda one: (-fit.score(one), one))
    return {one: named[one] for one in ranked[:_MOST_NAMED]}


def _seeds(fit: Fit, named: Mapping[str, str], best: Sequence[str]) -> _Front:
    """The best passages, and all that the question names, each weighed against the best."""
    scores = {one: fit.score(one) + _NAMED * (one in named) for one in {*best, *named}}
    ranked = sorted(scores, key=lambda one: (-scores[one], one))
    if not ranked or scores[ranked[0]] <= 0:
        return {}
    return {
        one: _Reached(
            weight=scores[one] / scores[ranked[0]] * (1.0 if one in named else _UNNAMED),
            path=(named[one],) if one in named else (),
        )
        for one in sorted({*ranked[:_SEEDS], *named})
    }


def _pushed(reached: _Front, links: Sequence[Link], start: _Reached) -> _Front:
    """Where the links lead; keeps the best way to each end in `reached`."""
    step = {
        one.chunk_id: _Reached(start.weight * one.weight, start.path + one.path) for one in links
    }
    _improve(reached, step)
    return step


def _improve(first: _Front, second: _Front) -> None:
    """Takes over what is new or, of two ways to one end, stronger."""
    for end, one in second.items():
        if end not in first or one.weight > first[end].weight:
            first[end] = one


def _strongest(front: _Front) -> _Front:
    ranked = sorted(front, key=lambda one: (-front[one].weight, one))
    return {one: front[one] for one in ranked[:_FRONT]}


def _hits(reached: _Front, named: Mapping[str, str]) -> list[Hit]:
    scores = dict.fromkeys(named, _NAMED)
    for end, one in reached.items():
        scores[end] = scores.get(end, 0.0) + _GAIN * one.weight
    paths: dict[str, tuple[str, ...]] = {one: (key,) for one, key in named.items()}
    paths |= {end: one.path for end, one in reached.items() if end not in named}
    ranked = sorted(scores, key=lambda one: (-scores[one], one))
    return [Hit(chunk_id=one, score=scores[one], path=paths[one]) for one in ranked]
