"""Portion marks and banners: labels as people write them, both ways.

    (CLASS[//COMPARTMENT/…][//NF | //REL TO USA, GBR][//AUTH NAME/…][//PII/…])

Names that this cannot hold plainly (lower case, blanks, words of the grammar) follow a keyword,
with whatever is no letter, digit, `-`, `_` or `.` as %XX: `(S//COMP alpha%20team)`.
So no two labels of a tenant share a mark. What is not understood is refused.

Dissemination controls may also stand together, in the long or the short form, as in `(TS//SI//OC/NF)`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from html import unescape
from urllib.parse import unquote

from policy.errors import BadInput
from policy.folding import Folds
from policy.labels import HANDLING, Classification, Label

HOME = "USA"
"""The country that NF keeps to, and that stands first in REL TO."""
_NO_PLAIN_AUTHORITY: frozenset[str] = frozenset()
_SPELLED_OUT = {
    "UNCLASSIFIED": Classification.U,
    "CONFIDENTIAL": Classification.C,
    "SECRET": Classification.S,
    "TOP SECRET": Classification.TS,
}
_LEVELS = {**{str(level): level for level in Classification}, **_SPELLED_OUT}
_NOT_FOREIGN = ("NF", "NOFORN")
_SHORT = {"OC": "ORCON", "PR": "PROPIN"}
_NOBODY = "NONE"
_RESERVED = frozenset(
    [*_LEVELS, *_NOT_FOREIGN, _NOBODY, "REL", "REL TO", "COMP", "AUTH", *HANDLING, *_SHORT]
)
_PLAIN = re.compile(r"[A-Z][A-Z0-9-]*")

_MARK = re.compile(r"\(([^()\n]*)\)(?![a-z])\s*")

# What a reader would take for a mark, in the spelling that `_seen` gives. Refusing prose costs its
# writer a word in front of it, and reading a mark as prose releases it: so the first is preferred,
# save for "(c) 2026", "(s) plural", "(S)he", "(C/O …)", "(S/N 12)" and the like.
_SPELLED = "|".join(sorted(_SPELLED_OUT, key=len, reverse=True)).replace(" ", r"[\W]*")
_LEVEL = rf"{_SPELLED}|{'|'.join(sorted(Classification, key=len, reverse=True))}"
_KNOWN = "|".join([*_NOT_FOREIGN, *sorted(HANDLING), *sorted(_SHORT), "REL", "SCI"])
_OPEN = r"\([^\w(]*"
_SIGNS = r"(?:[^\w(]|\((?=[^\w(]*\())*+"
_ENUMERATOR = r"\(?\s*(?:\d[\w.:/-]*+|(?:[A-Za-z]|[ivxlcdm]{2,7}|[IVXLCDM]{2,7})(?=[.):-]))"
_BEGINS_LIKE_A_MARK = re.compile(
    rf"{_SIGNS}(?:{_ENUMERATOR}{_SIGNS}){{0,3}}"
    rf"(?:(?i:{_LEVEL}) */ */"
    rf"|(?:{_SPELLED})[^\w(]*$"
    rf"|{_OPEN}(?i:{_LEVEL})[^\w():]*?/ */"
    rf"|{_OPEN}(?:(?i:TS)|{_SPELLED})(?![\w'])"
    rf"|{_OPEN}(?i:{_SPELLED})[^\w()]*(?:\)|$)"
    rf"|{_OPEN}[SCU][^\w()]*(?:\)(?!he\b)|$)"
    rf"|{_OPEN}(?:{_LEVEL}|(?i:{_SPELLED}))[^\w()]+[A-Z][A-Z0-9]+(?![a-z])"
    rf"|{_OPEN}(?i:(?:{_LEVEL})[^\w()]+(?:{_KNOWN})\b)"
    # controls without a level, as in (CUI) or (REL TO USA)
    rf"|{_OPEN}(?:{_KNOWN})\b[^a-z0-9()]*(?:\)|$)"
    r"|\( *(?:[A-Z][A-Z0-9 ,/-]*)?//)"
)
# In the middle of a line, `f(c//2)` is a computer's and only the unmistakable counts.
_MARK_WITHIN = re.compile(
    rf"{_OPEN}(?:{_LEVEL}|(?i:{_SPELLED}|TS))[^\w():]*?/\s*/(?!\s*\d)"
    rf"|{_OPEN}(?i:(?:{_LEVEL})\s*/\s*/\s*(?:{_KNOWN})\b)"
    rf"|(?<![\w/.:-])(?:{_LEVEL})//[A-Z]{{2}}"
)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_FOLDS = Folds({**dict.fromkeys("‚„", '"'), "_": " "}, {"Ps": "(", "Pe": ")"})
"""Brackets of every kind are one to whoever looks for a mark."""


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
        "/".join(sorted(label.handling)),
    ]
    return "//".join(filter(None, segments))


def parse_portion(text: str, tenant: str, where: str) -> Label:
    """The label of a mark in parentheses; BadInput names `where` and how to write it."""
    match = _MARK.fullmatch(text)
    if match is None:
        raise _malformed(text, where)
    level, *segments = _apart(match[1].split("//"))
    if level not in _LEVELS:
        raise _malformed(text, where)
    try:
        compartments = _take_names("COMP", segments, _is_plain)
        releasable_to = _take_release(segments)
        authorities = _take_names("AUTH", segments, _NO_PLAIN_AUTHORITY.issuperset)
        handling = _take_handling(segments)
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

    What looks like a mark and is none is refused, since reading it as unmarked could release it:
    one behind a number or a sign of a list, one inside a paragraph, one in look-alike letters.
    """
    text = paragraph.lstrip()
    label, rest = None, paragraph
    if _begins_marked(text):
        match = _MARK.match(text)
        if match is None:
            raise _malformed(text.splitlines()[0], where)
        label, rest = parse_portion(match[0], tenant, where), text[match.end() :]
    if within := _mark_within(rest):
        raise _malformed(within, where, "stands inside a paragraph")
    return label, rest


def _begins_marked(text: str) -> bool:
    return any(_BEGINS_LIKE_A_MARK.match(line) for seen in _seen(text[:2000]) for line in seen[:1])


def _mark_within(text: str) -> str | None:
    """What in the text looks like a mark: at the beginning of a line, or unmistakably anywhere."""
    for lines in _seen(text):
        for line in lines:
            if _BEGINS_LIKE_A_MARK.match(line):
                return line
        if found := _MARK_WITHIN.search("\n".join(lines)):
            return found[0]
    return None


def _seen(text: str) -> Iterator[list[str]]:
    """The lines as a reader sees them, once with what may be tags of HTML and once without.

    Compatibility forms, look-alikes, invisible characters and escapes must not hide a mark from us.
    """
    folded = _ESCAPE.sub(r"\1", unescape(text)).translate(_FOLDS)
    yield folded.split("\n")
    if "<" in folded:
        yield _TAG.sub("", folded).split("\n")


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


def _apart(segments: list[str]) -> list[str]:
    """Dissemination controls that stand together, `OC/NF`, as two segments: release, then handling."""
    last = segments[-1].split("/")
    release = [word for word in last if word in _NOT_FOREIGN or word.startswith("REL TO ")]
    handling = [word for word in last if _SHORT.get(word, word) in HANDLING]
    if not release or not handling or len(release) + len(handling) < len(last):
        return segments
    return [*segments[:-1], *release, "/".join(handling)]


def _take_handling(segments: list[str]) -> frozenset[str]:
    words = [_SHORT.get(word, word) for word in segments[0].split("/")] if segments else []
    if not words or not HANDLING.issuperset(words):
        return frozenset()
    segments.pop(0)
    return frozenset(words)


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
