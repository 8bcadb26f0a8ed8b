"""Portion marks and banners: labels as people write them, both ways.

    (CLASS[//COMPARTMENT/…][//NF | //REL TO USA, GBR][//AUTH NAME/…][//PII/…])

Names that this cannot hold plainly (lower case, blanks, words of the grammar) follow a keyword,
with whatever is no letter, digit, `-`, `_` or `.` as %XX: `(S//COMP alpha%20team//HANDLING Draft)`.
So no two labels of a tenant share a mark. What is not understood is refused.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from policy.errors import BadInput
from policy.labels import Classification, Label

HOME = "USA"
"""The country that NF keeps to, and that stands first in REL TO."""
PLAIN_HANDLING = frozenset(["PHI", "PII"])
"""Handling that is written without a keyword."""

_NO_PLAIN_AUTHORITY: frozenset[str] = frozenset()
_SPELLED_OUT = {
    "UNCLASSIFIED": Classification.U,
    "CONFIDENTIAL": Classification.C,
    "SECRET": Classification.S,
    "TOP SECRET": Classification.TS,
}
_LEVELS = {**{str(level): level for level in Classification}, **_SPELLED_OUT}
_NOT_FOREIGN = ("NF", "NOFORN")
_NOBODY = "NONE"
_RESERVED = frozenset(
    [*_LEVELS, *_NOT_FOREIGN, _NOBODY, "REL", "REL TO", "COMP", "AUTH", "HANDLING", *PLAIN_HANDLING]
)
_PLAIN = re.compile(r"[A-Z][A-Z0-9-]*")

_MARK = re.compile(r"\(([^()\n]*)\)\s*")
_LEVEL_WORDS = "|".join(sorted(_LEVELS, key=len, reverse=True))
# What a reader would take for a mark, also behind the signs of a heading, a list, a quotation or
# bold type: a level before `//`, a level alone, a level and a known word. After one slash a word in
# capitals counts from two letters on: "(C/O …)", "(S/N 12)" and "(S)he" are prose.
_LOOKS_LIKE_A_MARK = re.compile(
    r"[\s#>*_+`|\-]*(?:\d+[.)]\s*)?[*_`]*"
    rf"(?:[(\[{{]? *(?i:{_LEVEL_WORDS}) *//"
    r"|\( *[A-Z][A-Z ]*//"
    rf"|\( *(?:{_LEVEL_WORDS}) *\)(?![a-z])"
    rf"|\( *(?:{_LEVEL_WORDS})[ /,;\-]+(?:NF|NOFORN|REL|PII|PHI)\b"
    rf"|\( *(?:{_LEVEL_WORDS}) */ *[A-Z][A-Z0-9-]+ *[/)])"
)


def portion(label: Label) -> str:
    """The mark of a paragraph or sentence: `(S//HARBOR//REL TO USA, GBR)`."""
    return f"({banner(label)})"


def banner(label: Label) -> str:
    """The mark of a whole answer: the same without parentheses."""
    segments = [
        str(label.classification),
        _write_names("COMP", label.compartments, plainly=_is_plain(label.compartments)),
        _write_release(label.releasable_to),
        _write_names("AUTH", label.authorities, plainly=False),
        _write_names("HANDLING", label.handling, plainly=label.handling <= PLAIN_HANDLING),
    ]
    return "//".join(filter(None, segments))


def parse_portion(text: str, tenant: str, where: str) -> Label:
    """The label of a mark in parentheses; BadInput names `where` and how to write it."""
    match = _MARK.fullmatch(text)
    if match is None:
        raise _malformed(text, where)
    level, *segments = match[1].split("//")
    if level not in _LEVELS:
        raise _malformed(text, where)
    try:
        compartments = _take_names("COMP", segments, _is_plain)
        releasable_to = _take_release(segments)
        authorities = _take_names("AUTH", segments, _NO_PLAIN_AUTHORITY.issuperset)
        handling = _take_names("HANDLING", segments, PLAIN_HANDLING.issuperset)
    except ValueError as error:
        raise _malformed(text, where) from error
    if segments:
        raise _malformed(text, where)
    return Label(
        tenant=tenant,
        classification=_LEVELS[level],
        compartments=compartments,
        releasable_to=releasable_to,
        authorities=authorities,
        handling=handling,
    )


def split_portion(paragraph: str, tenant: str, where: str) -> tuple[Label | None, str]:
    """The label of the mark that a paragraph begins with, if it does, and the text behind it.

    What looks like a mark and is none is refused, since reading it as unmarked could release it.
    """
    text = paragraph.lstrip()
    first, *others = text.splitlines() or [""]
    for line in others:
        if _looks_marked(line):
            raise _malformed(line, where, "stands inside a paragraph")
    if not _looks_marked(first):
        return None, paragraph
    match = _MARK.match(text)
    if match is None:
        raise _malformed(first, where)
    return parse_portion(match[0], tenant, where), text[match.end() :]


def _looks_marked(line: str) -> bool:
    # Compatibility forms and invisible characters must not hide a mark from us that a reader sees.
    seen = unicodedata.normalize("NFKC", line.lstrip()[:500])
    seen = "".join(c for c in seen if unicodedata.category(c) not in ("Cf", "Cc"))
    return _LOOKS_LIKE_A_MARK.match(seen) is not None


def _malformed(
    text: str, where: str, fault: str = "looks like a portion mark but is none"
) -> BadInput:
    shown = re.split(r"(?<=\))", text.strip())[0][:60]
    return BadInput(
        f"{where}: {shown!r} {fault}; begin each paragraph with its mark, such as (U), (S//NF) or "
        "(S//HARBOR/KITE//REL TO USA, GBR), leave an empty line between differently marked ones, "
        "and put a word before a parenthesis that is no mark"
    )


def _write_release(countries: frozenset[str] | None) -> str | None:
    if countries is None:
        return None
    if countries == {HOME}:
        return _NOT_FOREIGN[0]
    ordered = sorted(countries, key=lambda country: (country != HOME, country))
    return f"REL TO {', '.join(map(_escape, ordered)) or _NOBODY}"


def _take_release(segments: list[str]) -> frozenset[str] | None:
    if segments and segments[0] in _NOT_FOREIGN:
        segments.pop(0)
        return frozenset([HOME])
    if not segments or not segments[0].startswith("REL TO "):
        return None
    listed = segments.pop(0).removeprefix("REL TO ")
    return frozenset() if listed == _NOBODY else frozenset(map(_unescape, re.split(", *", listed)))


def _write_names(keyword: str, names: frozenset[str], *, plainly: bool) -> str | None:
    if not names:
        return None
    return (
        "/".join(sorted(names)) if plainly else f"{keyword} {'/'.join(map(_escape, sorted(names)))}"
    )


def _take_names(
    keyword: str, segments: list[str], plainly: Callable[[frozenset[str]], bool]
) -> frozenset[str]:
    if not segments:
        return frozenset()
    if segments[0].startswith(f"{keyword} "):
        return frozenset(map(_unescape, segments.pop(0).removeprefix(f"{keyword} ").split("/")))
    names = frozenset(segments[0].split("/"))
    if not plainly(names):
        return frozenset()
    segments.pop(0)
    return names


def _is_plain(names: Iterable[str]) -> bool:
    return all(_PLAIN.fullmatch(name) and name not in _RESERVED for name in names)


def _escape(name: str) -> str:
    if name == _NOBODY:
        return f"%{ord(name[0]):02X}{name[1:]}"
    return "".join(
        c if c.isalnum() or c in "-_." else "".join(f"%{byte:02X}" for byte in c.encode())
        for c in name
    )


def _unescape(written: str) -> str:
    name = unquote(written, errors="strict")
    if not name or _escape(name) != written:
        raise ValueError(f"{written!r} is not how a name is written")
    return name
