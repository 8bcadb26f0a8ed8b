"""The files of a bundle as they are found: nothing is followed out of the folder, or read past its limit."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from copilot.ledger.proofs.bundle import (
    LARGEST,
    LARGEST_SMALL,
    MOST_DEPTH,
    MOST_FILES,
    STATEMENT,
    WRITTEN,
    is_extra,
)
from policy.errors import BadInput

_BLOCK = 2**18


class Folder:
    """A bundle's files and, once they were read, their hashes."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        """Lists the files; what may not be in a bundle is reported and never opened. BadInput where it is no folder."""
        self._path = path
        self._report = report
        self.sha256 = dict[str, str]()
        """Hex, by name: of the files that were read to their end."""
        self.names = frozenset(self._files())

    def read(self, name: str) -> bytes:
        """A small file; empty, and reported, where it cannot be read or is large."""
        return b"".join(self.blocks(name, LARGEST_SMALL))

    def blocks(self, name: str, largest: int = LARGEST) -> Iterator[bytes]:
        """The file piece by piece, hashed on the way; ends, and reports, where it cannot be read any further."""
        if name not in self.names:
            return
        digest, read = hashlib.sha256(), 0
        try:
            with open(_opened(self._path / name), "rb", buffering=0) as file:
                while block := file.read(_BLOCK):
                    read += len(block)
                    if read > largest:
                        self._report(f"{name}: it is larger than {largest} bytes")
                        return
                    digest.update(block)
                    yield block
        except OSError as error:
            self._report(f"{name}: it cannot be read: {error.strerror}")
            return
        self.sha256[name] = digest.hexdigest()

    def _files(self) -> Iterator[str]:
        for count, (name, is_file) in enumerate(self._entries("", MOST_DEPTH)):
            if count == MOST_FILES:
                self._report(f"the bundle has more than {MOST_FILES} files; no more were looked at")
                return
            if not is_file:
                self._report(f"{_shown(name)}: it is a link, or no file")
            elif name in WRITTEN or name == STATEMENT or is_extra(name):
                yield name
            else:
                self._report(f"{_shown(name)}: a bundle has no such file")

    def _entries(self, below: str, depth: int) -> Iterator[tuple[str, bool]]:
        """Names, and whether each is a regular file; links are not followed, also not to folders."""
        try:
            with os.scandir(self._path / below) as found:
                entries = sorted(found, key=lambda one: one.name)
        except OSError as error:
            if not below:
                raise BadInput(
                    f"the bundle is no folder that can be read: {error.strerror}"
                ) from error
            self._report(f"{_shown(below)}: it cannot be read: {error.strerror}")
            return
        for entry in entries:
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False) and depth > 1:
                yield from self._entries(name, depth - 1)
            else:
                yield name, entry.is_file(follow_symlinks=False)


def _opened(path: Path) -> int:
    """Also what was put in the file's place meanwhile is no link, and does not hang."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(0, "it is no file")


def _shown(name: str) -> str:
    """A name that somebody chose, fit for a terminal."""
    return repr(name[:200])
