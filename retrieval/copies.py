"""Near copies: texts that say the same, so that one of them is enough.

Two texts that differ in a figure, a name or a negation are never copies, however alike they are otherwise: they
contradict each other, and both must be told.
"""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from retrieval.terms import STOP_WORDS
from retrieval.types import Context

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[$€£¥%]")
_FIGURE = re.compile(r"(?:(?<!\S)[-−+])?[$€£¥]?\d+(?:[.,:/-]\d+)*%?")
_SAME_PASSAGE = 0.8
"""Jaccard similarity of word triples from which two passages are copies."""
_SAME_SENTENCE = 0.7
"""Share of the shorter sentence's words that the longer one has, from which it repeats it."""
_TELLING = frozenset(
    """no not nor never none nobody nothing neither without one two three four five six seven eight nine ten
    eleven twelve twenty thirty forty fifty hundred thousand million billion dozen half twice""".split()
)
"""Words that turn a sentence into its contrary, and figures in words."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A text as far as copies are judged by it: nothing of white space, punctuation and case."""

    words: tuple[str, ...]
    figures: tuple[str, ...]
    """As they are written, in order: "1.5" is not "15"."""
    plain: frozenset[str]
    """The words without the "'s" of a possessor."""
    names: frozenset[str]
    """Those of them that are capitalised, also where they begin a sentence."""
    telling: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Wording":
        written = _WORD.findall(text.replace("’", "'"))
        words = tuple(word.casefold() for word in written)
        return cls(
            words=words,
            figures=_figures(text),
            plain=frozenset(map(_plain, written)),
            names=frozenset(_names(written)),
            telling=tuple(sorted(one for one in words if one in _TELLING or one.endswith("n't"))),
        )

    def copies(self, other: "Wording") -> bool:
        """Whether two passages say the same."""
        if self.figures != other.figures:
            return False
        if self.words == other.words:
            return True
        if self._contradicts(other):
            return False
        first, second = self.triples(), other.triples()
        return len(first & second) >= _SAME_PASSAGE * max(1, len(first | second))

    def repeats(self, other: "Wording") -> bool:
        """Whether of two sentences one says hardly more than the other."""
        if self.figures != other.figures or self._contradicts(other):
            return False
        first, second = set(self.words), set(other.words)
        return len(first & second) >= _SAME_SENTENCE * max(1, min(len(first), len(second)))

    def _contradicts(self, other: "Wording") -> bool:
        """A name counts as the other's too where that has it in small letters: a heading may be in capitals."""
        named = self.names <= other.plain and other.names <= self.plain
        return not named or self.telling != other.telling

    def triples(self) -> Set[tuple[str, ...]]:
        """Every three words in a row; of fewer all there are."""
        words = self.words
        if len(words) < 3:
            return {words}
        return set(zip(words, words[1:], words[2:], strict=False))


def _figures(text: str) -> tuple[str, ...]:
    return tuple(_FIGURE.findall(text))


def _names(written: Sequence[str]) -> Iterator[str]:
    for word in written:
        if word[0].isupper() and _plain(word) not in STOP_WORDS:
            yield _plain(word)


def _plain(word: str) -> str:
    return word.casefold().removesuffix("'s")


def without_copies(contexts: Sequence[Context]) -> list[Context]:
    """Of near copies the one with the lowest label, in the place of the first; the others in their order.

    Where labels do not compare the first stays: it fits the question better. What copies a copy is one too,
    so no two that stay are copies. Looks at the given contexts alone.
    """
    by_figures: dict[tuple[str, ...], list[int]] = {}
    for at, one in enumerate(contexts):
        by_figures.setdefault(_figures(one.chunk.text), []).append(at)
    groups = [group for some in by_figures.values() for group in _groups(contexts, some)]
    return [_lowest([contexts[one] for one in group]) for group in sorted(groups)]


def _groups(contexts: Sequence[Context], places: Sequence[int]) -> list[list[int]]:
    """The places of copies together, each group in order."""
    if len(places) == 1:
        return [[*places]]  # as most are: words need not be looked at
    wordings = {at: Wording.of(contexts[at].chunk.text) for at in places}
    groups: list[list[int]] = []
    for at, wording in wordings.items():
        same = [group for group in groups if any(wordings[one].copies(wording) for one in group)]
        merged = sorted([at, *(one for group in same for one in group)])
        groups = [group for group in groups if group not in same] + [merged]
    return groups


def _lowest(copies: Sequence[Context]) -> Context:
    lowest = copies[0]
    for one in copies[1:]:
        if one.label != lowest.label and lowest.label.dominates(one.label):
            lowest = one
    return lowest
