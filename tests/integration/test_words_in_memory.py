"""Words in memory give what Postgres gives alone, after whatever has come and gone."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import pytest

from copilot.ingest.documents import Document, Part
from copilot.ingest.reindex import reindex
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from policy.labels import Classification, Label
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval import keyword
from retrieval.embedding import DIMENSION, Vectors
from retrieval.languages import ENGLISH
from retrieval.ports import PassageStore
from retrieval.stores.postgres import in_step, search
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.near import Near
from retrieval.stores.postgres.search import PostgresPassages
from retrieval.stores.postgres.words_in_step import Words
from retrieval.terms import Terms
from retrieval.wording import worded
from tests.integration.test_ingest import World, opened
from tests.unit.governed import asker

pytestmark = pytest.mark.anyio

U, S = (Label(tenant="t1", classification=Classification(level)) for level in "US")
QUESTION = worded('Which tanker came to "Kestrel Quay" in IR-2024-017?', ENGLISH, Terms())
LIMIT = 5


@dataclass
class Both:
    """The store with words and vectors in memory and the one without, on one database that changes."""

    world: World
    words: Words
    quick: PostgresPassages
    plain: PostgresPassages
    scoper: Scoper
    owner: str

    async def take(self, *texts: str, label: Label = U) -> None:
        for text in texts:
            part = Part(label=label, text=text)
            await self.world.take(
                Document(document_id=text, title="", label=label, parts=(part,), source="test")
            )

    async def agree(self, who: Asker) -> list[Any]:
        """What both say of a question, of its nearest passages and of all passages."""
        scope = await self.scoper.scope(who)
        said = [await self._said(one, scope) for one in (self.quick, self.plain)]
        assert said[0] == said[1]
        return said[0]

    async def _said(self, store: PassageStore, scope: Scope) -> list[Any]:
        ranking = await keyword.search(store, QUESTION, LIMIT, scope=scope)
        nearest = await store.nearest(_vector(), LIMIT, scope=scope)
        ids = sorted(row["chunk_id"] for row in self.world.rows("SELECT chunk_id FROM chunks"))
        weights = await store.weigh(ids, _vector(), ranking.terms, scope=scope)
        return [ranking, nearest, weights]

    async def ready(self, who: Asker) -> bool:
        """Whether all that they may read is there, once what they ask for has been fetched."""
        await self.agree(who)
        await self.quick.caught_up()
        return await self.words.of(await self.scoper.scope(who)) is not None


def _vector() -> Vectors:
    vector: Vectors = np.random.default_rng(1).normal(size=DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


@pytest.fixture
async def both(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    monkeypatch.setattr(search, "MANY", 1)
    database, engine = Database(database_url, timeout_s=5), EmbeddedEngine()
    await database.open()
    near, words = Near(database), Words(database, least=1)
    async with opened(database_url) as world:
        yield Both(
            world=world,
            words=words,
            quick=PostgresPassages(database, near, words),
            plain=PostgresPassages(database),
            scoper=Scoper(engine, PostgresLabels(database)),
            owner=database_url,
        )
    await near.close()
    await words.close()
    await database.close()
    await engine.close()


def texts(count: int) -> Sequence[str]:
    return [f"The tanker number {n} came to Kestrel Quay." + " tanker" * n for n in range(count)]


async def test_it_agrees_before_and_after_they_are_read(both: Both) -> None:
    await both.take(*texts(8), "File IR-2024-017 is of the quay.")
    await both.take("A tanker left Kestrel Quay.", "IR-2024-017: the tanker.", label=S)
    for who in (asker("U"), asker("S"), asker("U")):
        assert await both.ready(who)
        [ranking, nearest, weights] = await both.agree(who)
        assert len(ranking.hits) >= LIMIT
        assert len(nearest) == LIMIT
        assert weights


async def test_what_came_since_is_found_and_what_went_is_not(both: Both) -> None:
    who = asker("S")
    for text in texts(4):
        await both.take(text)
        assert await both.ready(who)
    await both.world.removal.delete(who, texts(4)[1])
    before = await both.agree(who)
    assert await both.ready(who)
    assert await both.agree(who) == before
    await both.take("Another tanker.", label=S)
    await both.take(texts(4)[1])
    assert await both.ready(who)
    assert len((await both.agree(who))[2]) == 5


async def test_counts_beyond_what_a_posting_can_tell_are_cut_alike(both: Both) -> None:
    await both.take("ir.ir.ir.ir " * 140, "One tanker.")
    assert await both.ready(asker("U"))
    weights = (await both.agree(asker("U")))[2]
    assert max(one.counts.get("ir", 0) for one in weights.values()) == 255


async def test_until_all_is_there_memory_says_nothing(both: Both) -> None:
    await both.take("A tanker came.")
    await both.take("A tanker left.", label=S)
    assert await both.ready(asker("U"))
    assert await both.words.of(await both.scoper.scope(asker("S"))) is None
    await both.agree(asker("S"))


async def test_a_database_that_fails_while_they_are_read_is_asked_again(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both.take("A tanker came.")

    async def fails(*_: object) -> None:
        raise Unavailable("postgres", "gone")

    with monkeypatch.context() as broken:
        broken.setattr(both.words, "_row", fails)
        assert not await both.ready(asker("U"))
    assert await both.ready(asker("U"))


async def test_a_defect_while_they_are_read_leaves_nothing_behind(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read in before it would be read, and count, twice."""
    await both.take("A tanker came.")
    await both.take("A tanker left.", label=S)
    real, read = both.words._read, 0

    async def fails(label_id: int, start: int, end: int) -> None:
        nonlocal read
        read += 1
        await real(label_id, start, end)
        if read == 2:
            raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(both.words, "_read", fails)
        await both.words.of(await both.scoper.scope(asker("S")))
        await both.words.caught_up()
        assert read == 2
    assert await both.ready(asker("S"))
    await both.agree(asker("S"))


async def test_a_database_that_went_back_is_read_anew(both: Both) -> None:
    """As after a restore: the ordinals begin again below those in memory."""
    who = asker("U")
    await both.take(*texts(6))
    assert await both.ready(who)
    async with await psycopg.AsyncConnection.connect(both.owner, autocommit=True) as owner:
        await owner.execute("TRUNCATE documents, label_statistics CASCADE")
    await both.take("A tanker left Kestrel Quay.")
    assert await both.ready(who)
    await both.take(*texts(7))
    assert await both.ready(who)
    assert len((await both.agree(who))[2]) == 8


async def test_after_another_start_of_the_server_all_is_read_anew(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been restored to another past with as many chunks."""
    await both.take(*texts(3))
    who = asker("U")
    assert await both.ready(who)
    real = in_step.state

    async def later(database: Database, label_ids: Sequence[int]) -> bytes:
        rows = np.frombuffer(await real(database, label_ids), ">i4").reshape(-1, 5).copy()
        rows[:, 4] += 1
        return rows.tobytes()

    async with await psycopg.AsyncConnection.connect(both.owner, autocommit=True) as owner:
        await owner.execute("UPDATE chunk_terms SET terms = array_replace(terms, 'quay', 'pier')")
    monkeypatch.setattr(in_step, "state", later)
    scope = await both.scoper.scope(who)
    assert await both.words.of(scope) is None
    await both.words.caught_up()
    view = await both.words.of(scope)
    assert view is not None
    assert list(view.postings(["pier", "quay"]).lists) == ["pier"]


async def test_an_index_that_is_cut_anew_is_read_anew(both: Both) -> None:
    await both.take(*texts(3))
    who = asker("U")
    assert await both.ready(who)
    async with await psycopg.AsyncConnection.connect(both.owner, autocommit=True) as owner:
        await owner.execute("UPDATE chunks SET text = replace(text, 'tanker', 'trawler')")
        await reindex(owner)
    await both.agree(who)
    assert await both.ready(who)
    counts = [one.counts for one in (await both.agree(who))[2].values()]
    assert not any("tanker" in one for one in counts)


async def test_an_index_of_another_scheme_is_not_read(both: Both) -> None:
    await both.take("A tanker came.")
    async with await psycopg.AsyncConnection.connect(both.owner, autocommit=True) as owner:
        await owner.execute("UPDATE keyword_index SET scheme = scheme + 1")
    scope = await both.scoper.scope(asker("U"))
    assert await both.words.of(scope) is None
    await both.quick.caught_up()
    assert await both.words.of(scope) is None
    with pytest.raises(Unavailable, match="another version"):
        await both.quick.postings(["tanker"], scope=scope)


async def test_one_label_more_or_less_is_another_scope(both: Both) -> None:
    """Nothing is kept for a scope that another one would be given."""
    await both.take("A tanker came.")
    await both.take("A tanker left.", label=S)
    assert await both.ready(asker("S"))
    assert await both.ready(asker("U"))
    seen = {level: len((await both.agree(asker(level)))[2]) for level in "US"}
    assert seen == {"U": 1, "S": 2}
