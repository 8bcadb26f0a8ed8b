"""A text as a rule reads it, and the place in the claim from which each character comes."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from copilot.output_scan.findings import Finding, Kind
from policy.folding import Folds

_SIGNS = {**dict.fromkeys("‐‑‒–—−", "-"), **dict.fromkeys("’‘", "'"), **dict.fromkeys("“”", '"')}
_FOLDS = Folds({**_SIGNS, **dict(zip("Звкһԛԝαρνι", "3Bkhqwapvi", strict=True))})
"""These few more are for us alone: after a mark, a letter in lower case says that it is prose."""
WORD = re.compile(r"[^\W_]+")


class View:
    """One reading of a claim: folded, or decoded from what stands in another reading."""

    def __init__(
        self,
        text: str,
        spans: Sequence[tuple[int, int]] | None = None,
        *,
        ragged: bool = False,
    ) -> None:
        """`spans` says for each character of a decoded text where it stands in the claim.

        A `ragged` text may have anything right before and behind what was encoded.
        """
        self._original = text
        self._given = spans
        self.text = text.translate(_FOLDS)
        self.ragged = ragged

    def finding(self, kind: Kind, start: int, end: int) -> Finding:
        """The finding for a range of this view's text, as a range of the claim."""
        first, last = self.spans[start], self.spans[max(start, end - 1)]
        return Finding(kind=kind, start=first[0], end=max(last[1], first[0] + 1))

    def whole(self, kind: Kind) -> Finding:
        """The finding for all of the text, which must not be empty."""
        return self.finding(kind, 0, len(self.text))

    @cached_property
    def spans(self) -> Sequence[tuple[int, int]]:
        """For each character of the text the range of the claim that it stands for."""
        places = [
            place
            for place, char in enumerate(self._original)
            for _ in range(len(char.translate(_FOLDS)))
        ]
        if self._given is None:
            return [(place, place + 1) for place in places]
        return [self._given[place] for place in places]

    @cached_property
    def words(self) -> list[re.Match[str]]:
        """The words in lower case; `str.casefold` could change their length and so their place."""
        return list(WORD.finditer(self.text.lower()))

    @cached_property
    def letters(self) -> str:
        """Letters and digits alone: blanks, dashes and look-alikes between them hide nothing."""
        return letters(self.text)


class Form:
    """A pattern, and the same without its bounds for ragged texts."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._bounded = re.compile(pattern, flags)
        self._ragged = re.compile(_BOUNDS.sub("", pattern), flags)

    def find(self, view: View) -> Iterator[re.Match[str]]:
        """The matches in the text of a view."""
        return (self._ragged if view.ragged else self._bounded).finditer(view.text)


_BOUNDS = re.compile(r"\\b|\(\?<?![^()]*\)")


def fold(text: str) -> str:
    """The text in the spelling that views have."""
    return text.translate(_FOLDS)


def letters(folded: str) -> str:
    """The letters and digits of a folded text in one case."""
    return "".join(WORD.findall(folded)).casefold()


def words(text: str) -> list[str]:
    """The words of a text as views have them."""
    return [match[0] for match in WORD.finditer(fold(text).lower())]
