"""Definitions: the names that a passage is about, and where a text may be using such a name.

Both sides are compared word by word, so that any run of words of a text can be looked up among the names
that visible passages define; no list of names, and no link, is kept across labels.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
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
    """A name where a text uses it: its key, and the half-open range of code points."""

    key: str
    start: int
    end: int


Runs = Mapping[str, Sequence[tuple[int, int]]]
"""Runs of words that may be names: the key of each, and the half-open ranges of code points where it stands."""


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


def namings(text: str) -> Runs:
    """Every run of words that may be a name."""
    return _runs(words(text), first=0)


def in_question(question: str) -> Runs:
    """As `namings`; the capital of the first word says nothing."""
    return _runs(words(question), first=1)


def chosen(candidates: Runs, known: Collection[str]) -> list[Naming]:
    """Those whose key is known, the longest from left to right, none within another."""
    taken: list[Naming] = []
    some = [Naming(key, *place) for key, at in candidates.items() if key in known for place in at]
    for one in sorted(some, key=lambda one: (one.start, -one.end)):
        if not taken or one.start >= taken[-1].end:
            taken.append(one)
    return taken


def _runs(found: Sequence[Word], *, first: int) -> Runs:
    """Each run has a capital on a word that means something, or is short and has several such words.

    Before the word `first` a capital alone is none. No run ends on a word that means nothing and has no capital.
    """
    runs: dict[str, list[tuple[int, int]]] = {}
    capitals = _capitals(found)
    for at, (key, start, end, begins_so, means) in enumerate(found):
        if not (begins_so or means) or key in _ARTICLES:
            continue
        capital, count = capitals[at], int(means)
        if capital == at >= first:
            runs.setdefault(key, []).append((start, end))
        longest = _LONGEST if capital < at + _LONGEST else _LONGEST_PLAIN
        for place, (plain, _, end, begins_so, means) in enumerate(
            found[at + 1 : at + longest], start=at + 1
        ):
            key = f"{key} {plain}"
            count += means
            if not (means or begins_so):
                continue
            if place >= capital or (count > 1 and place < at + _LONGEST_PLAIN):
                runs.setdefault(key, []).append((start, end))
    return runs


def _capitals(found: Sequence[Word]) -> list[int]:
    """For each word where the next one stands, or itself, that has a capital and means something."""
    places, following = [0] * len(found), len(found) + _LONGEST
    for at in range(len(found) - 1, -1, -1):
        if found[at].capital and found[at].content:
            following = at
        places[at] = following
    return places


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
