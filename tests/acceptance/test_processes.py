"""`copilot serve --processes 2`: two processes answer, count and end as one."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.servers.outage import QUESTION, program
from tests.servers.product import SECRET, people
from tests.unit.api.live import operation, post, token

_PATIENCE_S = 60.0
_COUNTED = re.compile(r'^copilot_outcomes_total\{act="search",kind="SearchResult"\} (\S+)$', re.M)


@pytest.fixture
def served(case_file: str, models_dir: Path, tmp_path: Path) -> Iterator[str]:
    env = {
        "DATABASE_URL": case_file,
        "COPILOT_DATA_DIR": str(tmp_path),
        "COPILOT_MODELS_DIR": str(models_dir),
    }
    with program(env, tmp_path, "--processes", "2") as base_url:
        yield base_url


def forks(base_url: str) -> set[int]:
    """The ids of the processes that serve there, without their parent."""
    return {pid for pid, parent in _processes(base_url).items() if parent != os.getpid()}


def _processes(base_url: str) -> dict[int, int]:
    """Of all that were started for this port: the id, and the parent's."""
    port = str(urlsplit(base_url).port).encode()
    found: dict[int, int] = {}
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if port in (one / "cmdline").read_bytes().split(b"\0"):
                found[int(one.name)] = int((one / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def listening(base_url: str) -> int:
    """How many sockets listen there."""
    there = f":{urlsplit(base_url).port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()]
    return sum(row[1].endswith(there) and row[3] == "0A" for row in rows)


def searched(base_url: str) -> str:
    """The kind of what a search gives, over a connection of its own."""
    headers = {"Authorization": f"Bearer {token(people()['lead'], secret=SECRET)}"}
    reply = post(base_url, operation("Search"), {"question": QUESTION}, headers)
    return str(reply.json()["data"]["search"]["__typename"])


def counted(base_url: str) -> int:
    text = httpx2.get(f"{base_url}/metrics", timeout=10).text
    return round(sum(float(one) for one in _COUNTED.findall(text)))


def test_either_of_two_processes_serves_alone_while_the_other_is_replaced(served: str) -> None:
    began = _all_there(served)
    for killed in sorted(began):
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE_S
        # Until then connections still go to it, and end with it; one that dies has no name before it has no sockets.
        while killed in forks(served) or listening(served) > len(forks(served)):
            assert time.monotonic() < deadline
        while len(forks(served) - {killed}) < 2 or listening(served) < 2:
            assert searched(served) == "SearchResult"
            assert time.monotonic() < deadline
    assert not began & _all_there(served)


def test_either_of_two_processes_tells_what_both_have_counted(served: str) -> None:
    _all_there(served)
    assert [searched(served) for _ in range(8)] == ["SearchResult"] * 8
    assert {counted(served) for _ in range(8)} == {8}


def test_no_process_is_left_when_the_service_is_told_to_end(
    case_file: str, models_dir: Path, tmp_path: Path
) -> None:
    env = {"DATABASE_URL": case_file, "COPILOT_MODELS_DIR": str(models_dir)}
    with program(env, tmp_path, "--processes", "2") as base_url:
        _all_there(base_url)
    assert not _processes(base_url)
    assert "Traceback" not in (tmp_path / "serve.log").read_text("utf-8")


def _all_there(base_url: str) -> set[int]:
    """Both forks, once they listen."""
    deadline = time.monotonic() + _PATIENCE_S
    while listening(base_url) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return forks(base_url)
