"""A file as UTF-8 text within limits: what every reader begins with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from copilot.texts import composed
from policy.errors import BadInput

MOST_TEXT = 10 * 1024 * 1024
"""Bytes of one document's text; more is no document but a store, and would be held in memory whole."""
MOST_LINE = 4 * MOST_TEXT
"""Bytes of one line of a streamed file: a text at its limit, with JSON's escapes around it."""
_SKIPPED = 64 * 1024
_BOM = "\N{BOM}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a streamed file without its end, or why it could not be read."""

    number: int
    text: str
    fault: str | None = None


def whole(path: Path) -> str:
    """All text of one document, with `\\n` as line end; BadInput before reading what is too large."""
    with path.open("rb") as file:
        content = file.read(MOST_TEXT + 1)
    if len(content) > MOST_TEXT:
        raise BadInput(f"larger than {_megabytes(MOST_TEXT)} of text; split it into documents")
    text = _text(content).removeprefix(_BOM).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise BadInput("empty; give it text or leave it out")
    return text


def lines(path: Path, *, most: int = MOST_LINE) -> Iterator[Line]:
    """The lines of a file of any size, never more than one of them in memory; blank ones are left out.

    A first line that is no text means that the file is none, and raises; a later one is given with its fault.
    """
    with path.open("rb") as file:
        number = 0
        while content := file.readline(most + 1):
            number += 1
            line = _line(number, content, most)
            if len(content) > most:
                while content and not content.endswith(b"\n"):
                    content = file.readline(_SKIPPED)
            if number == 1 and line.fault:
                raise BadInput(line.fault)
            if line.text or line.fault:
                yield line


def _line(number: int, content: bytes, most: int) -> Line:
    if len(content) > most:
        return Line(number=number, text="", fault=f"a line larger than {_megabytes(most)}")
    try:
        return Line(number=number, text=_text(content).removeprefix(_BOM).strip())
    except BadInput as error:
        return Line(number=number, text="", fault=error.message)


def _text(content: bytes) -> str:
    if b"\x00" in content:
        raise BadInput("holds NUL bytes; it is not text, or not in UTF-8")
    try:
        return composed(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(f"not UTF-8 (byte {error.start}); save it as UTF-8") from error


def _megabytes(size: int) -> str:
    return f"{size // (1024 * 1024)} MB"
