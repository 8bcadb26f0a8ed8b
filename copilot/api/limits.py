"""What one request, one socket and one person may ask for."""

from dataclasses import dataclass

from policy.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Far above what the clients' operations need, far below what hurts."""

    body_bytes: int = 12 * 1024 * 1024
    body_s: float = 30.0
    """The whole body must arrive within this time."""
    message_bytes: int = 1024 * 1024
    """Of a websocket; documents are taken in over HTTP."""

    document_chars: int = 50_000
    nesting: int = 40
    """Of brackets in the document, and of values in the variables."""
    list_items: int = 1000
    """In one list of the variables."""
    tokens: int = 2000
    operations: int = 5
    fragments: int = 20
    directives: int = 30
    directives_at_once: int = 4
    """On one field, fragment or operation."""
    repeated_fields: int = 10
    """The same field under the same name, side by side."""

    depth: int = 8
    aliases: int = 20
    root_fields: int = 20
    fields: int = 500
    """Each time that one is selected, through fragments too."""
    cost: int = 1000
    errors: int = 10
    """Reported of an operation that is not valid."""

    operation_s: float = 120.0
    """For a query, a mutation or a whole subscription."""
    at_once: int = 6
    """Operations of one person that run together; fewer than a pool has connections."""
    waiting: int = 60
    waiting_s: float = 15.0
    """The others wait in line: at most so many, for at most so long."""
    documents: int = 500
    """In one call of `ingest`."""


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
