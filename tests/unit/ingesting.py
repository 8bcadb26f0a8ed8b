"""An ingest over a writer that only notes what it is given."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest
from psycopg.errors import UniqueViolation

from copilot.ingest import admission
from copilot.ingest import ingest as module
from copilot.ingest.documents import Document, Part
from copilot.ingest.ingest import Ingest
from copilot.ingest.prepare import PreparedDocument
from copilot.ingest.writer import Pending
from copilot.ledger.log import Record
from copilot.recorder import Recorder
from copilot.testing import FakeEmbedder, MemoryLabels
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from policy.labels import Label
from policy.scope import Scope, Scoper
from retrieval.embedding import Embedder, Vectors
from retrieval.stores.postgres.database import Database
from tests.unit.governed import KeptLedger, label


@dataclass
class Writer:
    """Stands in for the module that writes rows; notes what it was given."""

    known: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    stored: list[Document] = field(default_factory=list)
    refused: str = ""
    patience: Callable[[], Awaitable[None]] | None = None
    violations: int = 0
    compared: list[tuple[str, int]] = field(default_factory=list)
    tried: list[PreparedDocument] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    records: list[tuple[Record, int]] = field(default_factory=list)

    async def unchanged(
        self, database: Database, scope: Scope, documents: Sequence[Document], ids: dict[str, int]
    ) -> list[bool]:
        self.groups.append(len(documents))
        self.compared += [(one.document_id, ids[one.label.canonical()]) for one in documents]
        stored = self.stored
        return [one in stored if stored else one.document_id in self.known for one in documents]

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
        if self.patience:
            await self.patience()
        if self.refused in {one.prepared.document.document_id for one in batch}:
            raise Unavailable("postgres", "it does not answer")
        self.tried += [one.prepared for one in batch]
        self.batches.append(len(batch))
        if len(self.batches) <= self.violations:
            raise UniqueViolation("part_id")
        self.records += [(one.record, one.record_label) for one in batch]
        return [f"ledger of {one.prepared.document.document_id}" for one in batch]

    async def held_documents(
        self, database: Database, scope: Scope, documents: Collection[tuple[str, int]]
    ) -> set[tuple[str, int]]:
        return {one for one in documents if one[0] in self.held}

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


class Counting(FakeEmbedder):
    """Counts the documents that it has seen."""

    def __init__(self) -> None:
        self.embedded = 0
        self.most_at_once = self._at_once = 0
        self._more = asyncio.Event()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0.001)
        vectors = await super().embed(texts)
        self._at_once -= 1
        self.embedded += 1
        self._more.set()
        return vectors

    async def wait_for(self, documents: int) -> None:
        while self.embedded < documents:
            self._more.clear()
            await self._more.wait()


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
    for one in (module, admission):
        monkeypatch.setattr(one, "writer", writer)
    monkeypatch.setattr(admission, "holds", writer)
    return writer


@pytest.fixture
def ledger() -> KeptLedger:
    return KeptLedger(MemoryLabels())


def ingest(engine: EmbeddedEngine, ledger: KeptLedger, embedder: Embedder | None = None) -> Ingest:
    database = cast(Database, object())  # only the writer touches it
    scoper = Scoper(engine, ledger.labels)
    recorder = Recorder(engine, scoper, ledger)
    return Ingest(database, engine, scoper, embedder or FakeEmbedder(), ledger, recorder)
