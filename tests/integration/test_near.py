"""Vectors in memory give what Postgres gives alone, after whatever has come and gone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest

from copilot.ingest.documents import Document, Part
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from policy.labels import Classification, Label
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.embedding import DIMENSION, Vectors
from retrieval.stores.postgres import search
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.near import Near
from retrieval.stores.postgres.search import PostgresPassages
from retrieval.types import Hit
from tests.integration.test_ingest import World, opened
from tests.unit.governed import asker

pytestmark = pytest.mark.anyio

U, S = (Label(tenant="t1", classification=Classification(level)) for level in "US")
LIMIT = 7


@dataclass
class Both:
    """The store with vectors in memory and the one without, on one database that changes."""

    world: World
    near: Near
    quick: PostgresPassages
    plain: PostgresPassages
    scoper: Scoper

    async def take(self, *names: str, label: Label = U) -> None:
        for name in names:
            part = Part(label=label, text=f"Note {name} of the quay. " * (1 + len(name) % 3))
            await self.world.take(
                Document(document_id=name, title="", label=label, parts=(part,), source="test")
            )

    async def scope(self, who: Asker) -> Scope:
        return await self.scoper.scope(who)

    async def agree(self, who: Asker, seed: int = 0) -> list[Hit]:
        vector = _vector(seed)
        scope = await self.scope(who)
        found = await self.quick.nearest(vector, LIMIT, scope=scope)
        assert found == await self.plain.nearest(vector, LIMIT, scope=scope)
        return found


def _vector(seed: int) -> Vectors:
    vector: Vectors = np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
    return vector / np.float32(np.linalg.norm(vector))


@pytest.fixture
async def both(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    monkeypatch.setattr(search, "MANY", 10)
    database, engine = Database(database_url, timeout_s=5), EmbeddedEngine()
    await database.open()
    near = Near(database)
    async with opened(database_url) as world:
        yield Both(
            world=world,
            near=near,
            quick=PostgresPassages(database, near),
            plain=PostgresPassages(database),
            scoper=Scoper(engine, PostgresLabels(database)),
        )
    await near.close()
    await database.close()
    await engine.close()


async def test_it_agrees_before_while_and_after_they_are_read(both: Both) -> None:
    await both.take(*(f"{n}" for n in range(30)))
    await both.take(*(f"s{n}" for n in range(15)), label=S)
    for who in (asker("U"), asker("S")):
        for seed in range(3):
            assert len(await both.agree(who, seed)) == LIMIT
        await both.near.caught_up()
        for seed in range(3):
            assert len(await both.agree(who, seed)) == LIMIT
    assert both.near.labels == 2


async def test_what_came_since_is_found_and_what_went_is_not(both: Both) -> None:
    await both.take(*(f"{n}" for n in range(30)))
    who = asker("U")
    await both.agree(who)
    await both.near.caught_up()
    first = await both.agree(who)
    await both.take("new")
    await both.agree(who)
    for name in ("3", "4", "5", "29"):
        await both.world.removal.delete(asker("S"), name)
    await both.agree(who)
    await both.near.caught_up()
    for seed in range(5):
        await both.agree(who, seed)
    assert first


async def test_memory_holds_the_labels_that_somebody_asked_for_and_no_others(both: Both) -> None:
    await both.take(*(f"{n}" for n in range(30)))
    await both.take(*(f"s{n}" for n in range(15)), label=S)
    await both.agree(asker("U"))
    await both.near.caught_up()
    assert both.near.labels == 1


async def test_a_database_that_fails_while_they_are_read_is_asked_again(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both.take(*(f"{n}" for n in range(30)))

    async def fails(*_: object) -> None:
        raise Unavailable("postgres", "gone")

    with monkeypatch.context() as broken:
        broken.setattr(both.near, "_read", fails)
        await both.agree(asker("U"))
        await both.near.caught_up()
        assert both.near.labels == 0
    await both.agree(asker("U"))
    await both.near.caught_up()
    assert both.near.labels == 1
    await both.agree(asker("U"))
