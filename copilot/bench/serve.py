"""`copilot bench serve`: how soon a serving process is ready, and how much memory it holds.

It starts `copilot serve` as a process of its own over a data directory with 100,000 chunks (that of `bench
governance`), and over one with the small corpus that those were made of. What it holds at a million chunks
`bench scale` measures.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import httpx2

from copilot.bench.large import CHUNKS, holding, questions, stocked
from copilot.bench.memory import resident_mb
from copilot.bench.recombined import READER
from copilot.bench.report import Figure, Report, percentile
from copilot.data_files import folder
from copilot.settings import Settings
from copilot.tokens import issue
from policy.errors import CopilotError, Misconfigured
from retrieval.stores.postgres.embedded import leave

_READY_S, _RESIDENT_MB = 3.0, 700.0
_STARTS = 3
_QUESTIONS = 30
_PATIENCE_S = 60.0
_LOADING_S = 120.0
_PAUSE_S = 0.01
_SETTLED_S = 2.0
_OTHERS = (
    *("DATABASE_URL", "OPA_URL", "NEO4J_URL", "ANTHROPIC_API_KEY", "COPILOT_JWKS_URL"),
    "PYTHONDONTWRITEBYTECODE",
)
"""What is measured is the embedded default, which keeps its bytecode: the first start writes it."""


async def run(settings: Settings) -> Report:
    """The first run makes the corpora, which takes some minutes; later ones find them."""
    _require_proc()
    report = Report(name="serve")
    settings = replace(settings, database_url=None)
    small = await _measured(replace(settings, data_dir=settings.data_dir / "bench-serve"), 0)
    large = await _measured(holding(settings, CHUNKS), CHUNKS)
    figures(report, small, large)
    return report


def _require_proc() -> None:
    if not Path("/proc/self/status").exists():
        raise Misconfigured("bench serve reads memory from /proc, which this system does not have")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One data directory. Seconds to readiness by start; megabytes of the process, Postgres not among them."""

    chunks: int
    stopped_s: Sequence[float]
    """With the embedded Postgres stopped before."""
    running_s: Sequence[float]
    """With it running already."""
    fresh_mb: float
    asked_mb: float
    """After all questions were searched and asked, and vectors read into memory."""
    search_ms: Sequence[float]


def figures(report: Report, small: Measured, large: Measured) -> None:
    """The quickest of some starts: whatever else the machine does only adds."""
    grown = (large.asked_mb - small.asked_mb) / (large.chunks - small.chunks)
    report.figures |= {
        "ready_postgres_stopped": Figure(value=min(large.stopped_s), unit="s", goal=_READY_S),
        "ready_postgres_running": Figure(value=min(large.running_s), unit="s", goal=_READY_S),
        "resident_when_ready": Figure(value=large.fresh_mb, unit="MB"),
        "resident_small": Figure(value=small.asked_mb, unit="MB"),
        "resident": Figure(value=large.asked_mb, unit="MB", goal=_RESIDENT_MB),
        "resident_per_1000_chunks": Figure(value=round(1000 * grown, 3), unit="MB"),
        "search_p50": Figure(value=percentile(large.search_ms, 0.5), unit="ms"),
    }
    report.environment |= {"chunks": large.chunks, "chunks_small": small.chunks, "starts": _STARTS}


async def _measured(settings: Settings, chunks: int) -> Measured:
    settings = replace(settings, jwt_secret=secrets.token_hex(32), jwks_url=None)
    held = await stocked(settings, chunks)
    leave(settings.data_dir)
    stopped, running = [], []
    for _ in range(_STARTS):
        with _served(settings) as first:
            stopped.append(await first.ready())
            with _served(settings) as second:
                running.append(await second.ready())
    with _served(settings) as server:
        await server.ready()
        fresh = server.resident_mb()
        taken = await _asked(server, settings)
        return Measured(
            chunks=held,
            stopped_s=stopped,
            running_s=running,
            fresh_mb=fresh,
            asked_mb=server.resident_mb(),
            search_ms=taken,
        )


class _Server:
    """A serving process, from its start on."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self._process = process
        self._begun = time.perf_counter()
        self.url = f"http://127.0.0.1:{port}"

    async def ready(self) -> float:
        """Seconds from the start of the process to its first answer that it is ready."""
        async with httpx2.AsyncClient(timeout=_PATIENCE_S) as client:
            while self._process.poll() is None and self._seconds() < _PATIENCE_S:
                with suppress(httpx2.TransportError):
                    if (await client.get(f"{self.url}/readyz")).status_code == 200:
                        return round(self._seconds(), 3)
                await anyio.sleep(_PAUSE_S)
        raise CopilotError("copilot serve was not ready in time; start it by hand to see why")

    def resident_mb(self) -> float:
        return resident_mb(self._process.pid)

    def _seconds(self) -> float:
        return time.perf_counter() - self._begun


@contextmanager
def _served(settings: Settings) -> Iterator[_Server]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "copilot", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=_environment(settings), stderr=subprocess.DEVNULL)
    try:
        yield _Server(process, port)
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def _environment(settings: Settings) -> dict[str, str]:
    own = {
        "COPILOT_DATA_DIR": str(settings.data_dir),
        "COPILOT_MODELS_DIR": str(settings.models_dir),
        "COPILOT_EMBEDDING_MODEL": settings.embedding_model or "",
        "COPILOT_JWT_SECRET": settings.jwt_secret or "",
        "COPILOT_RATE_LIMIT": "0",
    }
    return {name: value for name, value in os.environ.items() if name not in _OTHERS} | own


async def _asked(server: _Server, settings: Settings) -> list[float]:
    """Milliseconds of each search; twice all of them, until the process holds no more than before."""
    token = issue(
        READER, settings.jwt_secret, audience=settings.jwt_audience, issuer=settings.jwt_issuer
    )
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=_PATIENCE_S) as client:
        await _settled(server, client)
        for question in questions(_QUESTIONS):
            await _post(client, server.url, "Ask", question)
        return [await _search(client, server.url, question) for question in questions(_QUESTIONS)]


async def _settled(server: _Server, client: httpx2.AsyncClient) -> None:
    """A first question makes the process read vectors into memory; this waits for the end of it."""
    until = time.monotonic() + _LOADING_S
    before = 0.0
    while time.monotonic() < until and server.resident_mb() > before + 1:
        before = server.resident_mb()
        await _post(client, server.url, "Search", questions(_QUESTIONS)[0])
        await anyio.sleep(_SETTLED_S)


async def _search(client: httpx2.AsyncClient, url: str, question: str) -> float:
    begun = time.perf_counter()
    await _post(client, url, "Search", question)
    return round((time.perf_counter() - begun) * 1000, 2)


async def _post(client: httpx2.AsyncClient, url: str, name: str, question: str) -> None:
    text = (folder("graphql") / "operations" / f"{name}.graphql").read_text("utf-8")
    sent = {"query": text, "variables": {"question": question}}
    response = await client.post(f"{url}/graphql", json=sent)
    found: Mapping[str, Any] = response.raise_for_status().json()["data"][name.lower()]
    if found["__typename"] not in {"SearchResult", "Answer", "NotFound"}:
        raise CopilotError(f"{name} gave {found['__typename']}: {found.get('text')}")
