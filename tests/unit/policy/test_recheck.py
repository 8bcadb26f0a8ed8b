"""The double check passes on what is open by its own label, and drops all else."""

from dataclasses import dataclass

import pytest

from policy import Label, Scope, Scoper, Unavailable, double_check
from tests.unit.policy.fakes import Catalog, ListedLabels, asker, label

pytestmark = pytest.mark.anyio

LOW, HIGH = label("U"), label("S", "HARBOR")


@dataclass(frozen=True)
class Found:
    label_id: int
    label: Label
    text: str = ""


async def scope_over(engine: ListedLabels) -> Scope:
    return await Scoper(engine, Catalog({1: LOW, 2: HIGH, 3: label("TS")})).scope(asker())


async def test_what_is_open_is_kept_in_its_order_and_each_label_decided_once() -> None:
    engine = ListedLabels({LOW, HIGH})
    scope = await scope_over(engine)
    engine.asked.clear()
    items = [Found(2, HIGH, "a"), Found(1, LOW, "b"), Found(2, HIGH, "c"), Found(2, HIGH, "a")]
    checked = await double_check(engine, asker(), scope, items)
    assert checked.kept == tuple(items)
    assert checked.dropped == ()
    assert engine.asked == [HIGH, LOW]


async def test_what_the_engine_no_longer_opens_is_dropped() -> None:
    engine = ListedLabels({LOW, HIGH})
    scope = await scope_over(engine)
    engine.open_labels = {LOW}
    kept, dropped = Found(1, LOW), Found(2, HIGH)
    checked = await double_check(engine, asker(), scope, [dropped, kept, dropped])
    assert (checked.kept, checked.dropped) == ((kept,), (dropped, dropped))


@pytest.mark.parametrize(
    "strange",
    [
        Found(2, LOW),  # an id outside the scope
        Found(7, LOW),  # an id that nobody interned
        Found(1, HIGH),  # the scope's id on another label
    ],
)
async def test_what_is_not_in_the_scope_under_its_label_is_dropped(strange: Found) -> None:
    engine = ListedLabels({LOW})
    scope = await scope_over(engine)
    engine.open_labels = {LOW, HIGH}
    checked = await double_check(engine, asker(), scope, [strange])
    assert (checked.kept, checked.dropped) == ((), (strange,))


async def test_nothing_passes_when_the_engine_cannot_decide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = ListedLabels({LOW})
    scope = await scope_over(engine)

    async def fail(*_: object) -> None:
        raise Unavailable("policy", "down")

    monkeypatch.setattr(engine, "may_read", fail)
    with pytest.raises(Unavailable):
        await double_check(engine, asker(), scope, [Found(1, LOW)])
