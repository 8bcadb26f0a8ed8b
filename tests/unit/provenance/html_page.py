"""A reader of the page: its elements in order, its texts, and what holds for any page that needs nothing else."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset(["meta"])
_ALLOWED = {
    "html": {"lang"},
    "head": set[str](),
    "meta": {"charset", "http-equiv", "content", "name"},
    "title": set[str](),
    "style": set[str](),
    "body": set[str](),
    "header": set[str](),
    "main": set[str](),
    "footer": set[str](),
    "section": {"id", "aria-labelledby"},
    "h1": set[str](),
    "h2": {"id"},
    "p": {"class"},
    "blockquote": set[str](),
    "ol": set[str](),
    "li": set[str](),
    "table": set[str](),
    "caption": set[str](),
    "thead": set[str](),
    "tbody": set[str](),
    "tr": set[str](),
    "th": {"scope"},
    "td": set[str](),
    "span": {"class", "lang", "dir", "id"},
    "a": {"href"},
    "code": set[str](),
    "pre": set[str](),
}
"""Elements that load nothing and run nothing, with the attributes that they may have."""


@dataclass(frozen=True)
class Element:
    name: str
    attributes: tuple[tuple[str, str], ...]
    texts: list[str] = field(default_factory=list, compare=False)

    def get(self, attribute: str) -> str | None:
        return dict(self.attributes).get(attribute)

    @property
    def text(self) -> str:
        return "".join(self.texts)


class Page(HTMLParser):
    """AssertionError where it is not well formed, or has what such a page must not have."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.declaration = ""
        self.feed(page.decode())
        self.close()
        assert not self._open, self._open
        ids = [one.get("id") for one in self.elements if one.get("id")]
        assert len(set(ids)) == len(ids)
        for one in self.named("a"):
            assert (one.get("href") or "").removeprefix("#") in ids
        for one in self.named("section"):
            assert one.get("aria-labelledby") in ids

    def named(self, name: str) -> list[Element]:
        return [one for one in self.elements if one.name == name]

    @property
    def text(self) -> str:
        """All that is read in the body."""
        return self.named("body")[0].text

    @property
    def skeleton(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Elements and attributes without any text."""
        return [(one.name, list(one.attributes)) for one in self.elements]

    def handle_decl(self, decl: str) -> None:
        self.declaration = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = tuple((name, value or "") for name, value in attrs)
        assert tag in _ALLOWED, tag
        assert {name for name, _ in given} <= _ALLOWED[tag], (tag, given)
        assert len(dict(given)) == len(given)
        one = Element(tag, given)
        self.elements.append(one)
        if tag not in _VOID:
            self._open.append(one)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().name == tag, tag

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        raise AssertionError(tag)

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)
