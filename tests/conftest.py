"""Fixtures for real servers and shared data, and the rule that no test may be skipped."""

import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from copilot.telemetry import OWN_LOGGERS
from tests.servers import neo4j as neo4j_server
from tests.servers import once, opa
from tests.servers import postgres as postgres_server

if TYPE_CHECKING:
    from copilot.acts import Copilot
    from copilot.settings import Settings
    from retrieval.stores.postgres.database import Database
    from tests.servers.product import LiveServer

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = Path(os.environ.get("COPILOT_SHARED_DATA") or ROOT.parent / "shared" / "data")

# How long an example takes tells of the machine, which does other things as well.
hypothesis.settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def opened_quickly() -> Iterator[None]:
    """Opening the product reads model and policy once in a process."""
    with once.read_once():
        yield


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Puts logging back: a command that a test runs sends it to a stream that is closed after the test."""
    own = [logging.getLogger(name) for name in OWN_LOGGERS]
    root = logging.getLogger()
    handlers, levels = root.handlers[:], [one.level for one in (root, *own)]
    yield
    root.handlers = handlers
    for one, level in zip((root, *own), levels, strict=True):
        one.setLevel(level)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public corpora; where COPILOT_SHARED_DATA names them they must be there."""
    if not SHARED_DATA.is_dir():
        pytest.fail(f"COPILOT_SHARED_DATA={SHARED_DATA} is not a folder")
    return SHARED_DATA


@pytest.fixture(scope="session")
def opa_binary() -> Path:
    return opa.binary()


@pytest.fixture(scope="session")
def opa_server_url() -> Iterator[str]:
    """An OPA server without a policy: who uses it publishes one."""
    with opa.serve() as url:
        yield url


@pytest.fixture(scope="session")
def neo4j() -> "Iterator[neo4j_server.Neo4jServer]":
    """A real Neo4j. It has one graph: whoever projects into it begins by emptying it."""
    with neo4j_server.serve() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URI of a real Postgres whose template database has every migration."""
    from copilot.migrate import migrate

    with (
        tempfile.TemporaryDirectory(prefix="copilot-") as directory,
        postgres_server.start(Path(directory)) as uri,
    ):
        postgres_server.template(uri, migrate)
        yield uri


@pytest.fixture
def database_url(postgres: str) -> Iterator[str]:
    """The URI of a migrated database of this test's own."""
    uri = postgres_server.clone(postgres)
    yield uri
    postgres_server.drop(postgres, uri)


@pytest.fixture
def owner(database_url: str) -> "Iterator[postgres_server.Owner]":
    """Who owns it."""
    with postgres_server.owned(database_url) as connection:
        yield connection


@pytest.fixture
async def database(database_url: str) -> "AsyncIterator[Database]":
    """Its serving roles, opened."""
    from retrieval.stores.postgres.database import Database

    opened = Database(database_url, timeout_s=5)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The exported embedder, made once for all runs on this machine."""
    from retrieval.embedding import load

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    models = cache / "copilot-tests" / "models"
    load(models).close()
    return models


@pytest.fixture
def settings(database_url: str, models_dir: Path, tmp_path: Path) -> "Settings":
    """The product on a database of this test's own, with nothing in it."""
    return _settings(database_url, models_dir, tmp_path)


@pytest.fixture
async def copilot(settings: "Settings") -> "AsyncIterator[Copilot]":
    """The opened product over `settings`."""
    from copilot.app import build

    async with build(settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def case_file_template(
    postgres: str, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The URI of a database into which the case file was taken once; clone it, leave it as it is."""
    import anyio

    from tests.servers.product import keep, load_case_file

    uri = postgres_server.clone(postgres)
    anyio.run(load_case_file, _settings(uri, models_dir, tmp_path_factory.mktemp("casefile")))
    keep(uri)
    return uri


@pytest.fixture
def case_file(postgres: str, case_file_template: str) -> Iterator[str]:
    """The URI of a database of this test's own that holds the case file."""
    uri = postgres_server.clone(postgres, case_file_template)
    yield uri
    postgres_server.drop(postgres, uri)


@pytest.fixture(scope="module")
def live_server(
    postgres: str,
    case_file_template: str,
    models_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> "Iterator[LiveServer]":
    """The program over HTTP with the case file, in a database of the module's own."""
    from tests.servers.product import serve

    uri = postgres_server.clone(postgres, case_file_template)
    settings = _settings(uri, models_dir, tmp_path_factory.mktemp("live"))
    with serve(settings) as server:
        yield server
    postgres_server.drop(postgres, uri)


def _settings(uri: str, models_dir: Path, data_dir: Path) -> "Settings":
    from copilot.settings import Settings

    # A machine that stands still for a second is no failing policy engine.
    return Settings(
        data_dir=data_dir, models_dir=models_dir, database_url=uri, policy_timeout_s=10.0
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what reads the shared data where nobody said that it must be there."""
    if SHARED_DATA.is_dir() or "COPILOT_SHARED_DATA" in os.environ:
        return
    without = [item for item in items if "shared_data" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A skipped test hides a defect: under COPILOT_TEST_STRICT it fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or "COPILOT_TEST_STRICT" not in os.environ:
        return
    if skipped := reporter.stats.get("skipped"):
        reporter.write_line(f"\n{len(skipped)} skipped: here every test must run", red=True)
        session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
