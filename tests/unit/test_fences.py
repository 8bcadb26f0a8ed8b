"""A fence is trusted for as long as a restriction may take to be seen, and never when in doubt."""

from collections.abc import AsyncIterator

import anyio
import pytest

from policy.errors import Unavailable
from retrieval.stores.postgres import fences as module
from retrieval.stores.postgres.fences import INTERVAL_S, TRUSTED_S, Fences

pytestmark = pytest.mark.anyio


class Watched:
    """Fences over epochs that the test sets, with a clock that it moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.epochs = {"t1": 5}
        self.fault: Exception | None = None
        self.hangs = False
        self.looks = 0
        self.fences = Fences(self.look, clock=lambda: self.now)

    async def look(self) -> dict[str, int]:
        self.looks += 1
        if self.hangs:
            await anyio.sleep_forever()
        if self.fault:
            raise self.fault
        return dict(self.epochs)

    async def looked(self) -> None:
        """After one more look that began from now on."""
        begun = self.looks
        with anyio.fail_after(5):
            while self.looks < begun + 2:  # noqa: ASYNC110  the watcher tells nobody
                await anyio.sleep(0.001)


@pytest.fixture
async def watched(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr(module, "INTERVAL_S", 0.002)
    watched = Watched()
    yield watched
    await watched.fences.close()


def test_a_restriction_holds_everywhere_within_a_second() -> None:
    assert INTERVAL_S < TRUSTED_S < 1


async def test_without_watching_nothing_is_known(watched: Watched) -> None:
    assert watched.fences.epoch("t1") is None
    assert watched.looks == 0


async def test_the_epoch_of_each_tenant_is_known_while_it_watches(watched: Watched) -> None:
    watched.fences.watch()
    await watched.looked()
    assert watched.fences.epoch("t1") == 5
    assert watched.fences.epoch("t2") == 0  # which has no label yet
    watched.epochs["t1"] = 6
    await watched.looked()
    assert watched.fences.epoch("t1") == 6


async def test_a_look_is_trusted_for_so_long_and_no_longer(watched: Watched) -> None:
    watched.fences.watch()
    await watched.looked()
    watched.hangs = True
    watched.now += TRUSTED_S
    assert watched.fences.epoch("t1") == 5
    watched.now += 0.001
    assert watched.fences.epoch("t1") is None


async def test_its_age_counts_from_its_beginning(watched: Watched) -> None:
    """What was committed while a slow look was under way may be missing from it."""

    async def slow() -> dict[str, int]:
        watched.looks += 1
        watched.now += TRUSTED_S + 0.001
        return {"t1": 5}

    watched.fences = Fences(slow, clock=lambda: watched.now)
    watched.fences.watch()
    await watched.looked()
    assert watched.fences.epoch("t1") is None


async def test_after_a_change_of_ones_own_only_a_later_look_counts(watched: Watched) -> None:
    watched.fences.watch()
    await watched.looked()
    watched.fences.doubt()
    assert watched.fences.epoch("t1") is None
    await watched.looked()  # at the same instant of the clock: it may have begun before
    assert watched.fences.epoch("t1") is None
    watched.now += 0.001
    await watched.looked()
    assert watched.fences.epoch("t1") == 5


@pytest.mark.parametrize("fault", [Unavailable("postgres", "down"), TimeoutError()])
async def test_a_look_that_fails_is_not_trusted_and_the_next_one_counts(
    watched: Watched, fault: Exception
) -> None:
    watched.fences.watch()
    await watched.looked()
    watched.fault = fault
    watched.now += TRUSTED_S + 0.001
    await watched.looked()
    assert watched.fences.epoch("t1") is None
    watched.fault = None
    await watched.looked()
    assert watched.fences.epoch("t1") == 5


async def test_a_look_that_never_ends_is_given_up(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRUSTED_S", 0.01)
    watched.hangs = True
    watched.fences.watch()
    await watched.looked()
    assert watched.fences.epoch("t1") is None


async def test_watching_ends_with_close_and_may_begin_again(watched: Watched) -> None:
    watched.fences.watch()
    watched.fences.watch()  # once more is the same as once
    await watched.looked()
    await watched.fences.close()
    await watched.fences.close()
    looks = watched.looks
    await anyio.sleep(0.02)
    assert watched.looks == looks
    watched.fences.watch()
    await watched.looked()
