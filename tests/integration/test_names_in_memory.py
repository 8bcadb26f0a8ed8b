"""Names in memory give what Postgres gives alone, after whatever has come and gone."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from copilot.ingest.documents import Document, Part
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from policy.labels import Classification, Label
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.ports import MOST_LINKS, Around
from retrieval.stores.postgres import in_step, names_in_step
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.names import Columns, Piece
from retrieval.stores.postgres.names_in_step import Names
from tests.integration.test_ingest import World, opened
from tests.unit.governed import asker

pytestmark = pytest.mark.anyio

U, S = (Label(tenant="t1", classification=Classification(level)) for level in "US")
NAMES = ["anton drell", "drell", "alder shipping", "kestrel quay"]


@dataclass
class Both:
    """The graph with names in memory and the one without, on one database that changes."""

    world: World
    names: Names
    quick: PostgresGraph
    plain: PostgresGraph
    scoper: Scoper

    async def take(self, *texts: str, label: Label = U, title: str = "") -> None:
        for text in texts:
            part = Part(label=label, text=text)
            await self.world.take(
                Document(document_id=text, title=title, label=label, parts=(part,), source="test")
            )

    async def agree(self, who: Asker) -> Around:
        """What both say of all that the names lead to, and of a hop from there."""
        scope = await self.scoper.scope(who)
        linked = await self.plain.linked(NAMES, scope=scope)
        assert await self.quick.linked(NAMES, scope=scope) == linked
        first = await self.around([], sorted(linked), scope)
        chunks = sorted(led_to(first))
        return await self.around(chunks, [], scope)

    async def around(self, chunks: list[str], entities: list[str], scope: Scope) -> Around:
        found = await self.plain.around(chunks, entities, NAMES, chunks[:3], scope=scope)
        assert await self.quick.around(chunks, entities, NAMES, chunks[:3], scope=scope) == found
        return found

    async def ready(self, who: Asker) -> bool:
        """Whether all that they may read is there, once what they ask for has been fetched."""
        await self.names.of(await self.scoper.scope(who))
        await self.names.caught_up()
        return await self.names.of(await self.scoper.scope(who)) is not None


def led_to(around: Around) -> set[str]:
    """The chunks that entities lead to."""
    return {chunk for one in around.mentions for chunk in one.chunk_ids}


@pytest.fixture
async def both(database_url: str) -> AsyncIterator[Both]:
    database, engine = Database(database_url, timeout_s=5), EmbeddedEngine()
    await database.open()
    names = Names(database, least=1)
    async with opened(database_url) as world:
        yield Both(
            world=world,
            names=names,
            quick=PostgresGraph(database, names),
            plain=PostgresGraph(database),
            scoper=Scoper(engine, PostgresLabels(database)),
        )
    await names.close()
    await database.close()
    await engine.close()


async def test_it_agrees_before_and_after_they_are_read(both: Both) -> None:
    await both.take("Anton Drell owns Alder Shipping Ltd.", "Drell came by Kestrel Quay.")
    await both.take("Anton Drell sold Alder Shipping Ltd.", label=S)
    for who in (asker("U"), asker("S"), asker("U")):
        await both.agree(who)
        assert await both.ready(who)
        assert (await both.agree(who)).mentions


async def test_what_came_since_is_found_and_what_went_is_not(both: Both) -> None:
    who = asker("S")
    for number in range(3):
        await both.take(f"Anton Drell bought ship {number}.", f"Kestrel Quay has berth {number}.")
        await both.agree(who)
        assert await both.ready(who)
    before = await both.agree(who)
    await both.world.removal.delete(who, "Anton Drell bought ship 1.")
    await both.agree(who)
    assert await both.ready(who)
    after = await both.agree(who)
    assert led_to(after) < led_to(before)
    await both.take("Anton Drell is back.")
    assert await both.ready(who)
    await both.agree(who)


async def test_what_was_deleted_goes_from_memory_though_nobody_asks(both: Both) -> None:
    title = "What the watchman of Kestrel Quay saw on the third of May"
    await both.take(*(f"Anton Drell bought ship {n} at Kestrel Quay." for n in range(9)))
    await both.take("Alder Shipping Ltd sold it.", label=S, title=title)
    await both.take("Drell came by Kestrel Quay.", label=S)
    assert await both.ready(asker("S"))
    before = both.names._pieces
    assert any(title[5:].lower().encode() in one.entity_keys.data for one in before)
    await both.world.removal.delete(asker("S"), "Alder Shipping Ltd sold it.")
    await both.names.look_again()
    await both.names.caught_up()
    after = both.names._pieces
    assert len(after) > 1  # the larger one was not made anew
    assert not any(b"watchman" in one.entity_keys.data for one in after)
    assert await both.ready(asker("S"))
    for who in (asker("U"), asker("S")):
        assert (await both.agree(who)).mentions


async def test_a_name_that_stands_everywhere_leads_only_to_what_is_near(both: Both) -> None:
    await both.take(
        *(f"Anton Drell bought ship {n} at Kestrel Quay." for n in range(MOST_LINKS + 2))
    )
    assert await both.ready(asker("U"))
    near = sorted(row["chunk_id"] for row in both.world.rows("SELECT chunk_id FROM chunks"))[:3]
    found = await both.around(near, [], await both.scoper.scope(asker("U")))
    assert {one.degree for one in found.mentions} == {MOST_LINKS + 2}
    assert led_to(found) == set(near)


async def test_names_of_a_title_go_with_it_though_its_hidden_parts_stay(both: Both) -> None:
    secret = Part(label=S, text="The berth was sold.")
    document = Document(
        document_id="D1",
        title="Anton Drell",
        label=U,
        parts=(Part(label=U, text="The berth was leased."), secret),
        source="test",
    )
    await both.world.take(document)
    assert await both.ready(asker("S"))
    assert (await both.agree(asker("S"))).definitions
    await both.world.removal.delete(asker("U"), "D1")
    await both.agree(asker("S"))
    assert await both.ready(asker("S"))
    assert not (await both.agree(asker("S"))).definitions


async def test_what_is_kept_for_others_shows_what_the_labels_held_and_no_more(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scope of more labels, looked at when those were empty, must not widen one of fewer."""
    await both.take("Anton Drell came.")
    await both.take("Anton Drell left.", label=S)
    low, high = [await both.scoper.scope(asker(level)) for level in "US"]
    assert await both.ready(asker("S"))
    earlier = await in_step.state(both.names._database, low.label_ids)

    async def state(*_: object) -> bytes:
        return earlier

    monkeypatch.setattr(in_step, "state", state)
    for scope in (high, low):
        named = await both.names.of(scope)
        assert named is not None
        [entity] = named.linked(["anton drell"])
        assert [one.degree for one in named.around([], [entity], [], []).mentions] == [1]


async def test_until_all_is_there_memory_says_nothing(both: Both) -> None:
    await both.take("Anton Drell came.")
    await both.take("Anton Drell left.", label=S)
    assert await both.ready(asker("U"))
    assert await both.names.of(await both.scoper.scope(asker("S"))) is None


async def test_a_database_that_fails_while_they_are_read_is_asked_again(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both.take("Anton Drell came.")

    async def fails(*_: object) -> None:
        raise Unavailable("postgres", "gone")

    with monkeypatch.context() as broken:
        broken.setattr(both.names, "_row", fails)
        assert not await both.ready(asker("U"))
        await both.agree(asker("U"))
    assert await both.ready(asker("U"))


async def test_what_is_joined_while_more_is_read_in_is_shown_like_the_rest(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names_in_step, "_TOGETHER", 3)
    who = asker("S")
    for number in range(4):
        await both.take(f"Anton Drell owns ship {number}.", f"Drell came by quay {number}.")
        await both.take(f"Anton Drell sold Alder Shipping {number}.", label=S)
    assert await both.ready(who)
    assert len(both.names._pieces) == 1
    await both.agree(who)
    await both.world.removal.delete(who, "Anton Drell owns ship 1.")
    await both.agree(who)
    assert await both.ready(who)
    await both.agree(who)


async def test_what_was_joined_of_a_label_that_could_not_be_read_whole_is_forgotten(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names_in_step, "_TOGETHER", 1)
    monkeypatch.setattr(in_step, "_PIECE", 2)
    for number in range(4):
        await both.take(f"Anton Drell owns ship {number}.")
    real = both.names._row

    async def fails(query: bytes, label_id: int, start: int, end: int) -> dict[str, Any]:
        if start:
            raise Unavailable("postgres", "gone")
        return await real(query, label_id, start, end)

    with monkeypatch.context() as broken:
        broken.setattr(both.names, "_row", fails)
        assert not await both.ready(asker("U"))
    assert await both.ready(asker("U"))
    await both.agree(asker("U"))
    assert sum(len(one.labels) for one in both.names._pieces) == 4


async def test_pieces_stay_few_and_hold_no_chunk_that_went(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = asker("U")
    made: list[tuple[Piece, ...]] = []
    real = names_in_step._joined

    def joined(pieces: Sequence[Piece], more: list[Columns]) -> tuple[Piece, ...]:
        made.append(real(pieces, more))
        return made[-1]

    monkeypatch.setattr(names_in_step, "_joined", joined)
    for number in range(9):
        await both.take(f"Anton Drell bought ship {number}.")
        assert await both.ready(who)
    await both.world.removal.delete(who, "Anton Drell bought ship 3.")
    assert await both.ready(who)
    await both.take("Anton Drell bought ship 10.")
    assert await both.ready(who)
    assert len(made[-1]) <= 4
    assert sum(len(one.columns.alive().labels) for one in made[-1]) == 9
    await both.agree(who)
