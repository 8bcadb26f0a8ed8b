"""Definitions: the names that a passage is about, and where a text may be using such a name.

Both sides are compared word by word, so that any run of words of a text can be looked up among the names
that visible passages define; no list of names, and no link, is kept across labels.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import NamedTuple

from retrieval.terms import STOP_WORDS

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_POSSESSIVE = re.compile(r"['’]s$")
_APOSTROPHES = re.compile(r"['’]")
_ARTICLES = frozenset(["the", "a", "an"])
_BRACKETED = re.compile(r"\s*\([^)]*\)")
_AFTER_SUBJECT = re.compile(
    r"[(,;:\n]|\b(?:is|was|are|were|refers|had|may|can|has been|have been)\b"
)
_LEAD_INS = frozenset(
    "in on at by after before during for from since as with while when although if according".split()
)
_SUBJECT_WITHIN = 200
"""Characters of a text in which its subject has ended, where the text begins by defining one."""
_LONGEST = 8
"""Words of a name."""
_LONGEST_PLAIN = 3
"""Words of a name that is written without a capital, such as "aircraft carrier"."""


class Word(NamedTuple):
    """A word as it is compared, where it stands, and what it is."""

    plain: str
    start: int
    end: int
    capital: bool
    """Whether it begins with a capital or a figure."""
    content: bool
    """Whether it means something by itself."""


class Naming(NamedTuple):
    """A run of words that may be a name: its key, and the half-open range of code points."""

    key: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """The words in order, without case, accents and possessive endings."""
    found = []
    for match in _WORD.finditer(text):
        word = match.group()
        plain = _plain(word)
        if plain:
            capital = word[0].isupper() or word[0].isdigit()
            content = plain not in STOP_WORDS
            found.append(Word(plain, match.start(), match.end(), capital, content))
    return found


def titled(title: str) -> frozenset[str]:
    """The names that a title gives: whole, without what is in brackets, and up to a comma."""
    return frozenset(
        key
        for one in (title, _BRACKETED.sub("", title), title.split(",", maxsplit=1)[0])
        if (key := _key(one))
    )


def subject(text: str) -> frozenset[str]:
    """The name that the first sentence defines, as in "Alder Ltd (1990) is …"; at most one."""
    ended = _AFTER_SUBJECT.search(text, 0, _SUBJECT_WITHIN)
    if ended is None:
        return frozenset()
    key = _key(text[: ended.start()])
    named = key.split()
    return frozenset([key] if 0 < len(named) <= _LONGEST and named[0] not in _LEAD_INS else [])


def namings(text: str) -> list[Naming]:
    """Every run of words that may be a name, by place, the longest first."""
    return list(_namings(words(text), first=0))


def in_question(question: str) -> list[Naming]:
    """As `namings`; the capital of the first word says nothing."""
    return list(_namings(words(question), first=1))


def chosen(candidates: Collection[Naming], known: Collection[str]) -> list[Naming]:
    """Those whose key is known, the longest from left to right, none within another."""
    taken: list[Naming] = []
    some = [one for one in candidates if one.key in known]
    for one in sorted(some, key=lambda one: (one.start, -one.end)):
        if not taken or one.start >= taken[-1].end:
            taken.append(one)
    return taken


def _namings(found: list[Word], *, first: int) -> Iterator[Naming]:
    for at, word in enumerate(found):
        if (word.capital or word.content) and word.plain not in _ARTICLES:
            yield from reversed(_runs(found, at, counts_capital=at >= first))


def _runs(found: list[Word], at: int, *, counts_capital: bool) -> list[Naming]:
    """The runs from there that may be names, the shortest first.

    Each has a capital on a word that means something, or several such words, and does not end on another.
    """
    runs: list[Naming] = []
    key, content, capital = "", 0, False
    begin = found[at].start
    for size, (plain, _, end, begins_so, means) in enumerate(found[at : at + _LONGEST], start=1):
        key = f"{key} {plain}" if key else plain
        if means:
            content += 1
            capital = capital or begins_so
        elif not (begins_so and content):
            continue
        if (capital and (counts_capital or size > 1)) or (content > 1 and size <= _LONGEST_PLAIN):
            runs.append(Naming(key, begin, end))
    return runs


def _key(name: str) -> str:
    found = words(name)
    if len(found) > 1 and found[0].plain in _ARTICLES:
        del found[0]
    key = " ".join(one.plain for one in found)
    return key if len(key) > 2 and any(one.content for one in found) else ""


def _plain(word: str) -> str:
    if word.isascii() and "'" not in word:
        return word.lower()
    bare = _APOSTROPHES.sub("", _POSSESSIVE.sub("", word.casefold()))
    return "".join(c for c in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(c))
