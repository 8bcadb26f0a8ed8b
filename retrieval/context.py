"""Context assembly: which of the retrieved passages are passed on, and in which order."""

import re
from collections.abc import Sequence

from policy.labels import Label
from retrieval.types import Context

_MOST = 3
_TOKENS = 2400
_SHARE_OF_BEST = 0.95
"""A context is passed on while its best sentence scores at least this share of the best one of all. Both
numbers were tuned on the tune half of the case file for precision without losing answers."""
_SAME = 0.8
"""Jaccard similarity of word triples from which two texts count as copies."""
_FIGURE = re.compile(r"\d+")
_WORD = re.compile(r"\w+")


def assemble(contexts: Sequence[Context], *, tokens: int = _TOKENS) -> list[Context]:
    """The contexts worth passing on: best first, no near copies, within the token budget.

    Expects contexts whose sentences have been weighed. Looks at the given contexts alone.
    """
    ranked = sorted(contexts, key=lambda c: (-best(c), -c.score, c.chunk.chunk_id))
    if not ranked:
        return []
    least = _SHARE_OF_BEST * best(ranked[0])
    passed: list[Context] = []
    for context in _without_copies([c for c in ranked if best(c) >= least]):
        tokens -= _tokens(context.chunk.text)
        if len(passed) == _MOST or (passed and tokens < 0):
            break
        passed.append(context)
    return passed


def best(context: Context) -> float:
    """The score of the context's best sentence."""
    return max((sentence.score for sentence in context.sentences), default=0.0)


def _without_copies(ranked: Sequence[Context]) -> list[Context]:
    """Of near copies the one with the lower label stays, in the place of the first."""
    kept: list[Context] = []
    for context in ranked:
        twin = next((i for i, one in enumerate(kept) if _similar(one, context)), None)
        if twin is None:
            kept.append(context)
        elif _lower(context.label, kept[twin].label):
            kept[twin] = context
    return kept


def _lower(a: Label, b: Label) -> bool:
    return a != b and b.dominates(a)


def _similar(a: Context, b: Context) -> bool:
    """Alike in words and equal in every figure: texts that differ in a number contradict each other."""
    if _FIGURE.findall(a.chunk.text) != _FIGURE.findall(b.chunk.text):
        return False
    first, second = _triples(a.chunk.text), _triples(b.chunk.text)
    return len(first & second) >= _SAME * max(1, len(first | second))


def _triples(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    if len(words) < 3:
        return {tuple(words)}
    return set(zip(words, words[1:], words[2:], strict=False))


def _tokens(text: str) -> int:
    """A rough count: English has about four characters a token."""
    return len(text) // 4 + 1
