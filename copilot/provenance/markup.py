"""HTML that is put together from elements: what is not an element is text, and is escaped."""

import html
import re
import unicodedata
from collections.abc import Sequence

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_VOID = frozenset(["meta"])
_UNSEEN = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])
"""Categories of characters that nobody sees, some of which turn the order of what stands around them."""
_SEEN = frozenset("\n\t")


class Markup(str):
    """HTML as it stands; only `element`, `text` and `together` make it."""

    __slots__ = ()


def text(given: str) -> Markup:
    """The text as a reader sees it; what cannot be seen is named by its code point, such as ⟦U+202E⟧."""
    seen = given if given.isprintable() else "".join(map(_visible, given))
    return Markup(html.escape(seen, quote=True))


def together(parts: Sequence[str]) -> Markup:
    """The parts one after another; those that are no markup are text."""
    return Markup("".join(one if isinstance(one, Markup) else text(one) for one in parts))


def element(name: str, /, *children: str, **attributes: str) -> Markup:
    """An element. Attributes are given as `class_` for `class` and `aria_label` for `aria-label`."""
    written = [
        f' {_name(given.rstrip("_").replace("_", "-"))}="{text(value)}"'
        for given, value in attributes.items()
    ]
    opening = f"<{_name(name)}{''.join(written)}>"
    if name in _VOID:
        return Markup(opening)
    return Markup(f"{opening}{together(children)}</{name}>")


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table with a caption, a head for each column and, in its first cell, one for each row."""
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *(element("th", one, scope="col") for one in heads))),
        element("tbody", *(_row(row) for row in rows)),
    )


def facts(caption: str, rows: Sequence[tuple[str, str | None]]) -> Markup:
    """A table of names and values; one without a value is left out."""
    return element(
        "table",
        element("caption", caption),
        element("tbody", *(_row((name, value)) for name, value in rows if value is not None)),
    )


def _row(cells: Sequence[str]) -> Markup:
    head, *others = cells
    return element("tr", element("th", head, scope="row"), *(element("td", one) for one in others))


def _name(given: str) -> str:
    if not _NAME.fullmatch(given):
        raise ValueError(f"{given!r} is no name of an element or attribute")
    return given


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN or character in _SEEN:
        return character
    return f"⟦U+{ord(character):04X}⟧"
