"""`copilot serve` over a Neo4j that can be struck down, and clients that ask it all the while."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.servers.neo4j import _free_port
from tests.servers.product import SECRET
from tests.unit.api.live import OPERATIONS

QUESTION = "Which vessels berthed at Kestrel Quay in February 2024?"
_START_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one request gave; times are those of `time.monotonic`."""

    client: str
    began: float
    ended: float
    result: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def kind(self) -> str:
        return str(self.result.get("__typename"))

    @property
    def noticed(self) -> bool:
        """Whether it says that it was found without the graph."""
        said = self.result.get("notice") or self.result.get("text") or ""
        return "The graph did not answer" in said


@contextmanager
def program(env: Mapping[str, str], folder: Path, *options: str) -> Iterator[str]:
    """The base URL of the program, in a process of its own."""
    port = _free_port()
    command = [sys.executable, "-m", "copilot", "serve", "--port", str(port), *options]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **env, "COPILOT_JWT_SECRET": SECRET, "COPILOT_RATE_LIMIT": "0"},
            stdout=log,
            stderr=log,
        )
    try:
        _await(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(url, timeout=5).raise_for_status()
            return
        except httpx2.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("the program did not start")


@dataclass(slots=True)
class Load:
    """Clients that ask one after the other until `stop`."""

    base_url: str
    replies: list[Reply] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def client(self, name: str, token: str, operation: str) -> None:
        thread = threading.Thread(target=self._ask, args=(name, token, operation))
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(60)

    def since(self, moment: float) -> list[Reply]:
        """Those to requests that began later."""
        return [one for one in list(self.replies) if one.began > moment]

    def until(
        self, holds: Callable[[Sequence[Reply]], bool], moment: float, seconds: float
    ) -> float:
        """Waits until it holds of the replies since the moment; gives how long after that. TimeoutError."""
        while not holds(self.since(moment)):
            if time.monotonic() > moment + seconds:
                raise TimeoutError([(one.client, one.kind) for one in self.since(moment)][-20:])
            time.sleep(0.05)
        return time.monotonic() - moment

    def _ask(self, name: str, token: str, operation: str) -> None:
        query = (OPERATIONS / f"{operation}.graphql").read_text("utf-8")
        body = {"query": query, "variables": {"question": QUESTION}}
        with httpx2.Client(timeout=60, headers={"Authorization": f"Bearer {token}"}) as client:
            while not self._ended.is_set():
                began = time.monotonic()
                said = client.post(f"{self.base_url}/graphql", json=body).json()
                result = next(iter((said.get("data") or {}).values()), None) or {
                    "__typename": "error",
                    "text": str(said),
                }
                reply = Reply(client=name, began=began, ended=time.monotonic(), result=result)
                self.replies.append(reply)
