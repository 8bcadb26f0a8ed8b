"""Readiness: what one can do without is told and does not keep requests away."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from copilot import acts, readiness
from copilot.acts import Watched
from policy.errors import Unavailable
from policy.installation import Installation, Tenant
from tests.unit.stage import Stage

pytestmark = pytest.mark.anyio

AWAY = "the graph does not answer; nothing was done"


async def fine() -> None:
    return


async def away() -> None:
    raise Unavailable("neo4j", AWAY)


async def hangs() -> None:
    await asyncio.sleep(60)


async def state(check: object, *, required: bool = False) -> dict[str, str]:
    copilot = Stage().copilot
    copilot._watched = Watched(check=check, required=required)  # type: ignore[arg-type]
    return await copilot.ready()


async def late() -> str:
    return f"{readiness.DEGRADED}3 records wait"


async def unknown() -> str:
    raise Unavailable("postgres", "no answer")


async def test_without_neo4j_nothing_is_said_of_it() -> None:
    assert "neo4j" not in await Stage().copilot.ready()


async def test_a_neo4j_that_answers_is_ok() -> None:
    found = await state(fine)
    assert found["neo4j"] == "ok"
    assert readiness.serves(found)


async def test_away_it_degrades_and_requests_may_come() -> None:
    found = await state(away)
    assert found["neo4j"] == f"degraded: {AWAY}"
    assert readiness.serves(found)


async def test_away_they_may_not_where_a_tenant_wants_it() -> None:
    found = await state(away, required=True)
    assert found["neo4j"] == AWAY
    assert not readiness.serves(found)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    ("behind", "told"),
    [(late, "degraded: 3 records wait"), (unknown, "degraded: no answer")],
)
async def test_what_no_answer_needs_is_told_and_keeps_nobody_away(
    behind: Callable[[], Awaitable[str]], told: str, required: bool
) -> None:
    copilot = Stage().copilot
    copilot._watched = Watched(check=fine, required=required, behind=behind)
    found = await copilot.ready()
    assert found["neo4j"] == told
    assert readiness.serves(found)


async def test_of_a_graph_that_is_away_that_is_told_and_not_what_it_lacks() -> None:
    copilot = Stage().copilot
    copilot._watched = Watched(check=away, required=True, behind=late)
    assert (await copilot.ready())["neo4j"] == AWAY


async def test_a_probe_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "_GRAPH_S", 0.05)
    assert (await state(hangs))["neo4j"] == "degraded: no answer within 0.05 s"


def test_what_is_wrong_beside_it_still_counts() -> None:
    assert not readiness.serves({"postgres": "the database does not answer", "neo4j": "ok"})
    assert not readiness.serves({})


def test_it_is_wanted_where_one_tenant_wants_it() -> None:
    wants, does_not = Tenant(graph_required=True), Tenant()
    assert Installation(tenants={"a": does_not, "b": wants}).graph_required_by_any
    assert not Installation(tenants={"a": does_not}).graph_required_by_any
