"""What is held begins and ends to the second, and a decision says until when it can be kept."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from policy import Asker, Authority, Classification, Grant, Label, Principal
from policy.embedded import EmbeddedEngine
from policy.opa_server import OpaServerEngine
from policy.rego_engine import RegoEngine
from tests.contract import oracle
from tests.contract.vectors import NOW, a_label, an_asker

pytestmark = pytest.mark.anyio


class Clock:
    """Nanoseconds since the epoch, as the test says."""

    now_ns = NOW * 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def at(self, second: int, ns: int = 0) -> None:
        self.now_ns = second * 1_000_000_000 + ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["embedded", "server"])
async def timed(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[RegoEngine]:
    if request.param == "embedded":
        engine: RegoEngine = EmbeddedEngine(clock=clock)
    else:
        url = request.getfixturevalue("opa_server_url")
        engine = OpaServerEngine(url, timeout=10, clock=clock)
        await engine.publish()
    yield engine
    await engine.close()


ANN = Principal(sub="ann", tenant="t1", clearance=Classification.S, nationality="USA", acr="strong")
LEGAL = Label(tenant="t1", classification=Classification.S, authorities=frozenset(["LEGAL"]))
PERSONAL = Label(tenant="t1", classification=Classification.S, handling=frozenset(["PII"]))
TOP = Label(tenant="t1", classification=Classification.TS)
GRANT = Grant(
    grant_id="g",
    clearance=Classification.TS,
    compartments=frozenset(),
    authorities=frozenset(["LEGAL"]),
    not_after=NOW,
)

Change = Callable[[Principal], Principal]
EDGES: list[tuple[Change, Label, int, bool]] = [
    (lambda who: replace(who, auth_time=NOW - 3601), PERSONAL, NOW, False),
    (
        lambda who: replace(who, authorities=frozenset([Authority(name="LEGAL", not_before=NOW)])),
        LEGAL,
        NOW,
        True,
    ),
    (
        lambda who: replace(who, authorities=frozenset([Authority(name="LEGAL", not_after=NOW)])),
        LEGAL,
        NOW,
        False,
    ),
    (lambda who: replace(who, grants=(GRANT,)), LEGAL, NOW, False),
    (lambda who: replace(who, grants=(GRANT,)), TOP, NOW, False),
    (lambda who: replace(who, auth_time=NOW + 60), PERSONAL, NOW, True),
]
"""A principal, a label, and the second from which it is open or closed, having been the other."""


@pytest.mark.parametrize(("change", "label", "second", "opens"), EDGES)
async def test_an_edge_lies_between_two_nanoseconds(
    timed: RegoEngine, clock: Clock, change: Change, label: Label, second: int, opens: bool
) -> None:
    asker = Asker(principal=change(ANN), purpose="x")
    for ns in (0, 1, 999_999_872, 999_999_999):
        clock.at(second - 1, ns)
        before = await timed.readable(asker, [label])
        assert before.positions == (frozenset() if opens else {0})
        assert before.until_s == second
        clock.at(second, ns)
        assert (await timed.readable(asker, [label])).positions == ({0} if opens else frozenset())


async def test_nothing_changes_before_until_and_it_is_the_first_second_that_may(
    timed: RegoEngine, clock: Clock
) -> None:
    draw = random.Random(17)
    labels = [a_label(draw, ["t1"]) for _ in range(60)]
    moved = 0
    for _ in range(150):
        asker = an_asker(draw, ["t1"])
        clock.at(NOW, draw.randrange(1_000_000_000))
        now = await timed.readable(asker, labels)
        assert now.until_s == oracle.until_s(asker, NOW)
        horizon = min(now.until_s or NOW + 80, NOW + 80)
        for second in range(NOW, horizon):
            assert now.positions == _readable(asker, labels, second)
        if now.until_s is not None:
            clock.at(now.until_s - 1, 999_999_999)
            assert await timed.readable(asker, labels) == now
            clock.at(now.until_s)
            then = await timed.readable(asker, labels)
            assert then.positions == _readable(asker, labels, now.until_s)
            moved += then.positions != now.positions
    assert moved > 15


def _readable(asker: Asker, labels: list[Label], second: int) -> set[int]:
    return {i for i, label in enumerate(labels) if not oracle.obstacles(asker, label, second)}
