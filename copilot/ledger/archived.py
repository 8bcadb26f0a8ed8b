"""Archived records beside the log: their leaves must be those that were archived, and their bundles those records."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from copilot.ledger.proofs.bundle import RECORDS, STATEMENT, canonical_json
from copilot.ledger.proofs.gaps import Gaps
from copilot.ledger.proofs.keys import VerifierKey
from copilot.ledger.proofs.merkle import hash_leaf
from copilot.ledger.proofs.record import read_line
from copilot.ledger.proofs.verify_bundle import BundleReport, verify_bundle
from copilot.ledger.stored import StoredArchive, StoredEntry
from policy.errors import BadInput

OPENING = "archives"
"""In the record of an archive: the digest of all archives up to this one, so that the newest record tells of each."""


class Contents(NamedTuple):
    """What a bundle or a month holds."""

    records: int
    openings: int
    hashes: bytes
    """SHA-256 over the hashes of the leaves, in their order."""
    ended: frozenset[str] = frozenset()
    """The ids of the records that began the questions of which ends are among these."""


def contents(folder: Path) -> Contents:
    """Of a bundle that was verified; BadInput where it cannot be read."""
    count, openings, hashes, ended = 0, 0, hashlib.sha256(), set[str]()
    try:
        with (folder / RECORDS).open("rb") as lines:
            for line in lines:
                record, _ = read_line(line.removesuffix(b"\n"))
                hashes.update(hash_leaf(record.leaf))
                openings += len(record.openings)
                count += 1
                if "opening" in record.openings:
                    ended.add(record.openings["opening"][1].decode().strip('"'))
    except OSError as error:
        raise BadInput(f"cannot read the archive {folder}: {error.strerror}") from error
    return Contents(count, openings, hashes.digest(), frozenset(ended))


def digest(archives: Sequence[StoredArchive]) -> str:
    """SHA-256 (hex) over what is known of them; in hex alone, no erasure finds words of a text in it."""
    said = [
        {
            "statement": one.statement.hex(),
            "month": f"{one.month:%Y-%m}",
            "leaves": [[leaves.lower, leaves.upper] for leaves in one.leaves],
            "hashes": one.hashes.hex(),
        }
        for one in sorted(archives, key=lambda one: one.statement)
    ]
    return hashlib.sha256(canonical_json(said)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a bundle that is said to be an archive comes to."""

    problems: list[str]
    archive: StoredArchive | None = None
    """The one that it is; None where anything is wrong with it."""
    records: int = 0
    gaps: Gaps = field(default_factory=Gaps)
    ended: frozenset[str] = frozenset()


def given(folder: Path, keys: Sequence[VerifierKey], archives: Sequence[StoredArchive]) -> Given:
    """By whichever key of the log it can be checked: keys may have changed since. BadInput where it cannot be read."""
    try:
        statement = hashlib.sha256((folder / STATEMENT).read_bytes()).digest()
    except OSError as error:
        raise BadInput(f"cannot read the archive {folder}: {error.strerror}") from error
    reports = [verify_bundle(folder, key) for key in keys]
    none = BundleReport(problems=["the log has no keys"])
    report = min(reports, key=lambda one: len(_all_problems(one)), default=none)
    found = _all_problems(report)
    of = next((one for one in archives if one.statement == statement), None)
    if of is None:
        found.append("it is no archive of this log")
    elif not found and (held := contents(folder)).hashes == of.hashes:
        return Given(
            problems=[], archive=of, records=held.records, gaps=report.gaps, ended=held.ended
        )
    elif not found:
        found.append("its records are not those of the log's leaves")
    return Given(problems=[f"{folder}: {one}" for one in found])


def _all_problems(report: BundleReport) -> list[str]:
    return [*report.problems, *report.contents.problems]


@dataclass(slots=True)
class _Taken:
    """The leaves of one archive that were met in the log."""

    archive: StoredArchive
    hashes: Any = field(default_factory=hashlib.sha256)
    leaves: int = 0

    def holds(self) -> bool:
        """Whether they are all that was archived; one of leaves that the log lacks would excuse whatever it likes."""
        stated = sum((one.upper or 0) - (one.lower or 0) for one in self.archive.leaves)
        return (self.leaves, self.hashes.digest()) == (stated, self.archive.hashes)


class ArchivedLeaves:
    """Takes the entries of a log in their order, and says in the end what is wrong with what was archived of it."""

    def __init__(self, archives: Sequence[StoredArchive]) -> None:
        self.leaves = 0
        self._archives = [_Taken(one) for one in archives]
        self._stated: str | None = None

    def note(self, entry: StoredEntry) -> None:
        """What an entry that is there says of archives, if anything."""
        for one in entry.openings:
            if one["name"] == OPENING:
                self._stated = json.loads(one["value"])

    def take(self, entry: StoredEntry) -> bool:
        """Whether that sealed one was archived."""
        for one in self._archives:
            if one.archive.holds(entry.row["leaf_index"]):
                one.hashes.update(entry.row["hash"])
                one.leaves += 1
                self.leaves += 1
                return True
        return False

    def problems(self) -> Iterator[str]:
        """Once all were taken."""
        for one in self._archives:
            if not one.holds():
                month = f"{one.archive.month:%Y-%m}"
                yield f"the leaves archived of {month} are not those that were archived"
        known = [one.archive for one in self._archives]
        if self._stated != (digest(known) if known else None):
            yield "the archives are not those that the log's newest record of one states"
