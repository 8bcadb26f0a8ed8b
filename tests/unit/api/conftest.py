"""A server and a demo over one fake Copilot, each on a real port for the whole run."""

from collections.abc import Iterator

import pytest

from copilot.api.server import create_app
from tests.unit.api.fakes import ANN, LEE, FakeCopilot
from tests.unit.api.live import running


@pytest.fixture(scope="session")
def shared() -> FakeCopilot:
    return FakeCopilot()


@pytest.fixture
def copilot(shared: FakeCopilot) -> FakeCopilot:
    """The fake behind `server` and `demo`, as new; its metrics go on counting."""
    vars(shared).update(vars(FakeCopilot(metrics=shared.metrics)))
    return shared


@pytest.fixture(scope="session")
def shared_server(shared: FakeCopilot) -> Iterator[str]:
    with running(create_app(shared)) as url:
        yield url


@pytest.fixture(scope="session")
def shared_demo(shared: FakeCopilot) -> Iterator[str]:
    with running(create_app(shared, demo_principals={"ann": ANN, "lee": LEE})) as url:
        yield url


@pytest.fixture
def server(shared_server: str, copilot: FakeCopilot) -> str:
    return shared_server


@pytest.fixture
def demo(shared_demo: str, copilot: FakeCopilot) -> str:
    return shared_demo
