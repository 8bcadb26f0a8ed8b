"""Verification in place: whether the stored log is the one that was written, sealed and signed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from copilot.ledger import columns
from copilot.ledger.proofs.checkpoint import LARGEST, Checkpoint
from copilot.ledger.proofs.keys import VerifierKey
from copilot.ledger.proofs.merkle import EMPTY_ROOT, CompactRange, Subtree
from copilot.ledger.stored import StoredCheckpoint, StoredEntry, StoredLog, stored_log
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
    """Openings that are gone: their commitments still stand in the leaves."""
    root: str = EMPTY_ROOT.hex()
    """Of all sealed entries; lower-case hex."""
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """One line for whoever ran it; erasures are said, since nothing else shows them."""
        if self.problems:
            return f"ledger NOT verified: {len(self.problems)} problems, first: {self.problems[0]}"
        erased = f", {self.erased} openings erased" if self.erased else ""
        return (
            f"ledger verified: {self.entries} entries, {self.sealed} of them sealed under "
            f"{self.checkpoints} checkpoints{erased}, root {self.root[:16]}…"
        )


async def verify(
    url: str, held: Sequence[Checkpoint] = (), trusted: VerifierKey | None = None
) -> Verification:
    """Recomputes every leaf, opening, subtree and root, and compares with checkpoints held outside.

    `trusted` is a key from elsewhere that must have signed the newest checkpoint: the log's own list of keys could
    have been changed with it. Unavailable where the database does not answer.
    """
    async with stored_log(url) as log:
        work = _Work(log, held)
        await work.run(trusted)
    return work.result


class _Work:
    def __init__(self, log: StoredLog, held: Sequence[Checkpoint]) -> None:
        self.result = Verification()
        self._log = log
        self._held = held
        self._keys: list[VerifierKey] = []
        self._tree = CompactRange()

    async def run(self, trusted: VerifierKey | None) -> None:
        await self._read_keys(trusted)
        async for batch in self._log.batches("leaves"):
            for place, entry in enumerate(batch, self._tree.size):
                self._entry(entry, f"entry {entry.row['leaf_index']}")
                if entry.row["leaf_index"] != place:
                    self._say(f"entry {entry.row['leaf_index']} stands in place {place}")
            await self._grow(batch)
        self.result.sealed, self.result.root = self._tree.size, self._tree.root.hex()
        async for batch in self._log.batches("unsealed"):
            for entry in batch:
                self._entry(entry, f"unsealed entry {entry.row['leaf_id']}")
        await self._ends()
        await self._astray()

    async def _read_keys(self, trusted: VerifierKey | None) -> None:
        try:
            self._keys = await self._log.keys()
        except BadInput as error:
            self._say(f"a key of the log: {error.message}")
        if trusted is not None and trusted not in self._keys:
            self._say(f"{trusted.label} is none of the keys that signed this log")

    def _say(self, problem: str) -> None:
        self.result.problems.append(problem)

    def _entry(self, entry: StoredEntry, where: str) -> None:
        found, erased = columns.problems(entry, where)
        self.result.entries += 1
        self.result.erased += erased
        self.result.problems += found

    async def _grow(self, batch: Sequence[StoredEntry]) -> None:
        """Adds the batch to the tree, and looks at each size for which there is a checkpoint."""
        first, hashes = self._tree.size, [one.row["hash"] for one in batch]
        to = first + len(hashes)
        stored = await self._log.checkpoints(first, to)
        held = [one for one in self._held if first < one.size <= to]
        born: dict[Subtree, bytes] = {}
        for size in sorted({*(one.size for one in stored), *(one.size for one in held), to}):
            done = self._tree.size - first
            self._tree, new = self._tree.append(hashes[done : size - first])
            born |= new
            for one in stored:
                if one.size == size:
                    self._checkpoint(one)
            if any(one.size == size and one.root != self._tree.root for one in held):
                self._say(f"the log of {size} entries differs from the checkpoint held outside")
        await self._subtrees(born)

    def _checkpoint(self, stored: StoredCheckpoint) -> None:
        self.result.checkpoints += 1
        where = f"the checkpoint of {stored.size} entries"
        if stored.root != self._tree.root:
            self._say(f"{where}: its root is not that of the entries")
        try:
            signed = stored.opened(self._keys).checkpoint
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
