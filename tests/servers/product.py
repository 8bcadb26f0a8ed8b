"""The program itself for the tests: the case file in a database, and a server that speaks real HTTP."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import psycopg
import uvicorn

from copilot.api.server import configure, create_app
from copilot.app import build
from copilot.commands.asker import as_asker, principals
from copilot.ingest.reader import read
from copilot.settings import Settings
from copilot.tokens import issue
from policy.principal import Principal

CASE_FILE = Path(__file__).resolve().parents[2] / "eval" / "casefile"
SECRET = "a secret of at least thirty-two bytes"


def people() -> dict[str, Principal]:
    """The principals of the case file, by name."""
    return dict(principals(CASE_FILE / "principals.json"))


async def load_case_file(settings: Settings) -> None:
    """Takes the case file in as its ingester; every document must be taken."""
    lead = people()["lead"]
    async with build(settings) as copilot:
        documents = read([CASE_FILE / "documents"], tenant=lead.tenant, default_label=None)
        report = await copilot.ingest(as_asker(lead), documents)
    assert report.rejected == ()


def keep(url: str) -> None:
    """Settles a database that is to be cloned: statistics are gathered once, for all its clones."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveServer:
    """A running server, and a bearer token for each principal of the case file."""

    base_url: str
    tokens: dict[str, str]


@contextmanager
def serve(settings: Settings, *, demo: bool = False) -> Iterator[LiveServer]:
    """The program over HTTP, in a thread with an event loop of its own."""
    settings = replace(settings, jwt_secret=SECRET)
    started: Future[uvicorn.Server] = Future()

    async def run() -> None:
        async with build(settings) as copilot:
            app = create_app(copilot, demo_principals=people() if demo else None)
            server = uvicorn.Server(configure(app, "127.0.0.1", 0))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(server.serve)
                while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
                    await anyio.sleep(0.01)
                started.set_result(server)

    def thread() -> None:
        try:
            anyio.run(run)
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    worker = threading.Thread(target=thread)
    worker.start()
    server = started.result(timeout=60)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        tokens = {
            name: issue(who, SECRET, audience=settings.jwt_audience)
            for name, who in people().items()
        }
        yield LiveServer(base_url=f"http://127.0.0.1:{port}", tokens=tokens)
    finally:
        server.should_exit = True
        worker.join(30)
