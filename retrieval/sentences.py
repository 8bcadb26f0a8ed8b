"""Sentences of a text as spans: what is packed into chunks, quoted in citations and put into answers."""

import re
from collections.abc import Iterator
from itertools import pairwise

from retrieval.types import Span

_WHOLE_LINE = 240
"""A record line (a chat message, "Key: value", a transfer) up to this long stays one sentence: cut in two,
its second half would have lost who spoke or what the value belongs to."""
_WRAPPED = 50
"""A line at least this long without an end mark was wrapped by an editor; a shorter one ended on purpose."""

_OPENING = 25
"""A time of day within so many characters of a sentence's start opens it ("At 5 p.m. Ivo left.")."""

_NEVER_LAST = frozenset(
    "mr mrs ms mx dr prof st capt cpt col gen lt sgt maj cmdr adm rev hon sr messrs mme mlle fr "
    "no nos nr e.g i.e cf vs v al fig figs vol pp p art sec para ref approx ca c viz tel reg".split()
)
"""Abbreviations that something always follows; before a number or a name they end no sentence."""
_SELDOM_LAST = frozenset(
    "ltd inc co corp plc llc gmbh bros jr dept est govt u.s u.k u.n e.u d.c s.a b.v n.v s.p.a s.r.l "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun ave rd blvd mt ft".split()
)
"""Abbreviations that end a sentence only where the next word is one that starts sentences."""
_AFTER_NUMBER_ONLY = frozenset(
    ["no", "nos", "nr", "fig", "figs", "p", "pp", "v", "c", "ca", "art", "sec"]
)
"""Of those in `_NEVER_LAST`, the ones that are also words or letters: they need a number after them."""
_STARTERS = frozenset(
    "the a an in on at he she it they we i you his her its their our my this that these those there "
    "when while after before since if although though because but and however later then as for from "
    "by with during until according both all some many most no one two it's he's she's what who why "
    "how where which".split()
)

_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?:\[\d+\])*(?=\s)|[。！？]+[”’」』）]*")
_NEXT = re.compile(r"\s+(?P<open>[\"'“‘«(\[*_]*\s?)(?P<word>[^\s\"'“‘«(\[*_]*)")
_LAST_WORD = re.compile(r"[^\s\"'“‘«(\[]+$")
_BULLET = re.compile(r"\s*(?:[-*+•–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_TABLE = re.compile(r"\s*\|")
_RULE = re.compile(r"\s*(?:[-*_=~]\s?){3,}\s*$")
_KEYED = re.compile(
    r"\s*(?:[-*>]\s+)?\*{0,2}[^\W\d_][\w'’/().&-]*(?: [\w'’/().&-]+){0,4}\*{0,2}:\*{0,2}(?:\s|$)"
)
_CHAT = re.compile(
    r"\s*[\[(<]?(?:\d{4}-\d\d-\d\d[T ,]*)?\d{1,2}[:.h]\d\d(?::\d\d)?\s*(?:[AaPp]\.?[Mm]\.?)?"
    r"(?:\s?(?:UTC|Z|CET|CEST|GMT))?[\])>]?\s*[-–—|]?\s*\S|\s*<[^<>\s]{1,40}>\s+\S"
)
_TRANSFER = re.compile(r"On \d{4}-\d\d-\d\d, .* paid [A-Z]{3} ")
_RECORDS = (_TRANSFER, _CHAT, _KEYED)
_ALONE = (_HEADING, _TABLE, _RULE)


def split(text: str) -> list[Span]:
    """The sentences of `text` in order, trimmed, disjoint, together all of it but white space."""
    spans = []
    for start, end, whole in _blocks(text):
        cuts = [start, end] if whole else [start, *_cuts(text, start, end), end]
        for left, right in pairwise(cuts):
            span = _trimmed(text, left, right)
            if span is not None:
                spans.append(span)
    return spans


def _trimmed(text: str, start: int, end: int) -> Span | None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    piece = piece.strip()
    return Span(start=start + left, end=start + left + len(piece)) if piece else None


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Runs of lines that may share a sentence, and whether the run is one record."""
    start, previous, position = 0, "", 0
    for line in text.splitlines(keepends=True) or [text]:
        if position and not _continues(previous, line):
            yield start, position, _is_record(text[start:position])
            start = position
        position += len(line)
        previous = line
    yield start, position, _is_record(text[start:position])


def _continues(previous: str, line: str) -> bool:
    """Whether `line` goes on with what the line before it left unfinished."""
    if not previous.strip() or not line.strip():
        return False
    if any(form.match(line) for form in (*_ALONE, *_RECORDS, _BULLET)):
        return False
    if any(form.match(previous) for form in _ALONE) or _TRANSFER.match(previous):
        return False
    if line[:2].isspace():
        return True
    wrapped = len(previous.strip()) >= _WRAPPED
    if any(form.match(previous) for form in _RECORDS):
        return wrapped and line[0].islower()
    return wrapped or line[0].islower()


def _is_record(block: str) -> bool:
    return len(block) <= _WHOLE_LINE and any(form.match(block) for form in _RECORDS)


def _cuts(text: str, start: int, end: int) -> Iterator[int]:
    for match in _END.finditer(text, start, end):
        if text[match.start()] in "。！？" or _ends(text, start, match, end):
            yield match.end()


def _ends(text: str, start: int, mark: re.Match[str], end: int) -> bool:
    following = _NEXT.match(text, mark.end(), end)
    if following is None or not (word := following["word"]):
        return False
    if word[0].islower():
        return False
    if text[mark.start()] != "." or mark.group().startswith(".."):
        return True
    before = _LAST_WORD.search(text, max(start, mark.start() - 40), mark.start())
    return before is None or not _abbreviates(before, word, start)


def _abbreviates(before: re.Match[str], word: str, start: int) -> bool:
    """Whether the full stop after `before` belongs to it, given the word that follows."""
    token = before.group().strip("*_—–-").rsplit("-", 1)[-1]
    name = token.casefold()
    starts = word.rstrip(".,;:!?").casefold() in _STARTERS
    if before.start() == start and (token.isdigit() or len(token) == 1):
        return True  # "1." and "a." number an item of a list
    if name in _AFTER_NUMBER_ONLY and token != token.upper():
        return word[0].isdigit()
    if name in _NEVER_LAST and name not in _AFTER_NUMBER_ONLY:
        return True
    if name in ("p.m", "a.m"):
        zone = word.isupper() and len(word.rstrip(".,;")) > 2
        return zone or (not starts and before.start() - start < _OPENING)
    if (
        name in _SELDOM_LAST
        or (len(token) == 1 and token.isupper())
        or re.fullmatch(r"(?:\w\.)+\w", token)
    ):
        return not starts
    return False
