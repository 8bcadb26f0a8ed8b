"""A run prepares ahead of the writer, within bounds, and nothing but the time it takes shows that."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from copilot.ingest import admission
from copilot.ingest import ingest as module
from copilot.ingest.documents import Document
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from tests.unit.governed import KeptLedger, asker
from tests.unit.ingesting import Counting, Uneven, Writer, document, engine, ingest, ledger, writer

__all__ = ["engine", "ledger", "writer"]

pytestmark = pytest.mark.anyio


async def test_documents_are_written_in_their_order_however_long_each_takes(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    names = [f"d{number}" for number in range(9)]
    seen: list[int] = []
    report = await ingest(engine, ledger, Uneven()).run(
        asker(), map(document, names), lambda: seen.append(len(writer.records))
    )
    assert writer.written == names
    assert report.ledger_ids == tuple(f"ledger of {name}" for name in names)
    assert seen == [9] * 9
    assert writer.batches == [9]


async def test_documents_are_not_read_far_ahead_of_the_writer(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    ahead: list[int] = []

    def documents() -> Iterator[Document]:
        for number in range(300):
            ahead.append(number - len(writer.records))
            yield document(f"d{number}")

    await ingest(engine, ledger).run(asker(), documents())
    # One batch that is written, one that fills, what is embedded, and a group that is looked at.
    assert max(ahead) <= 2 * writer.batches[0] + 13 + 16
    assert len(writer.batches) > 5


async def test_large_documents_are_read_one_at_a_time(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many of them there are, few are held in memory."""
    monkeypatch.setattr(admission, "_MOST_CHARACTERS", 10)
    monkeypatch.setattr(module, "_MOST_CHARACTERS_AHEAD", 10)
    counting = Counting()
    report = await ingest(engine, ledger, counting).run(
        asker(), [document(f"d{number}") for number in range(20)]
    )
    assert counting.most_at_once <= 2
    assert max(writer.groups) == 1
    assert report.ingested == 20


async def test_the_next_documents_are_embedded_while_some_are_written(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    counting = Counting()
    writer.patience = lambda: counting.wait_for(60)  # more than a batch, and what is ahead of it
    async with asyncio.timeout(20):
        report = await ingest(engine, ledger, counting).run(
            asker(), [document(f"d{number}") for number in range(64)]
        )
    assert report.ingested == 64
    assert writer.written == [f"d{number}" for number in range(64)]


async def test_a_batch_that_cannot_be_written_ends_the_run(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    writer.refused = "d40"
    with pytest.raises(Unavailable, match="does not answer"):
        await ingest(engine, ledger).run(asker(), [document(f"d{n}") for n in range(200)])
    assert writer.written == [f"d{number}" for number in range(32)]


async def test_a_run_that_is_broken_off_leaves_nobody_writing(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def for_ever() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    writer.patience = for_ever
    some = [document(f"d{number}") for number in range(64)]
    run = asyncio.create_task(ingest(engine, ledger).run(asker(), some))
    await begun.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert ended.is_set()
    assert writer.written == []


async def test_of_two_versions_in_one_run_the_later_stays_also_where_it_is_stored_already(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    """What is about to be replaced is not compared with: it will not be there any more."""
    old, new = document("a"), replace(document("a"), title="Another")
    writer.stored = [new]
    others = [document(f"d{number}") for number in range(20)]
    report = await ingest(engine, ledger).run(asker(), [old, *others, new])
    assert [one.document.title for one in writer.tried if one.document.document_id == "a"] == [
        "a",
        "Another",
    ]
    assert report.unchanged == 0


async def test_nor_is_what_stands_there_compared_once_another_version_is_to_come(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    old, new = document("a"), replace(document("a"), title="Another")
    writer.stored = [new]
    report = await ingest(engine, ledger).run(asker(), [new, old, new])
    assert [one.document.title for one in writer.tried] == ["a", "Another"]
    assert (report.ingested, report.unchanged) == (2, 1)
    again = await ingest(engine, ledger).run(asker(), [new, new])
    assert (again.ingested, again.unchanged) == (0, 2)


async def test_what_was_admitted_before_access_ended_is_refused_when_it_is_written(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    def documents() -> Iterator[Document]:
        for number in range(48):
            if number == 40:  # two groups are admitted, and none of their documents is written
                ledger.labels.revoke("t1", "ann")
            yield document(f"d{number}")

    report = await ingest(engine, ledger).run(asker(), documents())
    assert writer.tried == []
    assert len(report.rejected) == len(ledger.records) == 48
    assert [one.source for one in report.rejected] == [f"d{number}.md" for number in range(48)]
