"""Servers over one fake Copilot, each on a real port for the whole run.

`server` takes any operation, so that what stands behind the allow-list is seen; `production` is as
`copilot serve` comes, and `demo` as `copilot demo`.
"""

from collections.abc import Iterator

import pytest

from copilot.api.server import create_app
from copilot.settings import Settings
from tests.unit.api.fakes import ANN, DESK, LEE, SECRET, FakeCopilot, with_settings
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
def shared_production(shared: FakeCopilot) -> Iterator[str]:
    settings = Settings(jwt_secret=SECRET, allowed_origins=(DESK,))
    with running(create_app(with_settings(shared, settings))) as url:
        yield url


@pytest.fixture(scope="session")
def shared_demo(shared: FakeCopilot) -> Iterator[str]:
    with running(create_app(shared, demo_principals={"ann": ANN, "lee": LEE})) as url:
        yield url


@pytest.fixture
def server(shared_server: str, copilot: FakeCopilot) -> str:
    return shared_server


@pytest.fixture
def production(shared_production: str, copilot: FakeCopilot) -> str:
    return shared_production


@pytest.fixture
def demo(shared_demo: str, copilot: FakeCopilot) -> str:
    return shared_demo
