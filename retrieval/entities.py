"""Entities that a text names, recognised by form and evidence in that text alone."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from retrieval.lexicon import NOT_NAMES, ORDINARY, TITLES
from retrieval.literals import literals
from retrieval.names import Candidate, names, normalise
from retrieval.sentences import split
from retrieval.transfer_line import ROW
from retrieval.types import EntityKind, Mention, Span

__all__ = ["in_question", "mentions", "normalise"]

_QUOTED = re.compile(r"(?=[\"“«]\s?(?P<name>(?:[Tt]he )?[^\W_a-z][^\"“”«»\n]{0,58}?)\s?[\"”»])")
_QUOTED_WORDS = 8
_ANY_QUOTED = re.compile(
    r"[\"“«]\s?([^\"“”«»\n]{2,80}?)\s?[\"”»]|(?<!\w)['‘]([^'‘’\n]{2,80}?)['’](?!\w)"
)
_WORD = re.compile(r"[^\W_]+(?:[-’'][^\W_]+)*")
_GRAMS = 4
_GAP = re.compile(r"(?:['’]s)?\s(?:[a-z]+\s){0,2}")
_NAMED = (EntityKind.NAME, EntityKind.PERSON, EntityKind.PLACE, EntityKind.ORGANISATION)
_PLAIN_VERBS = frozenset(
    "own owns owned pay pays paid meet meets met work works worked die died live lives lived happen "
    "happened go went receive received send sent transfer transferred buy bought sell sold control "
    "controls controlled name named come came tell list show find give explain direct play played "
    "wrote write run runs ran use uses used take took many money country city person year day".split()
)
_MEANINGLESS = ORDINARY | NOT_NAMES | _PLAIN_VERBS
_NEVER_ASKED = _MEANINGLESS | TITLES


def mentions(text: str) -> list[Mention]:
    """What `text` names, in order, never overlapping; nothing but `text` decides."""
    taken = _Taken(len(text))
    found = [m for m in (*_rows(text), *literals(text), *_titles(text)) if taken.take(m)]
    candidates = [c for s in split(text) for c in names(text, s) if not taken.touches(c.mention)]
    found.extend(_kept(candidates, found))
    return sorted(_agreed(found), key=lambda m: m.start)


def in_question(question: str) -> list[Mention]:
    """What a question may be naming: as `mentions`, with quoted strings and weak candidates.

    Neighbouring names are given joined as well, since titles have small words inside ("In Love and War").
    A question without capitals gives every run of up to four content words, overlapping and longest
    first: candidates to look up, most of which name nothing.
    """
    found = mentions(question)
    taken = _Taken(len(question))
    for mention in found:
        taken.take(mention)
    weak = (c.mention for s in split(question) for c in names(question, s))
    found.extend(m for m in (*_quoted(question), *weak) if taken.take(m))
    found.extend(_bridged(question, found))
    if not any(c.isupper() for c in question[1:]):
        found.extend(m for m in _grams(question) if not taken.touches(m))
    return sorted(found, key=lambda m: (m.start, -m.end))


class _Taken:
    """The characters that a mention has claimed already."""

    def __init__(self, length: int) -> None:
        self._used = bytearray(length)

    def touches(self, mention: Mention) -> bool:
        return any(self._used[mention.start : mention.end])

    def take(self, mention: Mention) -> bool:
        if self.touches(mention):
            return False
        self._used[mention.start : mention.end] = b"\x01" * (mention.end - mention.start)
        return True


def _rows(text: str) -> Iterator[Mention]:
    """The fields of rendered transfers, taken whole: a bank's names follow no rule of spelling."""
    fields = {"from_name": EntityKind.NAME, "to_name": EntityKind.NAME} | {
        "from_account": EntityKind.ACCOUNT,
        "to_account": EntityKind.ACCOUNT,
        "transaction": EntityKind.IDENTIFIER,
    }
    for row in ROW.finditer(text):
        for name, kind in fields.items():
            yield from _field(row, name, kind)


def _field(row: re.Match[str], name: str, kind: EntityKind) -> Iterator[Mention]:
    surface, span = row[name], Span(start=row.start(name), end=row.end(name))
    if kind is EntityKind.NAME:
        inner = [c.mention for c in names(surface, Span(start=0, end=len(surface)))]
        whole = len(inner) == 1 and inner[0].key == normalise(surface)
        key, kind = normalise(surface), inner[0].kind if whole else EntityKind.NAME
    else:
        squeezed = re.sub(r"\s", "", surface).casefold()
        key = squeezed.replace("-", "") if kind is EntityKind.ACCOUNT else squeezed
    if key:
        yield Mention(kind=kind, key=key, surface=surface, start=span.start, end=span.end)


def _titles(text: str) -> Iterator[Mention]:
    """Quoted names: titles of works, nicknames; not speech, which is not written in capitals."""
    for match in _QUOTED.finditer(text):
        words = _WORD.findall(match["name"])
        if not 0 < len(words) <= _QUOTED_WORDS or match["name"][-1] in ".,;:-":
            continue
        heavy = [word for word in words if word.casefold() not in ORDINARY and len(word) > 3]
        if all(word[0].isupper() or word[0].isdigit() for word in (*heavy, words[-1])):
            yield from _name(text, *match.span("name"))


def _name(text: str, start: int, end: int) -> Iterator[Mention]:
    surface = text[start:end]
    key = normalise(surface)
    if key and key not in _MEANINGLESS and any(c.isalpha() for c in key):
        yield Mention(kind=EntityKind.NAME, key=key, surface=surface, start=start, end=end)


def _kept(candidates: list[Candidate], others: list[Mention]) -> Iterator[Mention]:
    """Strong candidates, and the weak ones that a strong one or part of it bears out."""
    strong = [c.mention for c in candidates if not c.weak]
    borne = {m.key for m in (*others, *strong)}
    borne.update(word for m in strong for word in m.key.split() if len(word) > 2)
    yield from (c.mention for c in candidates if not c.weak or c.mention.key in borne)


def _agreed(found: list[Mention]) -> list[Mention]:
    """One kind for one key, and a surname alone read as the only person of the text who bears it."""
    known: dict[str, EntityKind] = {
        m.key: m.kind for m in reversed(found) if m.kind is not EntityKind.NAME
    }
    people = {m.key for m in found if m.kind is EntityKind.PERSON and " " in m.key}
    people |= {key for key in _full_names(found) if known.get(key) is None and _titled(key, known)}
    surnames = Counter(key.rsplit(" ", 1)[1] for key in people)
    full = {key.rsplit(" ", 1)[1]: key for key in people if surnames[key.rsplit(" ", 1)[1]] == 1}
    return [_resolved(mention, known, people, full) for mention in found]


def _full_names(found: Iterable[Mention]) -> Iterator[str]:
    for mention in found:
        words = mention.key.split()
        if (
            mention.kind is EntityKind.NAME
            and len(words) in (2, 3)
            and mention.key.replace(" ", "").isalpha()
        ):
            yield mention.key


def _titled(key: str, known: dict[str, EntityKind]) -> bool:
    """Whether the surname stands alone as a person elsewhere ("Mr Maric" for "Ivo Maric")."""
    return known.get(key.rsplit(" ", 1)[1]) is EntityKind.PERSON


def _resolved(
    mention: Mention, known: dict[str, EntityKind], people: set[str], full: dict[str, str]
) -> Mention:
    if mention.kind not in (EntityKind.NAME, EntityKind.PERSON):
        return mention
    key = full.get(mention.key, mention.key)
    if key in people:
        return replace(mention, key=key, kind=EntityKind.PERSON)
    return replace(mention, kind=known.get(mention.key, mention.kind))


def _quoted(question: str) -> Iterator[Mention]:
    for match in _ANY_QUOTED.finditer(question):
        yield from _name(question, *match.span(1 if match[1] else 2))


def _bridged(question: str, found: list[Mention]) -> Iterator[Mention]:
    plain = sorted((m for m in found if m.kind in _NAMED), key=lambda m: m.start)
    for left, right in pairwise(plain):
        if _GAP.fullmatch(question, left.end, right.start):
            yield from _name(question, left.start, right.end)


def _grams(question: str) -> Iterator[Mention]:
    """Runs of content words of a question that is written without capitals."""
    words = list(_WORD.finditer(question))
    content = [w.group().casefold() not in _NEVER_ASKED for w in words]
    for size in range(_GRAMS, 0, -1):
        for first in range(len(words) - size + 1):
            if all(content[first : first + size]):
                yield from _name(question, words[first].start(), words[first + size - 1].end())
