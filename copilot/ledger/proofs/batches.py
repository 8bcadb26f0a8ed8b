"""The lines of a file, many at a time, shared by several processes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

from copilot.ledger.proofs.bundle import LONGEST_LINE, RECORDS

T = TypeVar("T")
U = TypeVar("U")
Report = Callable[[str], None]

_ALONE = 64
"""Batches that this process does before it starts others, which takes as long as thousands of records."""
_AHEAD = 3
"""Batches for each other process that wait or are under way."""
_DONE = 32
"""Batches that this process may have done while one before them is not."""


def side_by_side(work: Callable[[T], U], batches: Iterator[T], processes: int) -> Iterator[U]:
    """In the order of the batches, of which no more than a few are in memory; this process is one of them."""
    yield from map(work, islice(batches, _ALONE if processes > 1 else None))
    for one in batches:  # once at most: the others take all that follow
        yield from _shared(work, chain([one], batches), processes - 1)


def _shared(work: Callable[[T], U], batches: Iterator[T], others: int) -> Iterator[U]:
    """By other processes, while this one does what they have no room for."""
    # Only here: it brings sockets, which whoever checks alone does without.
    import multiprocessing
    from concurrent.futures import Future, ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(others, mp_context=context) as pool:
        waiting, most = deque[Future[U]](), _AHEAD * others + _DONE
        for one in batches:
            if sum(not each.done() for each in waiting) < _AHEAD * others:
                waiting.append(pool.submit(work, one))
            else:
                waiting.append(Future())
                waiting[-1].set_result(work(one))
            while waiting and (waiting[0].done() or len(waiting) > most):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def whole_lines(blocks: Iterable[bytes], report: Report) -> Iterator[bytes]:
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
