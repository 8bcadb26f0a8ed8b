"""The ids of an act's decisions are gathered from its beginning on, and get into no other act's."""

import asyncio
from contextvars import copy_context

import pytest

from policy.decision_log import begin, gathered, logged

pytestmark = pytest.mark.anyio


def test_what_nobody_gathers_is_not_kept() -> None:
    def unbegun() -> list[str]:
        logged("a")
        return gathered()

    assert copy_context().run(unbegun) == []


def test_an_act_has_the_ids_since_it_began() -> None:
    def acts() -> tuple[list[str], list[str]]:
        begin()
        logged("a")
        first = gathered()
        logged("b")
        begin()
        logged("c")
        return first, gathered()

    assert copy_context().run(acts) == (["a", "b"], ["c"])


@pytest.mark.parametrize("nothing", [None, 7, {}])
def test_an_engine_that_keeps_no_log_adds_nothing(nothing: object) -> None:
    begin()
    logged(nothing)
    assert gathered() == []


async def test_acts_side_by_side_have_each_their_own() -> None:
    async def act(name: str) -> list[str]:
        begin()
        for number in range(3):
            await asyncio.sleep(0)
            await asyncio.gather(decided(f"{name}{number}"))
        return gathered()

    async def decided(id_: str) -> None:
        logged(id_)

    one, other = await asyncio.gather(act("a"), act("b"))
    assert (one, other) == (["a0", "a1", "a2"], ["b0", "b1", "b2"])
