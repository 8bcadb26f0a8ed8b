"""What hides in a text: base64, hex, percent-encoding, entities and escapes, also inside each other.

Base64 and hex are looked for in all of the text at once and at every alignment, without the signs
between their digits: so neither blanks nor line ends nor a word in front of them hide anything.
"""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote

from copilot.output_scan.view import View

DEEPEST = 3
"""Encodings inside each other that are undone."""
MOST_DECODED = 30_000
"""Characters that all decodings of one text may have together; no sentence comes near it."""

_ENTITY = re.compile(r"&(?:#\d{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,30});?")
_ESCAPE = re.compile(
    r"(?P<percent>(?:%[0-9A-Fa-f]{2})+)"
    r"|\\u\{?(?P<unicode>[0-9A-Fa-f]{4,6})\}?|\\x(?P<byte>[0-9A-Fa-f]{2})"
)
_READABLE = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){8,}"
    rb"|(?:[\x20-\x7e]\x00){8,}"
)
"""A run that could be text, in UTF-8 or UTF-16: bytes that are none hardly ever give one."""
_TAGS = re.compile("[\U000e0020-\U000e007e]{2,}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_REVERSED = "\u202e"


class TooMuch(Exception):
    """The decodings of a text have more characters than are worth looking through."""


def views(text: str) -> Iterator[View]:
    """The text as it is read, then each decoding of it; TooMuch where they do not end soon."""
    first = View(text)
    yield first
    budget, seen = MOST_DECODED, set[tuple[str, tuple[int, int]]]()
    level = [*_unseen(text), *_decoded(first)]
    for depth in range(DEEPEST):
        deeper: list[View] = []
        for view in level:
            if not view.text or (key := (view.text, view.spans[0])) in seen:
                continue
            seen.add(key)
            budget -= len(view.text)
            if budget < 0:
                raise TooMuch
            yield view
            if depth + 1 < DEEPEST:
                deeper += _decoded(view)
        level = deeper


def _decoded(view: View) -> Iterator[View]:
    if "&" in view.text:
        yield from _written_out(view, _ENTITY, _entity)
    if "%" in view.text or "\\" in view.text:
        yield from _written_out(view, _ESCAPE, _escape)
    for base in _BASES:
        if any(mark in view.text for mark in base.marks):
            yield from _sieved(view, base)


# --- in place --------------------------------------------------------------------------------


def _written_out(
    view: View, form: re.Pattern[str], plain: Callable[[re.Match[str]], str]
) -> Iterator[View]:
    """The text with what is encoded in place written out, where anything is."""
    text, spans, position = "", list[tuple[int, int]](), 0
    for match in form.finditer(view.text):
        decoded = plain(match)
        text += view.text[position : match.start()] + decoded
        spans += view.spans[position : match.start()]
        where = (view.spans[match.start()][0], view.spans[match.end() - 1][1])
        spans += [where] * len(decoded)
        position = match.end()
    if position:
        spans += view.spans[position:]
        yield View(text + view.text[position:], spans, ragged=view.ragged)


def _entity(match: re.Match[str]) -> str:
    return unescape(match[0])


def _escape(match: re.Match[str]) -> str:
    """The text of percent-encoded octets, or the character of a backslash escape."""
    if match["percent"]:
        return unquote(match[0])
    code = int(match["unicode"] or match["byte"], 16)
    return chr(code) if code < 0x110000 else match[0]


# --- digits of base64 and hex ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """How octets are written in groups of digits; `others` is what can stand between those."""

    others: re.Pattern[str]
    decode: Callable[[str], bytes]
    group: int
    octets: int
    shortest: int
    """Digits below which nothing that is looked for could be written."""
    marks: tuple[str, ...] = ("",)
    """One of these stands in every such text; else another base reads it the same."""


_BASES = (
    _Base(
        others=re.compile(r"[^A-Za-z0-9+/]+"),
        decode=base64.b64decode,
        group=4,
        octets=3,
        shortest=11,
    ),
    _Base(
        others=re.compile(r"[^A-Za-z0-9_-]+"),
        decode=base64.urlsafe_b64decode,
        group=4,
        octets=3,
        shortest=11,
        marks=("-", "_"),
    ),
    _Base(
        others=re.compile(r"0[xX]|[^0-9A-Fa-f]+"),
        decode=bytes.fromhex,
        group=2,
        octets=1,
        shortest=16,
    ),
)


def _sieved(view: View, base: _Base) -> Iterator[View]:
    """What stands in the digits of the text, taken together and read from each alignment."""
    digits = base.others.sub("", view.text)
    for skipped in range(base.group if len(digits) >= base.shortest else 0):
        read = digits[skipped:]
        data = base.decode(read + "A" * (-len(read) % base.group))
        for run in _READABLE.finditer(data):
            start = skipped + run.start() * base.group // base.octets
            end = skipped + -(-run.end() * base.group // base.octets)
            text = run[0].replace(b"\0", b"").decode(errors="replace")
            where = _where(view, base, start, min(end, len(digits)))
            yield View(text, [where] * len(text), ragged=True)


def _where(view: View, base: _Base, start: int, end: int) -> tuple[int, int]:
    """The range of the claim in which the digits from `start` to `end` stand."""
    places = [place for stretch in _stretches(view.text, base) for place in stretch]
    return view.spans[places[start]][0], view.spans[places[end - 1]][1]


def _stretches(text: str, base: _Base) -> Iterator[range]:
    position = 0
    for match in base.others.finditer(text):
        yield range(position, match.start())
        position = match.end()
    yield range(position, len(text))


# --- what does not show ----------------------------------------------------------------------


def _unseen(text: str) -> Iterator[View]:
    """What is written in tag characters, in variation selectors, or backwards."""
    if text.isascii():
        return
    for match in _TAGS.finditer(text):
        yield _of_match("".join(chr(ord(char) - 0xE0000) for char in match[0]), match)
    for match in _SELECTORS.finditer(text):
        data = bytes(_octet(ord(char)) for char in match[0])
        yield _of_match(data.decode(errors="replace"), match)
    if _REVERSED in text:
        yield View(text[::-1], [(place, place + 1) for place in reversed(range(len(text)))])


def _octet(selector: int) -> int:
    return selector - 0xFE00 if selector < 0xE0100 else selector - 0xE0100 + 16


def _of_match(text: str, match: re.Match[str]) -> View:
    return View(text, [match.span()] * len(text))
