"""Several processes for one work: forks of one that holds already what they share.

Python computes on one core at a time. A fork begins with all that its parent has in memory, and takes room of
its own only for what it changes; it opens its own connections and has its own event loop.
"""

import asyncio
import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from copilot.reported import reported

logger = logging.getLogger(__name__)
_YOUNG = 50_000
"""Objects made, beyond those that went, before the collector looks for cycles; by default 700."""
_M_ARENA_MAX = -8
"""glibc's name for the number of heaps, in malloc.h."""
_TOLD_TO_END = 128 + signal.SIGTERM
_PAUSE_S = 1.0
_LONGEST_S = 15.0
"""For a fork to end by itself; a server gives requests under way ten seconds."""

Work = Callable[[], Coroutine[Any, Any, None]]


def collect_seldom() -> None:
    """Leaves what is there now to live for ever, and looks for cycles of the rest more seldom.

    What a search makes goes when it ends, without the collector, which otherwise takes a seventh of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)


def share_heaps() -> None:
    """Lets all threads allocate from two heaps; glibc gives each its own, which keeps what large reads left there.

    To be called before there are threads; elsewhere than on glibc it does nothing.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def run(count: int, work: Work) -> int:
    """The work in so many forks, until this process is told to end or a fork ends by itself; gives its exit code.

    A fork that is killed, or told to end, is replaced. No other thread and no event loop may be running here.
    """
    collect_seldom()
    with _ended() as forks:
        forks += [_forked(work) for _ in range(count)]
        while True:
            wait([one.sentinel for one in forks])
            for place, one in enumerate(forks):
                code = one.exitcode
                if code is None:
                    continue
                if code >= 0 and code != _TOLD_TO_END:
                    return code
                logger.error("a process was ended from outside (%d); another takes its place", code)
                time.sleep(_PAUSE_S)
                forks[place] = _forked(work)


@contextmanager
def _ended() -> Iterator[list[BaseProcess]]:
    """Processes, which are told to end when the context does, and killed where they do not."""
    forks: list[BaseProcess] = []
    try:
        yield forks
    finally:
        for one in forks:
            one.terminate()
        _wait_for(forks, time.monotonic() + _LONGEST_S)
        for one in forks:
            one.kill()


def _wait_for(forks: Sequence[BaseProcess], deadline: float) -> None:
    for one in forks:
        one.join(max(deadline - time.monotonic(), 0))


def _forked(work: Work) -> BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=_fork, args=(work,), daemon=True)
    # Until its event loop runs: in between, what a signal raises is lost or leaves things half made.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process


def _fork(work: Work) -> None:
    sys.exit(reported(lambda: asyncio.run(_until_orphaned(work))))


async def _until_orphaned(work: Work) -> int:
    """The work; told to end where the parent has gone without doing so."""
    loop, parent = asyncio.get_running_loop(), multiprocessing.parent_process()
    assert parent is not None  # this is a fork

    def orphaned() -> None:
        loop.remove_reader(parent.sentinel)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(parent.sentinel, orphaned)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    await work()
    return 0
