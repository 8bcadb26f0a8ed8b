"""Archived records beside the log: their leaves must be those that were archived, and their bundles those records."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from copilot.ledger.proofs.bundle import RECORDS, STATEMENT
from copilot.ledger.proofs.keys import VerifierKey
from copilot.ledger.proofs.merkle import hash_leaf
from copilot.ledger.proofs.record import BundledRecord, Leaf, read_line
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.stored import StoredArchive, StoredEntry
from policy.errors import BadInput

OPENING = "archive"
"""What the record of an archive says of it."""


Stood = tuple[str, bytes]
"""A record's ledger id and its leaf's hash."""


def records(folder: Path) -> Iterator[tuple[BundledRecord, Leaf]]:
    """Those of a bundle that was verified; BadInput where it cannot be read."""
    try:
        with (folder / RECORDS).open("rb") as lines:
            for line in lines:
                yield read_line(line.removesuffix(b"\n"))
    except OSError as error:
        raise BadInput(f"cannot read the archive {folder}: {error.strerror}") from error


@dataclass(slots=True)
class Given:
    """Bundles that were handed over with the log, each verified by itself."""

    records: dict[int, Stood] = field(default_factory=dict)
    """By leaf index."""
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(
        cls,
        folders: Sequence[Path],
        keys: Sequence[VerifierKey],
        archives: Sequence[StoredArchive],
    ) -> "Given":
        """BadInput where a folder is none."""
        given, statements = cls(), {one.statement for one in archives}
        for folder in folders:
            given.problems += _problems(folder, keys)
            if _statement(folder) not in statements:
                given.problems.append(f"{folder}: it is no archive of this log")
            elif not given.problems:
                given.records |= {
                    one.leaf_index: (leaf.ledger_id, hash_leaf(one.leaf))
                    for one, leaf in records(folder)
                }
        return given


@dataclass(slots=True)
class _Leaves:
    archive: StoredArchive
    hashes: Any = field(default_factory=hashlib.sha256)


class ArchivedLeaves:
    """Takes the leaves of a log in their order, and says in the end what is wrong with those that were archived."""

    def __init__(self, archives: Sequence[StoredArchive], given: Mapping[int, Stood]) -> None:
        self.leaves = 0
        self.checked = 0
        """Of which the record was given, too."""
        self._given = given
        self._archives = [_Leaves(one) for one in archives]
        self._said = dict[str, Mapping[str, Any]]()
        self._ids = set[str]()

    def take(self, entry: StoredEntry) -> list[str] | None:
        """What is wrong with an entry that was archived; None where it was not."""
        index, leaf_hash = entry.row["leaf_index"], entry.row["hash"]
        of = next((one for one in self._archives if _holds(one.archive, index)), None)
        if of is None:
            return None
        of.hashes.update(leaf_hash)
        self._ids.add(entry.row["leaf_id"])
        self.leaves += 1
        if entry.row["ledger_id"] is not None:
            return [f"entry {index}: it stands here, although it was archived"]
        if index not in self._given:
            return []
        self.checked += 1
        same = self._given[index] == (entry.row["leaf_id"], leaf_hash)
        return [] if same else [f"entry {index}: the archived record is not that of its leaf"]

    def note(self, entry: StoredEntry) -> None:
        """What the entry says of an archive, if anything."""
        for one in entry.openings:
            if one["name"] == OPENING:
                self._said[entry.row["leaf_id"]] = json.loads(one["value"])

    def problems(self) -> Iterator[str]:
        for one in self._archives:
            archive = one.archive
            where = f"the archive {archive.archive_id} of {archive.month:%Y-%m}"
            if one.hashes.digest() != archive.hashes:
                yield f"{where}: its leaves are not those that were archived"
            for act in archive.acts or [""]:
                said = self._said.get(act)
                if said is None and act not in self._ids:
                    yield f"{where}: no record says that it was archived"
                elif said is not None and archive.said().items() - said.items():
                    yield f"{where}: its record says something else of it"


def _holds(archive: StoredArchive, index: int) -> bool:
    return any(index in leaves for leaves in archive.leaves)


def _problems(folder: Path, keys: Sequence[VerifierKey]) -> list[str]:
    """By whichever key of the log the bundle holds: keys may have changed since."""
    found = [verify_bundle(folder, key).problems for key in keys]
    return [f"{folder}: {one}" for one in min(found, key=len, default=["the log has no keys"])]


def _statement(folder: Path) -> bytes:
    try:
        return hashlib.sha256((folder / STATEMENT).read_bytes()).digest()
    except OSError as error:
        raise BadInput(f"cannot read the archive {folder}: {error.strerror}") from error
