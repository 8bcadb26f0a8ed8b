"""Files and folders as documents: the reader is picked by suffix, and nothing stops the rest."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from copilot.ingest import jsonl, markdown, transfers
from copilot.ingest.documents import Document, Rejected
from policy.errors import BadInput
from policy.labels import Label

_READERS: dict[str, Callable[..., Iterator[Document | Rejected]]] = {
    ".md": markdown.read,
    ".txt": markdown.read,
    ".jsonl": jsonl.read,
    ".csv": transfers.read,
}


def read(
    paths: Iterable[str | Path], *, tenant: str, default_label: Label | None
) -> Iterator[Document | Rejected]:
    """Every document below `paths`, and what was not taken with its reason; raises nothing itself.

    Folders are walked in the order of their names, hidden files left out. A link may be named, but one that
    is met in a folder and leads out of it is refused: who may write there may not read all that we may.
    `default_label` is for content without a label of its own; there is no other default.
    """
    for path in map(Path, paths):
        found = False
        for file in _files(path):
            found = True
            if file != path and not _within(path, file):
                yield _rejected(file, "a link that leads out of the folder")
            else:
                yield from _one(file, tenant, default_label)
        if not found:
            yield _rejected(path, "no such file, or a folder without files")


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if os.path.lexists(path):
            yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _within(folder: Path, file: Path) -> bool:
    try:
        return file.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link to itself
        return False


def _one(path: Path, tenant: str, default_label: Label | None) -> Iterator[Document | Rejected]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        yield _rejected(path, f"not a kind of file that is read; supported: {', '.join(_READERS)}")
        return
    if not path.is_file():
        yield _rejected(path, "not a regular file")
        return
    try:
        yield from reader(path, tenant=tenant, default_label=default_label)
    except BadInput as error:
        yield _rejected(path, error.message)
    except OSError as error:
        yield _rejected(path, f"cannot be read: {error.strerror}")


def _rejected(path: Path, reason: str) -> Rejected:
    line, rest = _placed(reason)
    return Rejected(source=path.name, line=line, reason=rest)


def _placed(reason: str) -> tuple[int | None, str]:
    """The line that a message begins with, as a number, and the rest."""
    place, colon, rest = reason.partition(": ")
    number = place.removeprefix("line ")
    if colon and place.startswith("line ") and number.isdecimal():
        return int(number), rest
    return None, reason
