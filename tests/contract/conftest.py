"""Both policy engines, each at one second of its own choosing; and every store."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from policy.embedded import EmbeddedEngine
from policy.opa_server import OpaServerEngine
from policy.rego_engine import RegoEngine
from tests.contract.stores import Opened, copies, in_neo4j, memory, postgres
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


@pytest.fixture(params=["memory", "postgres", "copies", "neo4j", "neo4j, names in memory"])
def opened(request: pytest.FixtureRequest) -> Opened:
    if request.param == "memory":
        return memory
    if request.param.startswith("neo4j"):
        url, server = map(request.getfixturevalue, ("database_url", "neo4j"))
        return partial(in_neo4j, url, server, in_memory=request.param != "neo4j")
    if request.param == "copies":
        return partial(copies, request.getfixturevalue("database_url"))
    return partial(postgres, request.getfixturevalue("database_url"))
