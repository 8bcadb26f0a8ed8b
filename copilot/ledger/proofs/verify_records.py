"""The records of a bundle as one: their tree, their order, the scopes they share, and what was erased of them."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from copilot.ledger.proofs.bundle import LONGEST_LINE, RECORDS
from copilot.ledger.proofs.lines import Batch, Checked, Gone, Tree, check, place
from copilot.ledger.proofs.merkle import CompactRange

_AHEAD = 3
"""Batches for each process that wait or are done."""
_NEVER_ERASED = "index"
"""When, for which tenant and under which label: an erasure that takes it explains nothing."""

Report = Callable[[str], None]


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
    _last: int = -1
    _missing: list[Gone] = field(default_factory=list)
    _erased: dict[tuple[str, str], int] = field(default_factory=dict)
    _scopes: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, checked: Checked) -> None:
        for problem in checked.problems:
            self.report(problem)
        if self.whole:
            self._grow(checked.leaf_hashes)
        else:
            self._follow(checked.indices)
        self.records += checked.records
        self._missing += checked.missing
        for one in checked.erased:
            self._erased[one.ledger_id, one.name] = one.leaf_index
        self._compare_scopes(checked)

    def missing(self) -> tuple[int, Iterator[Gone]]:
        """How many openings an erasure explains that came later, and those that none does."""
        explained = sum(map(self._is_explained, self._missing))
        return explained, (one for one in self._missing if not self._is_explained(one))

    def _is_explained(self, one: Gone) -> bool:
        erased_at = self._erased.get((one.ledger_id, one.name), -1)
        return one.name != _NEVER_ERASED and erased_at > one.leaf_index

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

    More than one process share the lines, and are started anew: the program's main module must bear being imported.
    """
    found = Records(whole=whole, report=report, sizes=deque(sorted(set(sizes))))
    batches = _batches(blocks, whole, tree, report)
    for checked in _side_by_side(batches, processes) if processes > 1 else map(check, batches):
        found.take(checked)
    found.take(Checked())
    return found


def _side_by_side(batches: Iterator[Batch], processes: int) -> Iterator[Checked]:
    """In the order of the batches, of which no more than a few are in memory."""
    # Only here: it brings sockets, which whoever checks alone does without.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting = deque(pool.submit(check, one) for one in islice(batches, _AHEAD * processes))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(check, one) for one in islice(batches, 1))


def _batches(
    blocks: Iterable[bytes], whole: bool, tree: Tree | None, report: Report
) -> Iterator[Batch]:
    """Whole lines, a megabyte or one line at a time; what is too long for a line is passed over."""
    first = 0
    for data in _whole_lines(blocks, report):
        yield Batch(first, data, whole, tree)
        first += data.count(b"\n")


def _whole_lines(blocks: Iterable[bytes], report: Report) -> Iterator[bytes]:
    """Lines as they come, many or one; for one that is too long an empty one, so that the others keep their numbers."""
    rest, too_long = b"", False
    for block in blocks:
        if too_long:
            _, newline, block = block.partition(b"\n")
            too_long = not newline
        lines, newline, begun = block.rpartition(b"\n")
        if newline:
            yield rest + lines + newline
            rest = b""
        rest += b"" if too_long else begun
        if len(rest) > LONGEST_LINE:
            report(f"{RECORDS}: a line is longer than {LONGEST_LINE} bytes")
            yield b"\n"
            rest, too_long = b"", True
    if rest:
        report(f"{RECORDS}: its last line is not ended by a newline")
        yield rest + b"\n"
