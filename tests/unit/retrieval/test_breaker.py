"""The breaker: whoever asks what does not answer is told at once, until a probe was answered."""

from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import pytest

from policy.errors import Unavailable
from retrieval.stores.neo4j.breaker import Breaker

pytestmark = pytest.mark.anyio

LOST = Unavailable("neo4j", "the graph does not answer; nothing was done")


class Server:
    """Answers probes where `up`, and counts them."""

    def __init__(self) -> None:
        self.up = False
        self.probed = 0

    async def probe(self) -> None:
        self.probed += 1
        await anyio.lowlevel.checkpoint()
        if not self.up:
            raise LOST


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def breaker(server: Server) -> AsyncIterator[Breaker]:
    made = Breaker(server.probe, pause_s=0)
    yield made
    await made.close()


async def test_closed_it_lets_everybody_ask(breaker: Breaker, server: Server) -> None:
    breaker.check()
    assert server.probed == 0


async def test_a_loss_stops_everybody_until_a_probe_is_answered(
    breaker: Breaker, server: Server
) -> None:
    breaker.lost(LOST)
    breaker.lost(LOST)
    for _ in range(5):
        with pytest.raises(Unavailable) as caught:
            breaker.check()
        assert caught.value.dependency == "neo4j"
        await anyio.sleep(0.01)
    assert server.probed > 1, "it goes on probing"
    server.up = True
    await anyio.sleep(0.01)
    breaker.check()


async def test_it_opens_again_after_the_next_loss(breaker: Breaker, server: Server) -> None:
    server.up = True
    for _ in range(2):
        breaker.lost(LOST)
        with pytest.raises(Unavailable):
            breaker.check()
        await anyio.sleep(0.01)
        breaker.check()


async def test_what_is_closed_for_good_probes_no_more(server: Server) -> None:
    breaker = Breaker(server.probe, pause_s=0)
    breaker.lost(LOST)
    await anyio.sleep(0.01)
    await breaker.close()
    probed = server.probed
    await anyio.sleep(0.01)
    assert server.probed == probed
