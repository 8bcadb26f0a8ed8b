"""What somebody typed is as secret as the most they could be writing about, and goes no further than that."""

from dataclasses import replace

import pytest

from copilot.ledger.log import high_water
from policy.labels import Classification, Label
from policy.principal import Asker, Grant
from policy.scope import Scope, Scoper
from tests.unit.policy.fakes import Catalog, ListedLabels, asker, label

pytestmark = pytest.mark.anyio

NATO = replace(label("S"), releasable_to=frozenset(["USA", "GBR"]))


async def scope_of(*labels: Label) -> Scope:
    catalog = Catalog(dict(enumerate(labels)))
    return await Scoper(ListedLabels(set(labels)), catalog).scope(asker())


def american() -> Asker:
    who = asker()
    return replace(who, principal=replace(who.principal, nationality="USA"))


async def test_the_scope_says_how_far_it_may_be_released() -> None:
    assert high_water(american(), await scope_of(label("U"))).releasable_to is None
    assert high_water(american(), await scope_of(NATO)).releasable_to == frozenset(["USA", "GBR"])


async def test_without_a_scope_that_tells_it_stays_in_the_askers_nation() -> None:
    weak = replace(american(), fresh=False)
    for who, scope in (
        (american(), None),
        (american(), await scope_of()),
        (weak, await scope_of(label("U"))),  # narrowed by the sign-in: they may know more than this
    ):
        assert high_water(who, scope).releasable_to == frozenset(["USA"])


async def test_a_grant_raises_it() -> None:
    who = american()
    grant = Grant(
        grant_id="g1",
        clearance=Classification.TS,
        compartments=frozenset(["KITE"]),
        authorities=frozenset(["COURT"]),
        not_after=2_000_000_000,
    )
    granted = replace(who, principal=replace(who.principal, grants=(grant,)))
    found = high_water(granted, await scope_of(label("U")))
    assert (found.classification, found.compartments) == (Classification.TS, frozenset(["KITE"]))
    assert found.authorities == frozenset(["COURT"])
