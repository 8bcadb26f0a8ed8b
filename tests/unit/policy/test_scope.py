"""Only policy makes a Scope, and one is shared only where everything it depends on is the same."""

import copy
import hashlib
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
import rfc8785

from policy import Asker, Classification, Grant, Scope, Scoper
from policy import scope as scope_module
from tests.unit.policy.fakes import Catalog, ListedLabels, asker, label

pytestmark = pytest.mark.anyio

OPEN, CLOSED = label("U"), label("TS")


@pytest.fixture
def engine() -> ListedLabels:
    return ListedLabels({OPEN})


@pytest.fixture
def catalog() -> Catalog:
    return Catalog({9: CLOSED, 4: OPEN})


async def test_a_scope_holds_the_open_labels_under_their_ids(
    engine: ListedLabels, catalog: Catalog
) -> None:
    scope = await Scoper(engine, catalog).scope(asker())
    assert scope.label_ids == (4,)
    assert dict(scope.labels) == {4: OPEN}
    assert scope.canonical_labels() == [OPEN.canonical()]
    assert (scope.tenant, scope.revision, scope.epoch) == ("t1", "r1", 1)


async def test_ids_ascend_and_texts_are_sorted(engine: ListedLabels) -> None:
    engine.open_labels = {OPEN, CLOSED, label("C")}
    source = Catalog({9: CLOSED, 4: OPEN, 6: label("C")})
    scope = await Scoper(engine, source).scope(asker())
    assert scope.label_ids == (4, 6, 9)
    assert scope.canonical_labels() == sorted(scope.canonical_labels())


async def test_what_is_recorded_of_a_scope_is_made_once_and_named_by_its_digest(
    engine: ListedLabels,
) -> None:
    engine.open_labels = {OPEN, label("C", "ÄRGER")}
    source = Catalog({9: CLOSED, 4: OPEN, 6: label("C", "ÄRGER")})
    scope = await Scoper(engine, source).scope(asker())
    written = scope.written
    assert written is scope.written
    assert written.value == rfc8785.dumps(scope.canonical_labels())
    assert written.sha256 == hashlib.sha256(written.value).digest()
    assert written.labels == 2


async def test_a_scope_may_be_released_as_far_as_each_of_its_labels(engine: ListedLabels) -> None:
    wide, narrow = (
        replace(OPEN, releasable_to=frozenset(some)) for some in (["USA", "GBR"], ["GBR", "NOR"])
    )
    for labels, expected in (
        ([OPEN], None),
        ([OPEN, wide], frozenset(["USA", "GBR"])),
        ([OPEN, wide, narrow], frozenset(["GBR"])),
    ):
        engine.open_labels = set(labels)
        scope = await Scoper(engine, Catalog(dict(enumerate(labels)))).scope(asker())
        assert scope.releasable_to == expected


@pytest.mark.parametrize("forged", [None, object(), True])
def test_nobody_else_makes_a_scope(forged: object) -> None:
    with pytest.raises(TypeError, match="Scoper only"):
        Scope(tenant="t1", labels={4: OPEN}, revision="r1", epoch=1, made_by=forged)


async def test_a_scope_cannot_be_widened(engine: ListedLabels, catalog: Catalog) -> None:
    scope = await Scoper(engine, catalog).scope(asker())
    with pytest.raises(ValueError, match="made_by"):
        replace(scope, labels={9: CLOSED})  # type: ignore[call-arg]
    with pytest.raises(FrozenInstanceError):
        scope.labels = {9: CLOSED}  # type: ignore[misc]
    labels: Any = scope.labels
    with pytest.raises(TypeError):
        labels[9] = CLOSED
    assert not hasattr(scope, "made_by")
    assert copy.copy(scope) == scope


async def test_the_same_question_is_decided_once(engine: ListedLabels, catalog: Catalog) -> None:
    scoper = Scoper(engine, catalog)
    assert await scoper.scope(asker()) is await scoper.scope(asker())
    assert len(engine.asked) == 1


@pytest.mark.parametrize("other", [asker("bob"), asker(purpose="audit")])
async def test_another_principal_or_purpose_is_decided_anew(
    engine: ListedLabels, catalog: Catalog, other: Asker
) -> None:
    scoper = Scoper(engine, catalog)
    await scoper.scope(asker())
    await scoper.scope(other)
    assert engine.asked == [asker(), other]


async def test_a_new_epoch_gives_a_new_scope(engine: ListedLabels, catalog: Catalog) -> None:
    scoper = Scoper(engine, catalog)
    before = await scoper.scope(asker())
    catalog.labels, catalog.epoch = {4: OPEN, 5: label("C")}, 2
    engine.open_labels = {label("C")}
    after = await scoper.scope(asker())
    assert (before.label_ids, after.label_ids) == ((4,), (5,))
    assert after.epoch == 2


async def test_a_new_policy_gives_a_new_scope(engine: ListedLabels, catalog: Catalog) -> None:
    scoper = Scoper(engine, catalog)
    await scoper.scope(asker())
    engine.hash, engine.open_labels = "r2", set()
    after = await scoper.scope(asker())
    assert (after.label_ids, after.revision) == ((), "r2")


async def test_another_sign_in_reason_or_authority_is_decided_anew(
    engine: ListedLabels, catalog: Catalog
) -> None:
    scoper, who = Scoper(engine, catalog), asker()
    others = [
        replace(who, reason="case 12"),
        replace(who, principal=replace(who.principal, acr="weak")),
        replace(who, principal=replace(who.principal, auth_time=1)),
        replace(who, principal=replace(who.principal, nationality="GBR")),
    ]
    for one in [who, *others, *others, who]:
        await scoper.scope(one)
    assert engine.asked == [who, *others]


async def test_a_scope_is_kept_up_to_the_second_at_which_time_may_change_it(
    engine: ListedLabels, catalog: Catalog
) -> None:
    now = [1000.0]
    scoper = Scoper(engine, catalog, clock=lambda: now[0])
    engine.until_s = 1010
    kept = await scoper.scope(asker())
    engine.open_labels, engine.until_s = set(), None
    now[0] = 1009.999
    assert await scoper.scope(asker()) is kept
    now[0] = 1010.0
    assert (await scoper.scope(asker())).label_ids == ()
    now[0] = 9e9
    assert (await scoper.scope(asker())).label_ids == ()
    assert len(engine.asked) == 2


GRANT = Grant(
    grant_id="g1",
    clearance=Classification.TS,
    compartments=frozenset(),
    authorities=frozenset(),
    not_after=2000,
)


async def test_the_engine_decides_on_the_standing_that_the_records_say(
    engine: ListedLabels, catalog: Catalog
) -> None:
    scoper, who = Scoper(engine, catalog), asker()
    await scoper.scope(who)
    catalog.revoked, catalog.grants = frozenset(["ann"]), {"ann": (GRANT,), "bob": ()}
    await scoper.scope(who)
    standing = replace(who, principal=replace(who.principal, revoked=True, grants=(GRANT,)))
    assert engine.asked == [who, standing]
    assert await scoper.standing(who) == standing
    assert await scoper.standing(asker("bob")) == asker("bob")


async def test_what_somebody_claims_of_their_standing_counts_for_nothing(
    engine: ListedLabels, catalog: Catalog
) -> None:
    who = asker()
    claimed = replace(who, principal=replace(who.principal, revoked=True, grants=(GRANT,)))
    await Scoper(engine, catalog).scope(claimed)
    assert engine.asked == [who]


async def test_the_scope_used_longest_ago_is_forgotten_first(
    engine: ListedLabels, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope_module, "_CACHED_SCOPES", 2)
    scoper = Scoper(engine, catalog)
    for sub in ["ann", "bob", "ann", "cid", "ann", "bob"]:
        await scoper.scope(asker(sub))
    decided = [asked.principal.sub for asked in engine.asked if isinstance(asked, Asker)]
    assert decided == ["ann", "bob", "cid", "bob"]
