"""The texts in an operation: every one must be such that a store can keep it."""

from collections.abc import Iterable, Iterator, Mapping

from graphql import DocumentNode, StringValueNode, Visitor, visit


def plain(text: str) -> bool:
    """Whether the text is whole Unicode that PostgreSQL can store."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def texts(document: DocumentNode, variables: object) -> Iterator[str]:
    """Every text that a client gave, inline or as a variable."""
    inline = _Strings()
    visit(document, inline)
    yield from inline.found
    yield from _within(variables)


class _Strings(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        self.found.append(node.value)


def _within(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _within(list(value.items()))
    elif isinstance(value, Iterable):
        for item in value:
            yield from _within(item)
