"""The records of a bundle as one: their tree, their order, the scopes they share, and what was erased of them."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from copilot.ledger.proofs.batches import Report, side_by_side, whole_lines
from copilot.ledger.proofs.bundle import RECORDS
from copilot.ledger.proofs.gaps import Gaps
from copilot.ledger.proofs.lines import Batch, Checked, Tree, check, place
from copilot.ledger.proofs.merkle import CompactRange


@dataclass(slots=True)
class Records:
    """What the lines have come to so far."""

    whole: bool
    report: Report
    sizes: deque[int]
    """At which the root is wanted, growing."""
    records: int = 0
    tree: CompactRange = field(default_factory=CompactRange)
    roots: dict[int, bytes] = field(default_factory=dict)
    gaps: Gaps = field(default_factory=Gaps)
    _last: int = -1
    _scopes: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, checked: Checked) -> None:
        for problem in checked.problems:
            self.report(problem)
        if self.whole:
            self._grow(checked.leaf_hashes)
        else:
            self._follow(checked.indices)
        self.records += checked.records
        self.gaps.add(checked.gaps)
        self._compare_scopes(checked)

    def _grow(self, leaf_hashes: Sequence[bytes]) -> None:
        """By the leaves, stopping at each size whose root is wanted."""
        self._keep_root()
        begin = 0
        while begin < len(leaf_hashes):
            end = begin + (self.sizes[0] - self.tree.size if self.sizes else len(leaf_hashes))
            self.tree, _ = self.tree.append(leaf_hashes[begin:end])
            self._keep_root()
            begin = end

    def _keep_root(self) -> None:
        if self.sizes and self.sizes[0] == self.tree.size:
            self.roots[self.sizes.popleft()] = self.tree.root

    def _follow(self, indices: Iterable[int]) -> None:
        for index in indices:
            if index <= self._last:
                self.report(f"{RECORDS}: the index {index} is there twice, or out of order")
            self._last = max(index, self._last)

    def _compare_scopes(self, checked: Checked) -> None:
        for scope, number in checked.brought.items():
            self._scopes.setdefault(scope, number)
        for scope, number in checked.named.items():
            if self._scopes.get(scope, number + 1) > number:
                self.report(
                    f"{place(number)}: no record up to it brings its scope {scope[0]!r:.80}"
                )


def verify_records(
    blocks: Iterable[bytes],
    *,
    whole: bool,
    tree: Tree | None,
    sizes: Collection[int],
    processes: int,
    report: Report,
) -> Records:
    """Checks all lines; `sizes` are those of checkpoints to which a whole log's root is wanted.

    More than one process share the lines where they are many, and are started anew: the program's main
    module must bear being imported.
    """
    found = Records(whole=whole, report=report, sizes=deque(sorted(set(sizes))))
    batches = _batches(blocks, whole, tree, report)
    for checked in side_by_side(check, batches, processes):
        found.take(checked)
    found.take(Checked())
    return found


def _batches(
    blocks: Iterable[bytes], whole: bool, tree: Tree | None, report: Report
) -> Iterator[Batch]:
    """Whole lines, 256 kB or one line at a time; what is too long for a line is passed over."""
    first = 0
    for data in whole_lines(blocks, report):
        yield Batch(first, data, whole, tree)
        first += data.count(b"\n")
