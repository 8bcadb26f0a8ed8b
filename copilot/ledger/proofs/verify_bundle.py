"""Verification of a bundle: whether it is the log that the key signed, and that continues the checkpoints one holds.

Nothing is taken from the bundle on trust but what the held key vouches for, and no problem ends the verification.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from copilot.ledger.proofs import policies
from copilot.ledger.proofs.bundle import (
    CHECKPOINT,
    EARLIER,
    KEYS,
    MOST_LISTED,
    RECORDS,
    ROTATIONS,
    SCHEMAS,
    STATEMENT,
    UNREADABLE,
    WRITTEN,
    earlier_line,
)
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.explanations import Explanations, by_whom
from copilot.ledger.proofs.folder import Folder
from copilot.ledger.proofs.gaps import Gaps
from copilot.ledger.proofs.keys import VerifierKey
from copilot.ledger.proofs.lines import Tree
from copilot.ledger.proofs.merkle import EMPTY_ROOT, verify_consistency
from copilot.ledger.proofs.note import Note
from copilot.ledger.proofs.rotation import KeyTerm, Rotation, open_signed, trusted
from copilot.ledger.proofs.statement import Statement
from copilot.ledger.proofs.verify_contents import ContentsReport, verify_contents
from copilot.ledger.proofs.verify_records import Records, verify_records
from policy.errors import BadInput

T = TypeVar("T")
U = TypeVar("U")


@dataclass(slots=True, kw_only=True)
class BundleReport:
    """What was checked. The bundle holds where `problems` is empty."""

    origin: str = ""
    size: int = 0
    """Of the log, by the bundle's checkpoint; 0 where that cannot be believed."""
    root: bytes = EMPTY_ROOT
    records: int = 0
    whole: bool = True
    """Whether these are all records of that log, or a selection."""
    erased: int = 0
    """Openings that are gone and of which a later erasure of the bundle says so."""
    erased_by: Counter[str] = field(default_factory=Counter)
    """By whom, as these say."""
    unexplained: int = 0
    """Openings that are gone or were held back, of which none does: in a whole log a problem each."""
    unexplained_at: list[str] = field(default_factory=list)
    """Where, up to `MOST_LISTED`."""
    gaps: Gaps = field(default_factory=Gaps)
    """All of these, and what the bundle's erasures say."""
    keys: tuple[KeyTerm, ...] = ()
    """The keys that are believed for the sake of the one that was held, oldest first."""
    held: int = 0
    """Checkpoints from elsewhere that the bundle was compared with."""
    exported_by: str = ""
    exported_at: str = ""
    problems: list[str] = field(default_factory=list)
    """Each with its place, up to `MOST_LISTED`."""
    seconds: float = field(default=0.0, compare=False)
    """What all of that took; the contents were looked at afterwards."""
    contents: ContentsReport = field(default_factory=ContentsReport)
    """Whether what the records say fits the schemas they name: a stage of its own, with problems of its own."""

    def add(self, problem: str) -> None:
        if len(self.problems) < MOST_LISTED:
            self.problems.append(problem)
        elif len(self.problems) == MOST_LISTED:
            self.problems.append("there are more problems than are listed")

    def summary(self) -> str:
        """One line for whoever ran it."""
        if self.problems:
            return f"bundle NOT verified: {len(self.problems)} problems, first: {self.problems[0]}"
        part = "all" if self.whole else f"{self.records} of"
        gone = f", {self.erased} openings erased{by_whom(self.erased_by)}" if self.erased else ""
        open_ = f", {self.unexplained} openings not given" if self.unexplained else ""
        return (
            f"bundle verified: {part} {self.size} records of {self.origin}{gone}{open_}, "
            f"{self.held} held checkpoints, root {self.root.hex()[:16]}…"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """An earlier checkpoint, and the path from it to the next."""

    where: str
    checkpoint: Checkpoint
    path: list[bytes]


def verify_bundle(
    folder: Path,
    key: VerifierKey,
    checkpoints: Sequence[bytes] = (),
    *,
    origin: str | None = None,
    processes: int = 1,
) -> BundleReport:
    """Checks the bundle for who holds a key of the log, and signed notes from elsewhere than the bundle.

    `origin` is the log's, where it is known; else the held checkpoints', else the bundle's own. More than one process
    share the records, see `verify_records`. BadInput where the folder is none that can be read; whatever is wrong with
    what lies in it is in the report.
    """
    report = BundleReport()
    return _Verification(Folder(folder, report.add), key, origin, report).run(
        checkpoints, processes
    )


class _Verification:
    """One bundle, and what is believed of it so far."""

    def __init__(
        self, files: Folder, key: VerifierKey, origin: str | None, report: BundleReport
    ) -> None:
        self._files, self._report, self._origin = files, report, origin
        self._terms: tuple[KeyTerm, ...] = (KeyTerm(key=key),)

    def run(self, checkpoints: Sequence[bytes], processes: int) -> BundleReport:
        """From what the held key vouches for to what follows from that, and last to what the records mean."""
        begun = time.perf_counter()
        for name in (*WRITTEN, STATEMENT):
            if name not in self._files.names:
                self._report.add(f"{name}: it is missing")
        rotations = self._believe_keys()
        held = self._held(checkpoints)
        last = self._checkpoint(self._files.read(CHECKPOINT), CHECKPOINT)
        steps = self._steps()
        for one in rotations:
            if one.origin != self._origin:
                self._report.add(f"{ROTATIONS}: it is of another log")
        statement = self._statement(last)
        wanted = [*held, *(one.checkpoint for one in steps)]
        records = self._records(last, statement, wanted, processes)
        self._compare_steps(steps, last, records)
        self._compare_held(held, steps, last, records)
        self._compare_files(statement)
        self._report.seconds = time.perf_counter() - begun
        self._report.contents = self._contents(processes)
        return self._report

    def _believe_keys(self) -> list[Rotation]:
        rotations = [
            one
            for number, line in self._lines(ROTATIONS)
            if (one := self._tried(f"{ROTATIONS} line {number}", Rotation.open, line))
        ]
        [held] = self._terms
        terms = self._tried(ROTATIONS, lambda these: trusted(held.key, these), rotations)
        self._terms = self._report.keys = terms or self._terms
        if self._files.read(KEYS).decode(errors="replace").split("\n") != [
            *(str(one.key) for one in self._terms),
            "",
        ]:
            self._report.add(f"{KEYS}: these are not the keys for which the held one vouches")
        return rotations

    def _held(self, checkpoints: Sequence[bytes]) -> list[Checkpoint]:
        """The held checkpoints that can be believed; two of one size that differ need no bundle to be a fork."""
        held = list[Checkpoint]()
        for number, data in enumerate(checkpoints, 1):
            one = self._checkpoint(data, f"held checkpoint {number}")
            if one is None:
                continue
            if any(one.size == other.size and one.root != other.root for other in held):
                self._report.add(f"held checkpoint {number}: the log was forked at {one.size}")
            held.append(one)
        self._report.held = len(held)
        return held

    def _checkpoint(self, data: bytes, where: str) -> Checkpoint | None:
        """What a key of the log signed for a size at which it may; the first one opened says which log it is."""
        return self._tried(where, self._signed, data)

    def _signed(self, data: bytes) -> Checkpoint:
        origin = self._origin or Note.parse(data).text.partition("\n")[0]
        opened = open_signed(data, origin=origin, terms=self._terms)
        self._origin = origin
        return opened.checkpoint

    def _steps(self) -> list[_Step]:
        steps = list[_Step]()
        for number, line in self._lines(EARLIER):
            where = f"{EARLIER} line {number}"
            read = self._tried(where, _step, line)
            checkpoint = read and self._checkpoint(read[0], where)
            if read and checkpoint:
                steps.append(_Step(where=where, checkpoint=checkpoint, path=read[1]))
        return steps

    def _statement(self, last: Checkpoint | None) -> Statement | None:
        """Signed by a key that the log still had, or got later; it is of this checkpoint."""
        size = last.size if last else 0
        keys = [one.key for one in self._terms if size <= one.last]
        data = self._files.read(STATEMENT)
        statement = self._tried(STATEMENT, lambda given: Statement.open(given, keys), data)
        if statement is None:
            return None
        self._report.exported_by = statement.exported_by
        self._report.exported_at = statement.exported_at
        said = (statement.origin, statement.size, statement.root)
        if last and said != (last.origin, last.size, last.root):
            self._report.add(f"{STATEMENT}: it is on another checkpoint than the bundle's")
        return statement

    def _records(
        self,
        last: Checkpoint | None,
        statement: Statement | None,
        wanted: Sequence[Checkpoint],
        processes: int,
    ) -> Records:
        records = verify_records(
            self._files.blocks(RECORDS),
            whole=statement is None or statement.whole,
            tree=Tree(last.size, last.root) if last else None,
            sizes=[one.size for one in wanted],
            processes=processes,
            report=self._report.add,
        )
        self._report.whole, self._report.records = records.whole, records.records
        if statement and statement.records != records.records:
            self._report.add(
                f"{RECORDS}: of {statement.records} records {records.records} are there"
            )
        if last:
            self._report.origin, self._report.size = last.origin, last.size
            self._report.root = last.root
            if records.whole and (records.tree.size, records.tree.root) != (last.size, last.root):
                self._report.add(f"{RECORDS}: these are not the records of the checkpoint")
        self._count_missing(records)
        return records

    def _count_missing(self, records: Records) -> None:
        self._report.gaps = records.gaps
        explained = Explanations(records.gaps, self._terms)
        for problem in explained.problems:
            self._report.add(f"record {problem.leaf_index}: {problem.says}")
        for one in explained.unexplained:
            self._report.unexplained += 1
            where = f"record {one.leaf_index}: {one.name} is not there, and no erasure says why"
            if records.whole or not one.erasable:
                self._report.add(where)
            if self._report.unexplained <= MOST_LISTED:
                self._report.unexplained_at.append(where)
        self._report.erased = len(records.gaps.gone) - self._report.unexplained
        self._report.erased_by = explained.by

    def _compare_steps(
        self, steps: Sequence[_Step], last: Checkpoint | None, records: Records
    ) -> None:
        following = [*(one.checkpoint for one in steps[1:]), *([last] if last else [])]
        for step, then in zip(steps, following, strict=False):
            one = step.checkpoint
            if one.size >= then.size or not verify_consistency(
                first=one.size,
                second=then.size,
                first_hash=one.root,
                second_hash=then.root,
                consistency_path=step.path,
            ):
                self._report.add(f"{step.where}: the log of {then.size} does not continue it")
        for step in steps:
            if records.whole and records.roots.get(step.checkpoint.size) != step.checkpoint.root:
                self._report.add(f"{step.where}: the records do not lead to it")

    def _compare_held(
        self,
        held: Sequence[Checkpoint],
        steps: Sequence[_Step],
        last: Checkpoint | None,
        records: Records,
    ) -> None:
        """A whole log gives the root of each size; a selection, of those to which it brings a path."""
        known = {0: EMPTY_ROOT} | {one.checkpoint.size: one.checkpoint.root for one in steps}
        if last:
            known[last.size] = last.root
        for one in held:
            root = (records.roots if records.whole else known).get(one.size)
            if last and one.size > last.size:
                self._report.add(
                    f"{CHECKPOINT}: it ends at {last.size}, before the held {one.size}"
                )
            elif root is None:
                self._report.add(
                    f"{RECORDS}: nothing leads to the held checkpoint of {one.size}; "
                    "have the selection made with `--checkpoint` and that file"
                )
            elif root != one.root:
                self._report.add(f"{RECORDS}: this is not the log of the held {one.size}")

    def _compare_files(self, statement: Statement | None) -> None:
        """By the hashes of what was read above, and now of the extra files; policies are what they are named."""
        for problem in policies.problems(self._files):
            self._report.add(problem)
        for name in sorted(self._files.names - {*WRITTEN, STATEMENT}):
            for _ in self._files.blocks(name):
                pass
        if statement is None:
            return
        for name in sorted(self._files.names - {STATEMENT} - statement.files.keys()):
            self._report.add(f"{name}: the statement does not name it")
        for name, sha256 in statement.files.items():
            if name not in self._files.names:
                self._report.add(f"{STATEMENT}: {name!r:.200} is named there, and missing")
            elif self._files.sha256.get(name) != sha256:
                self._report.add(f"{name}: it is not the file of the statement")

    def _contents(self, processes: int) -> ContentsReport:
        """From the same files, read once more."""
        begun, hashed = time.perf_counter(), dict(self._files.sha256)
        prefix = f"{SCHEMAS}/"
        named = [name for name in self._files.names if name.startswith(prefix)]
        contents = verify_contents(
            self._files.blocks(RECORDS),
            documents={
                name.removeprefix(prefix).removesuffix(".json"): self._files.read(name)
                for name in named
            },
            names=self._files.names,
            processes=processes,
        )
        contents.seconds = time.perf_counter() - begun
        if self._files.sha256 != hashed:
            contents.problems.append("the bundle was changed while it was verified")
        return contents

    def _lines(self, name: str) -> Iterator[tuple[int, bytes]]:
        """Numbered as editors do; BadInput is what each comes to where it is no line."""
        *lines, rest = self._files.read(name).split(b"\n")
        if rest:
            self._report.add(f"{name}: its last line is not ended by a newline")
        yield from enumerate(lines, 1)

    def _tried(self, where: str, step: Callable[[U], T], given: U) -> T | None:
        """What the step gives, or None with the problem in the report."""
        try:
            return step(given)
        except BadInput as error:
            self._report.add(f"{where}: {error.message}")
            return None


def _step(line: bytes) -> tuple[bytes, list[bytes]]:
    """Note and path of a line of earlier checkpoints."""
    try:
        value = json.loads(line)
        note, path = value["checkpoint"].encode(), [bytes.fromhex(one) for one in value["path"]]
        written = earlier_line(note, path)
    except UNREADABLE as error:
        raise BadInput("it is no checkpoint with a path") from error
    if written != line:
        raise BadInput("it is not in canonical form")
    return note, path
