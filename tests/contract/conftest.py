"""Both policy engines, each at one second of its own choosing."""

from collections.abc import AsyncIterator

import pytest

from policy.embedded import EmbeddedEngine
from policy.opa_server import OpaServerEngine
from policy.rego_engine import RegoEngine
from tests.contract.vectors import INSTALLATION, NOW_NS


@pytest.fixture(scope="module", params=["embedded", "server"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[RegoEngine]:
    if request.param == "embedded":
        embedded = EmbeddedEngine(installation=INSTALLATION, clock=lambda: NOW_NS)
        yield embedded
        await embedded.close()
        return
    url = request.getfixturevalue("opa_server_url")
    server = OpaServerEngine(url, timeout=10, installation=INSTALLATION, clock=lambda: NOW_NS)
    await server.publish()
    yield server
    await server.close()
