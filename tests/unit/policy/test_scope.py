"""Only policy makes a Scope, and one is shared only where everything it depends on is the same."""

import copy
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from policy import Asker, Scope, Scoper
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
    assert scope.label_ids == [4]
    assert dict(scope.labels) == {4: OPEN}
    assert scope.canonical_labels() == [OPEN.canonical()]
    assert (scope.tenant, scope.bundle_hash, scope.epoch) == ("t1", "r1", 1)


async def test_ids_ascend_and_texts_are_sorted(engine: ListedLabels) -> None:
    engine.open_labels = {OPEN, CLOSED, label("C")}
    source = Catalog({9: CLOSED, 4: OPEN, 6: label("C")})
    scope = await Scoper(engine, source).scope(asker())
    assert scope.label_ids == [4, 6, 9]
    assert scope.canonical_labels() == sorted(scope.canonical_labels())


@pytest.mark.parametrize("forged", [None, object(), True])
def test_nobody_else_makes_a_scope(forged: object) -> None:
    with pytest.raises(TypeError, match="Scoper only"):
        Scope(tenant="t1", labels={4: OPEN}, bundle_hash="r1", epoch=1, made_by=forged)


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
    assert (before.label_ids, after.label_ids) == ([4], [5])
    assert after.epoch == 2


async def test_a_new_policy_gives_a_new_scope(engine: ListedLabels, catalog: Catalog) -> None:
    scoper = Scoper(engine, catalog)
    await scoper.scope(asker())
    engine.bundle_hash, engine.open_labels = "r2", set()
    after = await scoper.scope(asker())
    assert (after.label_ids, after.bundle_hash) == ([], "r2")


async def test_the_scope_used_longest_ago_is_forgotten_first(
    engine: ListedLabels, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope_module, "_CACHED_SCOPES", 2)
    scoper = Scoper(engine, catalog)
    for sub in ["ann", "bob", "ann", "cid", "ann", "bob"]:
        await scoper.scope(asker(sub))
    decided = [asked.principal.sub for asked in engine.asked if isinstance(asked, Asker)]
    assert decided == ["ann", "bob", "cid", "bob"]
