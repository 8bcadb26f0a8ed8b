"""Context assembly: which of the retrieved passages are passed on, and in which order."""

from collections.abc import Mapping, Sequence

from retrieval.copies import Wording
from retrieval.tokens import estimated
from retrieval.types import Context

MOST = 3
TOKENS = 2400
_SHARE_OF_BEST = 0.95
"""A context is passed on while its best sentence scores at least this share of the best one of all. Both
numbers were tuned on the tune half of the case file for precision without losing answers."""
_NOVELTY = 0.05
"""What a context loses of its value, as a share of the best, where all its words stand in those chosen before
it: as much as the score curve lets contexts differ, so that news decide among those that fit alike."""


def assemble(
    contexts: Sequence[Context], *, most: int = MOST, tokens: int = TOKENS
) -> list[Context]:
    """The contexts worth passing on, best first: cut by the score curve, then `most` that differ, within the budget.

    Expects contexts without copies whose sentences have been weighed. Looks at the given contexts alone.
    """
    ranked = sorted(contexts, key=_rank)
    worth = [one for one in ranked if best(one) >= _SHARE_OF_BEST * best(ranked[0])]
    chosen = _differing(worth, most)
    if sum(map(length, chosen)) > tokens:
        chosen = _affordable(worth, most, tokens)
    return sorted(chosen, key=_rank)


def _rank(context: Context) -> tuple[float, float, str]:
    return -best(context), -context.score, context.chunk.chunk_id


def best(context: Context) -> float:
    """The score of the context's best sentence."""
    return max((sentence.score for sentence in context.sentences), default=0.0)


def length(context: Context) -> int:
    """About how many tokens a model reads of it."""
    return estimated(f"{context.chunk.title or ''}\n{context.chunk.text}")


def preceded(
    contexts: Sequence[Context], neighbours: Mapping[str, Context], *, tokens: int = TOKENS
) -> list[Context]:
    """Each context behind its neighbour, as far as the budget reaches; one that is there anyway comes once."""
    there = {one.chunk.chunk_id for one in contexts}
    left = tokens - sum(map(length, contexts))
    placed: list[Context] = []
    for one in contexts:
        neighbour = neighbours.get(one.chunk.chunk_id)
        if neighbour and neighbour.chunk.chunk_id not in there and length(neighbour) <= left:
            there.add(neighbour.chunk.chunk_id)
            left -= length(neighbour)
            placed.append(neighbour)
        placed.append(one)
    return placed


def reading_order(contexts: Sequence[Context]) -> list[Context]:
    """Best first, second best last, the weakest in the middle; a neighbour stays before what it leads up to.

    Models use best what stands at the ends of their input: Liu et al. 2023, "Lost in the Middle: How Language
    Models Use Long Contexts" (arXiv:2307.03172).
    """
    units: list[list[Context]] = [[]]
    for one in contexts:
        units[-1].append(one)
        if one.precedes is None:
            units.append([])
    ordered = units[:-1]
    return [one for unit in (*ordered[::2], *ordered[1::2][::-1]) for one in unit]


def _differing(worth: Sequence[Context], most: int) -> list[Context]:
    """Up to `most`: each time the one whose value is highest after what it only repeats is taken off."""
    words = {one.chunk.chunk_id: set(Wording.of(one.chunk.text).words) for one in worth}
    chosen: list[Context] = []
    told: set[str] = set()
    left = list(worth)
    while left and len(chosen) < most:
        known = {i: len(w & told) / max(1, len(w)) for i, w in words.items()}
        taken = max(
            left, key=lambda c: best(c) - _NOVELTY * best(worth[0]) * known[c.chunk.chunk_id]
        )
        chosen.append(taken)
        told |= words[taken.chunk.chunk_id]
        left.remove(taken)
    return chosen


def _affordable(worth: Sequence[Context], most: int, tokens: int) -> list[Context]:
    """Up to `most` that fit into the budget: the best, then by value for each token."""
    first, *others = worth
    chosen: list[Context] = []
    for one in [first, *sorted(others, key=lambda c: -best(c) / length(c))]:
        if length(one) <= tokens and len(chosen) < most:
            chosen.append(one)
            tokens -= length(one)
    return chosen
