"""Terms: how texts and questions are cut into stems and identifiers for the keyword arm."""

import re
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass

import Stemmer

from retrieval.identifiers import identifiers
from retrieval.languages import ENGLISH, LANGUAGES, STOP_WORDS, small_words

__all__ = ["OTHER_SCHEME", "RUN", "SCHEME", "STOP_WORDS", "Counted", "Terms", "pieces"]

SCHEME = 2
"""The number of this way to cut. It rises with each change, and an index of another number is not asked."""
OTHER_SCHEME = "the keyword index was built by another version of this program; stop this one, and start the newest"
RUN = 8
"""Words in a row of a text that are its own: no cache keeps that many, or they would outlive its deletion."""
_TITLE = 3
"""How often each word of a title counts. Of 0 to 4 the best on three public corpora; four adds nothing."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?(?:[.\-/@:_][^\W_]+)*")
_PIECE = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Counted:
    """What stands in a passage and its title."""

    terms: Mapping[str, int]
    length: int
    """Its words, those of the title as often as they count; the same word in another form is none more."""


class Terms:
    """Splits, lower-cases, drops stop words and stems (Snowball). One instance, one thread."""

    def __init__(self) -> None:
        self._stemmers: dict[str, Stemmer.Stemmer] = {}

    def of(self, text: str, language: str = ENGLISH) -> list[str]:
        """The terms in order, with repetitions; an identifier such as IR-2024-017 gives itself and its pieces.

        In other languages than English names give their English stems too, by which one finds the other.
        """
        return [*self.stems(text, language), *sorted(identifiers(text))]

    def stems(self, text: str, language: str = ENGLISH) -> list[str]:
        """As `of`, without the identifiers: much quicker, where none is asked for."""
        words = _words(text, language)
        return self._stems(words, language) + self._stems(_names(text, words, language), ENGLISH)

    def counted(self, title: str, text: str, language: str) -> Counted:
        """The terms of a passage under its title, which is empty where readers may not know it."""
        terms: Counter[str] = Counter()
        length = 0
        for weight, one in ((_TITLE, title), (1, text)):
            words = _words(one, language)
            stems = self._stems(words, language)
            length += weight * len(stems)
            for stem in stems:
                terms[stem] += weight
            for name in self._stems(_names(one, words, language), ENGLISH):
                terms[name] += weight
        found = sorted(identifiers(title) | identifiers(text))  # the same bytes in every process
        return Counted(terms | Counter(found), length)

    def forms(self, word: str) -> list[str]:
        """What stands for the word in the index, whatever language its passage is in; in order, at least one."""
        return sorted({self._stems([word], language)[0] for language in LANGUAGES})

    def _stems(self, words: list[str], language: str) -> list[str]:
        if language not in self._stemmers:
            self._stemmers[language] = Stemmer.Stemmer(language)
        return list(self._stemmers[language].stemWords(words))


def pieces(text: str) -> list[str]:
    """The words of a text as they are written, lower-cased, with the small ones: what phrases consist of."""
    return [piece for word in _written(text) for piece in _parts(word)]


def _written(text: str) -> list[str]:
    """What stands between blanks, lower-cased."""
    return _WORD.findall(text.casefold().replace("’", "'"))


def _parts(word: str) -> list[str]:
    """Most words are of one part."""
    return [word] if word.isalnum() else _PIECE.findall(word.removesuffix("'s"))


def _words(text: str, language: str) -> list[str]:
    small, words = small_words(language), []
    for word in _written(text):
        some = _parts(word)
        if len(some) > 1 and any(map(str.isdigit, some)):
            words.append(word)
        words += [piece for piece in some if piece not in small]
    return words


def _names(text: str, words: list[str], language: str) -> list[str]:
    """Which of the words may be names: all where nothing but the first letter is a capital."""
    if language == ENGLISH:
        return []
    capitals: Set[str] = {piece.casefold() for piece in _PIECE.findall(text) if piece[0].isupper()}
    return (
        [word for word in words if word in capitals] if any(map(str.isupper, text[1:])) else words
    )
