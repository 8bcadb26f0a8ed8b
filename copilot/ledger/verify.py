"""Verification in place: whether the stored log is the one that was written, sealed and signed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from copilot.ledger import columns
from copilot.ledger.archived import ArchivedLeaves, given
from copilot.ledger.held import Held, opened
from copilot.ledger.listed import Listed
from copilot.ledger.month import Month
from copilot.ledger.proofs.checkpoint import LARGEST, Checkpoint
from copilot.ledger.proofs.explanations import Explanations, by_whom
from copilot.ledger.proofs.gaps import Gaps
from copilot.ledger.proofs.keys import VerifierKey
from copilot.ledger.proofs.merkle import EMPTY_ROOT, CompactRange, Subtree
from copilot.ledger.proofs.rotation import KeyTerm, Rotation
from copilot.ledger.stored import (
    StoredArchive,
    StoredCheckpoint,
    StoredEntry,
    StoredLog,
    stored_log,
)
from copilot.ledger.succession import believed
from copilot.ledger.unexplained import unexplained
from policy.errors import BadInput

_NAMED = 100
"""Ids without a place that are named, of however many."""


@dataclass(slots=True)
class Verification:
    """What was checked. The log holds where `problems` is empty."""

    entries: int = 0
    sealed: int = 0
    """Entries under the newest checkpoint; the others wait for the sealer."""
    checkpoints: int = 0
    erased: int = 0
    """Openings that are gone: their commitments still stand in the leaves. Later erasures name all but these:"""
    erased_by: Counter[str] = field(default_factory=Counter)
    """By whom, as the erasures say."""
    late: int = 0
    """Openings that are not kept of questions that were asked when something was erased; no record names them yet."""
    elsewhere: int = 0
    """Openings whose erasure may lie in an archive that was not given."""
    archived: int = 0
    """Entries whose records lie in an archive; their leaves' hashes stand in the log, and were checked."""
    archived_checked: int = 0
    """Those of them whose archive was given, and checked as well."""
    held: int = 0
    """Checkpoints from outside that the log was compared with."""
    ungiven: int = 0
    """Archives that were not given, or do not hold."""
    root: str = EMPTY_ROOT.hex()
    """Of all sealed entries; lower-case hex."""
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """One line for whoever ran it; erasures are said, since nothing else shows them."""
        if self.problems:
            return f"ledger NOT verified: {len(self.problems)} problems, first: {self.problems[0]}"
        return (
            f"ledger verified: {self.entries} entries, {self.sealed} of them sealed under "
            f"{self.checkpoints} checkpoints{self._erasures()}{self._archives()}, root {self.root[:16]}…"
        )

    def _erasures(self) -> str:
        counts = {
            f" openings erased{by_whom(self.erased_by)}": self.erased,
            " of them while their question was asked": self.late,
            " of them by no record but perhaps an archived one (see --archive)": self.elsewhere,
        }
        return "".join(f", {count}{said}" for said, count in counts.items() if count)

    def _archives(self) -> str:
        unread = self.archived - self.archived_checked
        only = f", {unread} of them known by their hashes alone (see --archive)" if unread else ""
        return f", {self.archived} archived{only}" if self.archived else ""


async def verify(
    url: str,
    held: Sequence[Held] = (),
    trusted: VerifierKey | None = None,
    archives: Sequence[Path] = (),
) -> Verification:
    """Recomputes every leaf, opening, subtree and root, and compares with checkpoints held outside.

    `trusted` is a key from elsewhere, the newest or an older one. Each checkpoint must be signed by a key for which it
    vouches, through the log's stored changes of its key, and that may sign for that size. A held one that is not is a
    problem and no BadInput: what the log states of its keys decides it. Without `trusted` the log's own first key
    takes its place and what is held is taken as it is, which shows no more than that the log fits itself and these:
    whoever can rewrite it can list another key. An opening that is gone must be named by an erasure that came later.
    Of what was archived the hashes are checked, and the records where their bundles are among `archives`; BadInput
    where one of these cannot be read.
    Unavailable where the database does not answer.
    """
    async with stored_log(url) as log:
        work = _Work(log)
        await work.run(held, trusted, archives)
    return work.result


class _Work:
    def __init__(self, log: StoredLog) -> None:
        self.result = Verification()
        self._log = log
        self._listed = Listed(log)
        self._held = list[Checkpoint]()
        self._terms: tuple[KeyTerm, ...] = ()
        self._tree = CompactRange()
        self._archived = ArchivedLeaves(())
        self._gaps = Gaps()
        self._ended = set[str]()
        self._unread = -1
        self._unread_until: datetime | None = None

    async def run(
        self, held: Sequence[Held], trusted: VerifierKey | None, archives: Sequence[Path]
    ) -> None:
        await self._read_keys(trusted)
        self._open(held, None if trusted is None else self._terms)
        await self._read_archives(archives)
        self._meet()
        async for batch in self._log.batches("leaves"):
            for place, entry in enumerate(batch, self._tree.size):
                self._sealed(entry)
                if entry.row["leaf_index"] != place:
                    self._say(f"entry {entry.row['leaf_index']} stands in place {place}")
            self.result.problems += await self._listed.compare(
                [(*_placed(one), one) for one in batch]
            )
            await self._grow(batch)
        self.result.sealed, self.result.root = self._tree.size, self._tree.root.hex()
        place = self._tree.size
        async for batch in self._log.batches("unsealed"):
            waiting = [(*_waiting(one, at), one) for at, one in enumerate(batch, place)]
            place += len(batch)
            for at, where, entry in waiting:
                self._entry(entry, where, at)
            self.result.problems += await self._listed.compare(waiting)
        self.result.problems += self._listed.unended(self._ended, self._unread)
        self.result.archived = self._archived.leaves
        self.result.problems += self._archived.problems()
        self._explain()
        await self._ends()
        await self._astray()

    async def _read_archives(self, folders: Sequence[Path]) -> None:
        archives = await self._log.archives()
        self._archived = ArchivedLeaves(archives)
        keys, read = [one.key for one in self._terms], list[StoredArchive | None]()
        for folder in dict.fromkeys(folders):
            found = given(folder, keys, archives)
            if found.archive is not None and found.archive in read:
                continue
            read.append(found.archive)
            self._ended |= found.ended
            self._gaps.add(found.gaps)
            self.result.problems += found.problems
            self.result.archived_checked += found.records
        unread = [one for one in archives if one not in read]
        self.result.ungiven = len(unread)
        self._unread = max((one.last for one in unread), default=-1)
        self._unread_until = max((Month(one.month).until for one in unread), default=None)

    async def _read_keys(self, trusted: VerifierKey | None) -> None:
        listed, stated = list[VerifierKey](), list[Rotation]()
        try:
            listed = await self._log.keys()
            stated = [Rotation.open(one) for one in await self._log.rotations()]
        except BadInput as error:
            self._say(f"a key of the log: {error.message}")
        self._terms, found = believed(trusted, listed, stated)
        self.result.problems += found

    def _open(self, held: Sequence[Held], terms: Sequence[KeyTerm] | None) -> None:
        self._held, found = opened(held, terms)
        self.result.held = len(self._held)
        self.result.problems += found

    def _say(self, problem: str) -> None:
        self.result.problems.append(problem)

    def _sealed(self, entry: StoredEntry) -> None:
        place, where = _placed(entry)
        if not self._archived.take(entry):
            self._entry(entry, where, place)
            return
        self.result.entries += 1
        if entry.row["leaf_label"] is None:
            self._say(f"{where}: its leaf's place bears no label")
        if entry.row["ledger_id"] is not None:
            self._say(f"{where}: it stands here, although it was archived")

    def _entry(self, entry: StoredEntry, where: str, place: int) -> None:
        found, gaps = columns.problems(entry, where, place)
        self._archived.note(entry)
        self.result.entries += 1
        self._gaps.add(gaps)
        self.result.problems += found

    def _explain(self) -> None:
        explained = Explanations(self._gaps, self._terms, unread_until=self._unread_until)
        found = unexplained(explained, self._tree.size, self._unread)
        self.result.erased, self.result.erased_by = len(self._gaps.gone), explained.by
        self.result.late, self.result.elsewhere = found.late, found.elsewhere
        self.result.problems += found.problems

    async def _grow(self, batch: Sequence[StoredEntry]) -> None:
        """Adds the batch to the tree, and looks at each size for which there is a checkpoint."""
        first, hashes = self._tree.size, [one.row["hash"] for one in batch]
        to = first + len(hashes)
        stored = await self._log.checkpoints(first, to)
        held = [one.size for one in self._held if first < one.size <= to]
        born: dict[Subtree, bytes] = {}
        for size in sorted({*(one.size for one in stored), *held, to}):
            done = self._tree.size - first
            self._tree, new = self._tree.append(hashes[done : size - first])
            born |= new
            for one in stored:
                if one.size == size:
                    self._checkpoint(one)
            self._meet()
        await self._subtrees(born)

    def _meet(self) -> None:
        """Compares what is held of the size to which the tree has grown."""
        size, root = self._tree.size, self._tree.root
        if any(one.size == size and one.root != root for one in self._held):
            self._say(f"the log of {size} entries differs from the checkpoint held outside")

    def _checkpoint(self, stored: StoredCheckpoint) -> None:
        self.result.checkpoints += 1
        where = f"the checkpoint of {stored.size} entries"
        if stored.root != self._tree.root:
            self._say(f"{where}: its root is not that of the entries")
        try:
            signed = stored.opened(self._terms).checkpoint
        except BadInput as error:
            self._say(f"{where}: {error.message}")
        else:
            if (signed.size, signed.root) != (stored.size, stored.root):
                self._say(f"{where}: what was signed differs from its columns")

    async def _subtrees(self, born: dict[Subtree, bytes]) -> None:
        above = {one: value for one, value in born.items() if one[0] > 0}
        stored = await self._log.subtrees(list(above))
        for (level, index), value in above.items():
            if stored.get((level, index)) != value:
                self._say(f"subtree {index} of level {level} is not that of its entries")

    async def _ends(self) -> None:
        size = self._tree.size
        newest = await self._log.newest()
        if size and (newest is None or newest.size < size):
            self._say(f"entry {size - 1} is sealed under no checkpoint")
        for one in await self._log.checkpoints(size, LARGEST):
            self._say(f"the log ends at {size}, before its checkpoint of {one.size}")
        for held in self._held:
            if held.size > size:
                self._say(
                    f"the log ends at {size}, before the checkpoint held outside, {held.size}"
                )

    async def _astray(self) -> None:
        for one in await self._log.astray("nowhere", _NAMED):
            self._say(f"entry {one} is neither sealed nor waiting for it")
        for one in await self._log.astray("strays", _NAMED):
            self._say(f"there are pieces of {one}, and no such entry")
        for one in await self._log.astray("timeline", _NAMED):
            self._say(
                f"entry {one}: auditors find it by another person or time than its record tells"
            )
        for one in await self._log.astray("touched", _NAMED):
            self._say(f"auditors find {one} by some thing, and there is no such act")


def _placed(entry: StoredEntry) -> tuple[int, str]:
    """Its place in the log, and how it is spoken of."""
    return entry.row["leaf_index"], f"entry {entry.row['leaf_index']}"


def _waiting(entry: StoredEntry, place: int) -> tuple[int, str]:
    """The place that it waits for, later than all that is sealed."""
    return place, f"unsealed entry {entry.row['leaf_id']}"
