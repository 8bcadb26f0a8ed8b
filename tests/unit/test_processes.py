"""Forks: one that is killed is replaced; one that ends by itself, or their parent, takes all with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_PATIENCE_S = 30.0
_WAITS = """
async def work():
    Path(folder, str(os.getpid())).touch()
    await asyncio.sleep(60)
"""
_FAILS = """
async def work():
    try:
        Path(folder, "1").touch(exist_ok=False)
    except FileExistsError:
        await asyncio.sleep(60)
    raise Misconfigured("there is no model")
"""
_PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from copilot import processes
from policy.errors import Misconfigured
folder = sys.argv[1]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
{work}
sys.exit(processes.run(2, work))
"""


@contextmanager
def running(work: str, folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """A program with two forks that do this work; each writes its id into the folder."""
    command = [sys.executable, "-c", _PROGRAM.format(work=work), str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        for one in alive(folder):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)


def alive(folder: Path) -> set[int]:
    """The forks that run; one that has ended and is not taken note of yet does not."""
    stats = {int(one.name): Path(f"/proc/{one.name}/stat") for one in folder.iterdir()}
    return {pid for pid, stat in stats.items() if stat.exists() and _runs(stat)}


def _runs(stat: Path) -> bool:
    with suppress(OSError):
        return stat.read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    return False


def awaited(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_fork_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with running(_WAITS, tmp_path):
        awaited(lambda: len(alive(tmp_path)) == 2)
        first, second = sorted(alive(tmp_path))
        os.kill(first, signal.SIGKILL)
        awaited(lambda: len(alive(tmp_path) - {first}) == 2)
        os.kill(second, signal.SIGTERM)
        awaited(lambda: len(alive(tmp_path) - {first, second}) == 2)


def test_a_fork_that_ends_by_itself_ends_all_and_says_why(tmp_path: Path) -> None:
    with running(_FAILS, tmp_path) as process:
        _, said = process.communicate(timeout=_PATIENCE_S)
        assert process.returncode == 1
        assert said == "copilot: there is no model\n"


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGKILL])
def test_the_forks_end_with_their_parent(tmp_path: Path, way: signal.Signals) -> None:
    with running(_WAITS, tmp_path) as process:
        awaited(lambda: len(alive(tmp_path)) == 2)
        process.send_signal(way)
        awaited(lambda: not alive(tmp_path))
        assert process.wait(_PATIENCE_S) == (143 if way == signal.SIGTERM else -way)


_HEAPS = """
import ctypes, sys, threading
from copilot import processes
if sys.argv[1] == "shared":
    processes.share_heaps()
held, ready = [], threading.Barrier(9)
def work():
    held.append([bytes(1000 + n) for n in range(2000)])
    ready.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[one.start() for one in threads]
ready.wait()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
libc.fclose.argtypes = [ctypes.c_void_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.parametrize(("way", "most"), [("shared", 2), ("apart", 64)])
def test_threads_share_two_heaps_where_told(tmp_path: Path, way: str, most: int) -> None:
    told = tmp_path / "heaps.xml"
    subprocess.run([sys.executable, "-c", _HEAPS, way, str(told)], check=True, timeout=60)
    heaps = told.read_text("ascii").count("<heap nr=")
    assert heaps <= most
    assert (heaps > 2) is (way == "apart")
