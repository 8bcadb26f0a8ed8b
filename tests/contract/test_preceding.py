"""The passage before another one: of the same part, as it is stored, and only for who may read it."""

from functools import partial

import pytest

from policy.labels import Classification
from tests.contract.stores import (
    EVERYTHING,
    HIGH,
    LOW,
    Opened,
    Stores,
    document,
    embedded,
    memory,
    postgres,
)

pytestmark = pytest.mark.anyio

U, TS = Classification.U, Classification.TS
PARAGRAPHS = [f"Paragraph {n} of the long report on the berth. " + "word " * 120 for n in range(4)]
LONG = "\n\n".join(one.strip() + "." for one in PARAGRAPHS)


@pytest.fixture(params=["memory", "postgres"])
def opened(request: pytest.FixtureRequest) -> Opened:
    if request.param == "memory":
        return memory
    return partial(postgres, request.getfixturevalue("database_url"))


async def put(stores: Stores) -> None:
    await stores.put(
        document(1, "Report", U, (U, LONG), (TS, LONG.replace("long report", "secret report"))),
        document(2, "Note", U, (U, "Nobody saw the tanker leave the berth.")),
    )


async def test_each_passage_but_the_first_follows_the_one_before_it_in_its_part(
    opened: Opened,
) -> None:
    async with opened() as stores:
        await put(stores)
        scope = await stores.scope(HIGH)
        hits = await stores.passages.nearest(await embedded("berth"), EVERYTHING, scope=scope)
        chunks = await stores.passages.chunks([hit.chunk_id for hit in hits], scope=scope)
        found = await stores.passages.preceding(sorted(chunks), scope=scope)
        assert set(found) == {key for key, one in chunks.items() if one.start > 0}
        assert len(found) == 6
        for after, before in found.items():
            assert before == chunks[before.chunk_id]
            assert before.part_id == chunks[after].part_id
            between = [
                one
                for one in chunks.values()
                if one.part_id == before.part_id and before.end <= one.start < chunks[after].start
            ]
            assert between == []
            assert before.end < chunks[after].start


async def test_who_may_not_read_a_part_learns_nothing_of_its_passages(opened: Opened) -> None:
    async with opened() as stores:
        await put(stores)
        high, low = await stores.scope(HIGH), await stores.scope(LOW)
        hits = await stores.passages.nearest(await embedded("berth"), EVERYTHING, scope=high)
        everything = [hit.chunk_id for hit in hits]
        found = await stores.passages.preceding(everything, scope=low)
        assert len(found) == 3
        assert all(one.label.classification is U for one in found.values())
        own = set(await stores.passages.chunks(everything, scope=low))
        assert found == await stores.passages.preceding(sorted(own), scope=low)
        assert set(found) < own
