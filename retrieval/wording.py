"""Wording: what a question wants to the letter: phrases in quotes, and words by their beginnings (`ship*`)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from retrieval.languages import is_small
from retrieval.terms import RUN, Terms, pieces

MOST_PHRASES = MOST_PREFIXES = 8
_QUOTED = re.compile(r"[\"“„]([^\"“”„\n]+)[\"”“]|«([^«»\n]+)»")
_BLANK = re.compile(r"\s")
_PREFIX = re.compile(r"(?<![\w*])(?P<start>[^\W_]{3,})\*(?![\w*])")


_ENDINGS = (
    *(
        "s e es ed er ing ng g ion on n ation tion ational ment ments al ally y ly ies ness able ible ive ity".split()
    ),
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in a row."""

    words: tuple[str, ...]
    """As they are written, lower-cased, the small ones too."""
    forms: tuple[tuple[str, ...], ...]
    """Of each word that no language leaves out the terms one of which stands for it in every passage."""

    def stands_in(self, text: str) -> bool:
        """Whether the words stand in the text next to each other, whatever signs are between them."""
        # Most texts fail by a glance, of the others some words are cut. A pattern is kept, so it has no run of words.
        glance, folded = _glance(self.words[: RUN - 1]), text.casefold()
        found = glance.search(folded)
        while found is not None:
            if self._stands_at(found, folded):
                return True
            found = glance.search(folded, found.start() + 1)
        return False

    def _stands_at(self, found: re.Match[str], folded: str) -> bool:
        """Whether the words stand where the first of them were seen, cut from blank to blank: no word has one in it."""
        begun = found.start()
        while begun and not folded[begun - 1].isspace():
            begun -= 1
        ended = _BLANK.search(folded, found.end())
        whole = ended is None or len(self.words) >= RUN
        near = folded[begun:] if whole or ended is None else folded[begun : ended.start()]
        return f" {' '.join(self.words)} " in f" {' '.join(pieces(near))} "


@lru_cache(maxsize=256)
def _glance(words: Sequence[str]) -> re.Pattern[str]:
    """What a text with the words in a row matches, and few others: a possessive s may stand between them."""
    return re.compile(r"[\W_]+(?:s[\W_]+)?".join(map(re.escape, words)))


@dataclass(frozen=True, slots=True)
class Prefix:
    """All words that begin so, as one term."""

    start: str
    """Lower-cased, without the asterisk."""
    stems: tuple[str, ...]
    """Of words that begin so the stems that do not: "investiga" is longer than what stands for investigation."""

    @property
    def written(self) -> str:
        return f"{self.start}*"


@dataclass(frozen=True, slots=True)
class Wording:
    """A question for the keyword arm."""

    terms: tuple[str, ...]
    """Distinct, sorted: sums over them are then the same on every run."""
    phrases: tuple[Phrase, ...] = ()
    prefixes: tuple[Prefix, ...] = ()


def worded(question: str, language: str, terms: Terms) -> Wording:
    """Reads the question. What is in quotes is a phrase, and its words are terms as well."""
    quoted = [match[1] or match[2] for match in _QUOTED.finditer(question)]
    outside = _QUOTED.sub(" ", question)
    starts = sorted({match["start"].casefold() for match in _PREFIX.finditer(outside)})
    plain = "\n".join([_PREFIX.sub(" ", outside), *quoted]) if starts else question
    return Wording(
        terms=tuple(sorted(set(terms.of(plain, language)))),
        phrases=_phrases(quoted, terms),
        prefixes=tuple(_prefix(start, language, terms) for start in starts[:MOST_PREFIXES]),
    )


def _phrases(quoted: Sequence[str], terms: Terms) -> tuple[Phrase, ...]:
    """Each once; without those of small words alone, which are in no index."""
    found: dict[tuple[str, ...], Phrase] = {}
    for one in quoted:
        words = tuple(pieces(one))
        telling = sorted({word for word in words if not is_small(word)})
        if telling:
            found[words] = Phrase(words, tuple(tuple(terms.forms(word)) for word in telling))
    return tuple(found.values())[:MOST_PHRASES]


def _prefix(start: str, language: str, terms: Terms) -> Prefix:
    stems = {stem for ending in ("", *_ENDINGS) for stem in terms.of(start + ending, language)}
    shorter = {
        stem for stem in stems if not stem.startswith(start) and stem[:-1] == start[: len(stem) - 1]
    }
    return Prefix(start, tuple(sorted(shorter)))
