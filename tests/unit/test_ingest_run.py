"""Ingest takes what the ingester may read, in order, and interns nothing that it refuses."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from copilot.ingest import ingest as module
from copilot.ingest.documents import Document, Rejected
from copilot.ledger.log import high_water
from copilot.ledger.records import Kind
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from policy.labels import Label
from tests.unit.governed import KeptLedger, asker, label
from tests.unit.ingesting import Writer, document, engine, ingest, ledger, writer

__all__ = ["engine", "ledger", "writer"]

pytestmark = pytest.mark.anyio


async def interned(ledger: KeptLedger) -> set[Label]:
    return set((await ledger.labels.catalog("t1")).labels.values())


async def test_each_document_is_written_with_a_record_as_strict_as_it(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    report = await ingest(engine, ledger).run(asker("S"), [document("a", label("S"), label("U"))])
    assert (report.ingested, report.ledger_ids) == (1, ("ledger of a",))
    [(record, record_label)] = writer.records
    assert (record.kind, record.outcome) == (Kind.INGEST, "Ingested")
    assert record.policy_revision == engine.revision("t1")
    assert record.label.dominates(label("S"))
    assert record_label == ledger.labels.intern(record.label)
    parts = record.details["document"]["parts"]
    assert [part["label"]["classification"] for part in parts] == ["S", "U"]
    assert "Halder" not in str(record.details)


async def test_one_that_stands_in_the_way_of_others_does_not_keep_them_out(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    writer.violations = 1
    report = await ingest(engine, ledger).run(asker(), map(document, "abc"))
    assert (report.ingested, writer.written) == (3, ["a", "b", "c"])
    assert writer.batches == [3, 1, 1, 1]


async def test_what_the_reader_rejected_is_passed_on_and_the_rest_goes_on(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    bad = Rejected(source="x.jsonl", line=3, reason="no label")
    report = await ingest(engine, ledger).run(asker(), [document("a"), bad, document("b")])
    assert report.rejected == (bad,)
    assert writer.written == ["a", "b"]
    assert ledger.records == []


async def test_an_unchanged_document_is_counted_and_not_written(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    writer.known = {"a"}
    report = await ingest(engine, ledger).run(asker(), [document("a"), document("b")])
    assert (report.ingested, report.unchanged) == (1, 1)
    assert writer.written == ["b"]
    assert ("a", ledger.labels.intern(label("U"))) in writer.compared


@pytest.mark.parametrize(
    "labels", [(label("S"),), (label("U"), label("S")), (label("U", "ORION"),)]
)
async def test_a_label_that_the_ingester_may_not_read_is_refused_and_never_interned(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer, labels: tuple[Label, ...]
) -> None:
    who = asker("C")
    report = await ingest(engine, ledger).run(who, [document("a", *labels), document("b")])
    [rejected] = report.rejected
    assert rejected.source == "a.md"
    assert rejected.reason.startswith("a: its label is not one that this ingester may read")
    assert writer.written == ["b"]
    assert not await interned(ledger) & (set(labels) - {label("U")})
    [record] = ledger.records
    assert (record.kind, record.outcome) == (Kind.DENIED, "Denied")
    assert high_water(who).dominates(record.label)
    assert record.label.dominates(label("C"))
    assert record.details["denied_act"] == "ingest"
    assert "Halder" not in str(record.details)


async def test_what_would_overwrite_a_held_document_is_refused_and_the_rest_goes_on(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    writer.held = {"a"}
    report = await ingest(engine, ledger).run(asker("C"), [document("a"), document("b")])
    [rejected] = report.rejected
    assert (rejected.source, writer.written) == ("a.md", ["b"])
    assert "hold" in rejected.reason


async def test_a_refusal_that_is_not_recorded_ends_the_run(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    ledger.broken_for = "Denied"
    with pytest.raises(Unavailable, match="ledger"):
        await ingest(engine, ledger).run(asker("C"), [document("a", label("S")), document("b")])
    assert writer.written == []


@pytest.mark.parametrize(("labels", "taken"), [(50, 1), (51, 0)])
async def test_a_document_may_not_bring_in_labels_by_the_hundred(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer, labels: int, taken: int
) -> None:
    names = [f"K{number}" for number in range(labels)]
    many = document("a", *(label("U", name) for name in names))
    report = await ingest(engine, ledger).run(asker("C", *names), [many])
    assert report.ingested == taken
    if not taken:
        assert report.rejected[0].reason == "a: it has 51 different labels; the most is 50"
        assert await interned(ledger) == set()


async def test_parts_whose_ids_are_taken_get_others(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    writer.violations = 2
    report = await ingest(engine, ledger).run(asker(), [document("a")])
    assert report.ingested == 1
    ids = [part.part_id for prepared in writer.tried for part in prepared.parts]
    assert len(ids) == len(set(ids)) == 3
    assert writer.written == ["a"]


async def test_it_does_not_try_for_ever(
    engine: EmbeddedEngine,
    ledger: KeptLedger,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_TRIES", 3)
    writer.violations = 9
    with pytest.raises(Unavailable, match=r"too many equal parts in a\.md"):
        await ingest(engine, ledger).run(asker(), [document("a")])
    assert writer.batches == [1] * 4  # once with others, if there are any, and then alone


async def test_who_loses_access_within_a_run_brings_nothing_more_in(
    engine: EmbeddedEngine, ledger: KeptLedger, writer: Writer
) -> None:
    """Nor what was prepared before: the labels are looked at again when it is written."""

    def documents() -> Iterator[Document]:
        for number in range(9):
            if number == 7:
                ledger.labels.revoke("t1", "ann")
            yield document(f"d{number}", controlled if number >= 7 else label("U"))

    controlled = replace(label("U"), handling=frozenset(["CUI"]))
    report = await ingest(engine, ledger).run(asker(), documents())
    assert controlled not in await interned(ledger)
    assert writer.written == ["d0", "d1", "d2"][: report.ingested]
    assert len(report.rejected) == 9 - report.ingested >= 6
    assert {one.reason.split(": ")[1] for one in report.rejected} == {
        "its label is not one that this ingester may read; ask somebody who may"
    }
    assert [one.outcome for one in ledger.records] == ["Denied"] * len(report.rejected)
