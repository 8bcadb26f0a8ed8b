"""Grounding: whether what a question names occurs, perhaps misspelt, in any passage that was found."""

import re
from collections.abc import Iterator, Sequence, Set
from difflib import SequenceMatcher

from retrieval.identifiers import identifiers
from retrieval.terms import STOP_WORDS
from retrieval.types import Context

_NAME = re.compile(
    r"(?<![\w-])(?:[A-Z][\w’'-]*"
    r"|[A-Za-z]*[-/]?\d[\w/-]*[A-Za-z-][\w/-]*"  # file, phone and other numbers with letters or hyphens
    r"|\d{5,}(?![,.]?\d)"  # container and account numbers
    r"|(?:1[5-9]|20)\d\d(?![\w,.-]*\d))"  # years
)
_ACRONYM = re.compile(r"[A-Z]{2,4}")
_WORD = re.compile(r"[\w-]+")
_ALIKE = 0.75
"""Of `SequenceMatcher`: lets "Kestral" stand for "Kestrel" and keeps "Dorrance" from "Dornick"."""
_SHORTEST = 3
_ENDING, _STEM = 2, 3
_CALENDAR = frozenset(
    """january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday""".split()
)


def unnamed(question: str, contexts: Sequence[Context]) -> list[str]:
    """The names in the question that no passage bears. A question about them has no answer here."""
    text = "\n".join(f"{one.chunk.title or ''}\n{one.chunk.text}" for one in contexts)
    words = set(_words(text))
    capitalised = {word.casefold() for word in words if word[0].isupper()}
    known = {word.casefold() for word in words}
    same = _same_identifiers(question, contexts)
    return [
        name
        for name in names(question)
        if not _borne(name, known, capitalised) and not any(_signs(name) in one for one in same)
    ]


def names(question: str) -> list[str]:
    """Capitalised words inside the question and identifiers anywhere, lower-cased, without 's."""
    found = []
    for match in _NAME.finditer(question):
        word = re.sub(r"['’]s?$", "", match.group()).casefold()
        starts = not question[: match.start()].strip(" \"'“‘(")
        if starts and word == match.group().casefold() and word.isalpha():
            continue  # the first word is capitalised whatever it is, but for "Kestrel's"
        if _ACRONYM.fullmatch(match.group()):
            continue  # "CCTV" and "LC" are words for things that the passages may spell out
        if len(word) >= _SHORTEST and word not in STOP_WORDS | _CALENDAR:
            found.append(word)
    return found


def _same_identifiers(question: str, contexts: Sequence[Context]) -> list[str]:
    """The signs of those that the question and a passage have in common, however each writes them."""
    asked = identifiers(question)
    if not asked:
        return []
    texts = (text for one in contexts for text in (one.chunk.title or "", one.chunk.text))
    held = {term for text in texts for term in identifiers(text)}
    return sorted(_signs(one) for one in asked & held)


def _signs(written: str) -> str:
    return re.sub(r"[\W_]", "", written)


def _borne(name: str, known: Set[str], capitalised: Set[str]) -> bool:
    """Whether some word is the name; misspelt only another name may be, and never a number."""
    if name in known:
        return True
    return not any(sign.isdigit() for sign in name) and any(
        _alike(name, word) for word in capitalised
    )


def _alike(name: str, word: str) -> bool:
    if abs(len(name) - len(word)) <= _ENDING and name[:_STEM] == word[:_STEM]:
        shorter, longer = sorted((name, word), key=len)
        if longer.startswith(shorter):
            return True
    matcher = SequenceMatcher(None, name, word)
    return (
        matcher.real_quick_ratio() >= _ALIKE
        and matcher.quick_ratio() >= _ALIKE
        and matcher.ratio() >= _ALIKE
    )


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        yield match.group()
        yield from filter(None, match.group().split("-"))
