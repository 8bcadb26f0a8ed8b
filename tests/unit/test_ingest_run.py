"""Ingest takes what the ingester may read, in order, and interns nothing that it refuses."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from psycopg.errors import UniqueViolation

from copilot.ingest import ingest as module
from copilot.ingest.documents import Document, Part, Rejected
from copilot.ingest.ingest import Ingest
from copilot.ingest.prepare import PreparedDocument
from copilot.ingest.writer import Pending
from copilot.ledger.log import Record, high_water
from copilot.ledger.records import Kind
from copilot.recorder import Recorder
from copilot.testing import FakeEmbedder, MemoryLabels
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from policy.labels import Label
from policy.scope import Scope, Scoper
from retrieval.embedding import Embedder, Vectors
from retrieval.stores.postgres.database import Database
from tests.unit.governed import KeptLedger, asker, label

pytestmark = pytest.mark.anyio


@dataclass
class Writer:
    """Stands in for the module that writes rows; notes what it was given."""

    known: set[str] = field(default_factory=set)
    violations: int = 0
    compared: list[tuple[str, int]] = field(default_factory=list)
    tried: list[PreparedDocument] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    records: list[tuple[Record, int]] = field(default_factory=list)

    async def unchanged(
        self, database: Database, scope: Scope, document: Document, label_id: int
    ) -> bool:
        self.compared.append((document.document_id, label_id))
        return document.document_id in self.known

    async def other_copies(
        self, database: Database, scope: Scope, stored: Sequence[tuple[str, int]]
    ) -> list[tuple[str, Label]]:
        return []

    async def taken(
        self, database: Database, scope: Scope, prepared: PreparedDocument, ids: dict[str, int]
    ) -> set[str]:
        return {part.part_id for part in prepared.parts}

    async def write(
        self, database: Database, scope: Scope, batch: Sequence[Pending], ids: dict[str, int]
    ) -> list[str]:
        self.tried += [one.prepared for one in batch]
        self.batches.append(len(batch))
        if len(self.batches) <= self.violations:
            raise UniqueViolation("part_id")
        self.records += [(one.record, one.record_label) for one in batch]
        return [f"ledger of {one.prepared.document.document_id}" for one in batch]

    @property
    def written(self) -> list[str]:
        return [str(one.details["document"]["document_id"]) for one, _ in self.records]


class Uneven(FakeEmbedder):
    """The earlier a document comes, the longer its embedding takes."""

    def __init__(self) -> None:
        self._patience = 0.05

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self._patience /= 2
        await asyncio.sleep(self._patience)
        return await super().embed(texts)


def document(name: str, *labels: Label) -> Document:
    labels = labels or (label("U"),)
    parts = tuple(Part(label=one, text=f"Halder signed {name}.") for one in labels)
    return Document(document_id=name, title=name, label=labels[0], parts=parts, source=f"{name}.md")


@pytest.fixture(scope="module")
async def engine() -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine()
    yield engine
    await engine.close()


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    writer = Writer()
    monkeypatch.setattr(module, "writer", writer)
    return writer


@pytest.fixture
def ledger() -> KeptLedger:
    return KeptLedger(MemoryLabels())


def ingest(engine: EmbeddedEngine, ledger: KeptLedger, embedder: Embedder | None = None) -> Ingest:
    database = cast(Database, object())  # only the writer touches it
    scoper = Scoper(engine, ledger.labels)
    recorder = Recorder(engine, scoper, ledger)
    return Ingest(database, engine, scoper, embedder or FakeEmbedder(), ledger, recorder)


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
        for number in range(100):
            ahead.append(number - len(writer.records))
            yield document(f"d{number}")

    await ingest(engine, ledger).run(asker(), documents())
    assert max(ahead) <= 5 + writer.batches[0]
    assert len(writer.batches) > 2


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
