"""Writing a bundle: into a folder beside its place, which takes the name once it is whole."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Protocol, Self

from copilot.ledger.proofs.bundle import (
    CHECKPOINT,
    EARLIER,
    KEYS,
    LONGEST_LINE,
    RECORDS,
    ROTATIONS,
    STATEMENT,
    earlier_line,
    is_extra,
)
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.note import Note
from copilot.ledger.proofs.record import BundledRecord, write_line
from copilot.ledger.proofs.statement import Statement
from policy.errors import BadInput


class Proofs(Protocol):
    """Where paths come from, as RFC 9162 sections 2.1.3.1 and 2.1.4.1 define them."""

    def inclusion(self, leaf_index: int, tree_size: int) -> Sequence[bytes]: ...

    def consistency(self, first: int, second: int) -> Sequence[bytes]: ...


class Contents(NamedTuple):
    """What a bundle holds besides its records."""

    checkpoint: bytes
    """The signed note up to which the log is exported."""
    keys: Sequence[VerifierKey]
    """Of the log, oldest first."""
    earlier: Sequence[bytes] = ()
    """Signed notes of smaller sizes, in their order; of a selection also those that its reader holds."""
    rotations: Sequence[bytes] = ()
    """Envelopes, one for each change of the key."""
    extra: Mapping[str, bytes] = {}
    """Files below `policy/`, `schemas/`, `prov/`, as `BundleWriter.attach` takes them."""
    whole: bool = True
    """Whether all records up to the checkpoint follow, or a selection of them."""


class Export(NamedTuple):
    """Who exported, when (ISO 8601, UTC), and whose signatures the statement bears."""

    by: str
    at: str
    signers: Sequence[Signer]


class _Lines:
    """A file that grows line by line, hashed on the way."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("xb")
        self._digest = hashlib.sha256()

    def add(self, line: bytes) -> None:
        self._file.write(line)
        self._digest.update(line)

    def sync(self) -> str:
        """The SHA-256 (hex) of what is on the disk now."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()


class BundleWriter:
    """Takes records in the order of their indices; the folder is there after `give`, and never before.

    For `with`: without `finish` and `give` nothing is left behind. OSError is the caller's to name.
    """

    def __init__(self, folder: Path, contents: Contents, proofs: Proofs) -> None:
        """BadInput where the folder is there already, or the contents do not make a bundle."""
        if os.path.lexists(folder):
            raise BadInput(f"{folder} is there already; name a folder that is not")
        self._checkpoint = Checkpoint.parse(Note.parse(contents.checkpoint).text)
        self._folder, self._contents, self._proofs = folder, contents, proofs
        self._sha256 = dict[str, str]()
        self._records, self._last, self._given = 0, -1, set[str]()
        self.length = 0
        """Bytes of all that was written so far."""
        self._lines = dict[str, _Lines]()

    def __enter__(self) -> Self:
        parent = self._folder.absolute().parent
        with ExitStack() as undo:
            self._partial = Path(tempfile.mkdtemp(prefix=f".{self._folder.name}.", dir=parent))
            undo.callback(shutil.rmtree, self._partial, ignore_errors=True)
            self._undo = undo
            self._open(RECORDS)
            self._write_contents()
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    def add(self, record: BundledRecord) -> None:
        """Scopes that an earlier record brought are left out. BadInput where the order or the form is wrong."""
        if not self._last < record.leaf_index < self._checkpoint.size:
            raise BadInput(
                f"the record with the index {record.leaf_index} is out of order or too new"
            )
        if (record.path is None) is not self._contents.whole:
            raise BadInput("records have paths in a selection, and in a whole log none")
        new = {one: value for one, value in record.scopes.items() if one not in self._given}
        line = write_line(record._replace(scopes=new)) + b"\n"
        if len(line) > LONGEST_LINE:
            raise BadInput(
                f"the record with the index {record.leaf_index} is longer than a line may be"
            )
        self._add_line(RECORDS, line)
        self._given |= new.keys()
        self._records, self._last = self._records + 1, record.leaf_index

    def attach(self, name: str, data: bytes) -> None:
        """A further file, whose hash the statement names. BadInput where it may not be in a bundle, or is there."""
        self._new(name)
        self._write(name, data)

    def append(self, name: str, line: bytes) -> None:
        """A line of a further file, which is made with its first."""
        if name not in self._lines:
            self._new(name)
            self._open(name)
        self._add_line(name, line + b"\n")

    def finish(self, export: Export) -> str:
        """Signs the statement, once all is on the disk; gives the SHA-256 (hex) of the statement's file."""
        if self._contents.whole and self._records != self._checkpoint.size:
            raise BadInput(
                f"a whole log of {self._checkpoint.size} records has not {self._records}"
            )
        self._sha256 |= {name: lines.sync() for name, lines in self._lines.items()}
        statement = self._statement(export).sign(export.signers)
        self._write(STATEMENT, statement)
        for folder in (*filter(Path.is_dir, self._partial.rglob("*")), self._partial):
            _sync(folder)
        return hashlib.sha256(statement).hexdigest()

    def give(self) -> None:
        """Gives the finished folder its name."""
        self._partial.rename(self._folder)
        self._undo.pop_all()
        for lines in self._lines.values():
            lines.close()
        _sync(self._folder.absolute().parent)

    def _statement(self, export: Export) -> Statement:
        return Statement(
            origin=self._checkpoint.origin,
            size=self._checkpoint.size,
            root=self._checkpoint.root,
            whole=self._contents.whole,
            records=self._records,
            exported_by=export.by,
            exported_at=export.at,
            files=self._sha256,
        )

    def _write_contents(self) -> None:
        given = self._contents
        self._write(CHECKPOINT, given.checkpoint)
        self._write(EARLIER, b"".join(self._earlier()))
        self._write(KEYS, "".join(f"{one}\n" for one in given.keys).encode())
        self._write(ROTATIONS, b"".join(one + b"\n" for one in given.rotations))
        for name, data in given.extra.items():
            self.attach(name, data)

    def _earlier(self) -> Iterable[bytes]:
        """Each with the path to the next, the last one's to the bundle's checkpoint."""
        notes = [Note.parse(one).text for one in self._contents.earlier]
        sizes = [*(Checkpoint.parse(one).size for one in notes), self._checkpoint.size]
        for note, first, second in zip(self._contents.earlier, sizes, sizes[1:], strict=False):
            if first >= second:
                raise BadInput("the earlier checkpoints are not of growing size")
            yield earlier_line(note, self._proofs.consistency(first, second)) + b"\n"

    def _new(self, name: str) -> None:
        if not is_extra(name):
            raise BadInput(f"{name} is no file that a bundle can hold")
        if name in self._sha256 or name in self._lines:
            raise BadInput(f"{name} is in the bundle already")

    def _open(self, name: str) -> None:
        self._lines[name] = _Lines(self._partial / name)
        self._undo.callback(self._lines[name].close)

    def _add_line(self, name: str, line: bytes) -> None:
        self._lines[name].add(line)
        self.length += len(line)

    def _write(self, name: str, data: bytes) -> None:
        path = self._partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self.length += len(data)
        if name != STATEMENT:
            self._sha256[name] = hashlib.sha256(data).hexdigest()


def write_bundle(
    folder: Path,
    contents: Contents,
    records: Iterable[BundledRecord],
    proofs: Proofs,
    export: Export,
) -> None:
    """Writes all of it, or leaves nothing. A selection's paths are taken from `proofs`; see `BundleWriter`."""
    size = Checkpoint.parse(Note.parse(contents.checkpoint).text).size
    with BundleWriter(folder, contents, proofs) as writer:
        for one in records:
            path = None if contents.whole else proofs.inclusion(one.leaf_index, size)
            writer.add(one._replace(path=path))
        writer.finish(export)
        writer.give()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
