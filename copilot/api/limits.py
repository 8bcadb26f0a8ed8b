"""Limits on what one request may ask for, checked before anything is executed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from graphql import DocumentNode, StringValueNode, Visitor, get_operation_ast, visit
from strawberry.extensions import SchemaExtension

from copilot.api.cost import measure
from copilot.api.errors import Refused, refusal
from policy.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Far above what the clients' operations need, far below what hurts."""

    body_bytes: int = 12 * 1024 * 1024
    body_s: float = 30.0
    """The whole body must arrive within this time."""
    tokens: int = 2000
    depth: int = 8
    aliases: int = 20
    cost: int = 1000
    operation_s: float = 120.0
    """For a query, a mutation or a whole subscription."""
    documents: int = 500
    """In one call of `ingest`."""


class LimitOperations(SchemaExtension):
    """Refuses operations that are too large or carry text that no store could keep."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def on_operation(self) -> Iterator[None]:
        self.execution_context.parse_options["max_tokens"] = self._limits.tokens
        yield

    def on_execute(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document is not None:
            variables = context.variables or {}
            self._check_size(context.graphql_document, context.operation_name, variables)
            if any(not plain(text) for text in texts(context.graphql_document, variables)):
                _refuse(
                    "BAD_INPUT",
                    "a text holds a NUL character or half of a surrogate pair; remove it",
                )
        yield

    def _check_size(
        self, document: DocumentNode, name: str | None, variables: Mapping[str, Any]
    ) -> None:
        operation = get_operation_ast(document, name)
        if operation is None:
            return
        size = measure(self.execution_context.schema._schema, document, operation, variables)  # noqa: SLF001
        for what, is_, most in (
            ("is nested too deep: depth", size.depth, self._limits.depth),
            ("has too many aliases:", size.aliases, self._limits.aliases),
            ("is too expensive: cost", size.cost, self._limits.cost),
        ):
            if is_ > most:
                _refuse(
                    "TOO_LARGE", f"the operation {what} {is_}, limit {most}; ask for less at once"
                )


def _refuse(code: str, message: str) -> NoReturn:
    raise refusal(Refused(message, code=code))


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


def short(text: str, what: str, most: int = 500) -> str:
    """The text, or BadInput where it is longer than an id, a name or a reason can be."""
    if len(text) > most:
        raise BadInput(f"{what} has {len(text)} characters; at most {most} are taken")
    return text


def between(number: int, what: str, most: int) -> int:
    """The number, or BadInput where it is not from 1 to `most`."""
    if not 1 <= number <= most:
        raise BadInput(f"{what} must be from 1 to {most}, not {number}")
    return number
