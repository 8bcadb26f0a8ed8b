"""Grounding: whether what a question names occurs, perhaps misspelt, in any passage that was found."""

import re
from collections.abc import Iterable, Sequence, Set
from difflib import SequenceMatcher

from retrieval.terms import STOP_WORDS
from retrieval.types import Context

_NAME = re.compile(r"(?<![\w-])(?:[A-Z][\w’'-]*|[A-Za-z]*[-/]?\d[\w/-]*[A-Za-z-][\w/-]*)")
_ACRONYM = re.compile(r"[A-Z]{2,4}")
_WORD = re.compile(r"[\w-]+")
_ALIKE = 0.75
"""Of `SequenceMatcher`: lets "Kestral" stand for "Kestrel" and keeps "Dorrance" from "Dornick"."""
_SHORTEST = 3
_CALENDAR = frozenset(
    """january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday""".split()
)


def unnamed(question: str, contexts: Sequence[Context]) -> list[str]:
    """The names in the question that no passage bears. A question about them has no answer here."""
    known = {
        word
        for context in contexts
        for word in _words(f"{context.chunk.title or ''} {context.chunk.text}")
    }
    return [name for name in names(question) if not _borne(name, known)]


def names(question: str) -> list[str]:
    """Capitalised words inside the question and identifiers anywhere, lower-cased, without 's."""
    found = []
    for match in _NAME.finditer(question):
        word = re.sub(r"['’]s?$", "", match.group()).casefold()
        starts = not question[: match.start()].strip(" \"'“‘(")
        if starts and word.isalpha():
            continue  # the first word is capitalised whatever it is
        if _ACRONYM.fullmatch(match.group()):
            continue  # "CCTV" and "LC" are words for things that the passages may spell out
        if len(word) >= _SHORTEST and word not in STOP_WORDS | _CALENDAR:
            found.append(word)
    return found


def _borne(name: str, known: Set[str]) -> bool:
    if any(sign.isdigit() for sign in name):
        return name in known  # a number that differs in one digit is another number
    return name in known or any(_alike(name, word) for word in known)


def _alike(name: str, word: str) -> bool:
    if word.startswith(name) or (len(word) > _SHORTEST and name.startswith(word)):
        return True
    matcher = SequenceMatcher(None, name, word)
    return (
        matcher.real_quick_ratio() >= _ALIKE
        and matcher.quick_ratio() >= _ALIKE
        and matcher.ratio() >= _ALIKE
    )


def _words(text: str) -> Iterable[str]:
    for match in _WORD.finditer(text.casefold()):
        yield match.group()
        yield from match.group().split("-")
