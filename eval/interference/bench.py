"""The bench on which every pair of databases is tried: one policy engine and one embedder for all."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from copilot.acts import CheckedEngine, Copilot
from copilot.app import assemble
from copilot.ingest import writer
from copilot.ingest.documents import Document
from copilot.ingest.prepare import PreparedDocument, prepare
from copilot.ingest.writer import Pending
from copilot.ledger.log import Ledger, Record
from copilot.ledger.records import Kind
from copilot.projection.opened import Projected
from copilot.readiness import OK
from copilot.settings import Settings
from eval.interference.graphs import Graph, Graphs, in_postgres
from eval.interference.people import Reader, author
from eval.oracle import Rule, may_read
from eval.policy import degraded_searches
from policy.engine import Readable
from policy.labels import Label
from policy.principal import Asker
from policy.scope import Scoper
from retrieval.embedding import Embedder
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.names_in_step import Names
from retrieval.stores.postgres.words_in_step import Words
from retrieval.terms import Terms

MakeDatabase = Callable[[str], Database]


def serving(url: str) -> Database:
    """A database as the product opens it, with patience for a busy machine."""
    return Database(url, timeout_s=30, pool_size=2)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all databases of a run share.

    `engine` may be one that decides more narrowly than the product's own; `rule` must then say the same.
    """

    settings: Settings
    engine: CheckedEngine
    embedder: Embedder
    rule: Rule = may_read
    authors: CheckedEngine | None = None
    """Decides for whoever writes the corpora, where `engine` would not let them read all of it."""
    database: MakeDatabase = serving
    """Another one stands in where a test takes row-level security away."""
    graphs: Graphs = in_postgres
    terms: Terms = field(default_factory=Terms)

    @asynccontextmanager
    async def opened(self, url: str) -> AsyncIterator["Opened"]:
        """The product over a migrated database."""
        database = self.database(url)
        names, words = Names(database, least=0), Words(database, least=0)
        await database.open()
        try:
            async with self.graphs(database) as graph:
                wide = cast(CheckedEngine, Widened(self.engine))
                yield Opened(
                    copilot=self._assembled(database, graph, self.engine),
                    wide=self._assembled(database, graph, wide),
                    database=database,
                    names=names,
                    words=words,
                    graph=graph,
                    scoper=Scoper(self.engine, PostgresLabels(database)),
                )
        finally:
            await names.close()
            await words.close()
            await database.close()

    def _assembled(self, database: Database, graph: Graph, engine: CheckedEngine) -> Copilot:
        return assemble(
            self.settings,
            database=database,
            engine=engine,
            embedder=self.embedder,
            projection=Projected(graph=graph.store, check=graph.settle, behind=_in_step),
        )

    async def write(self, url: str, documents: Sequence[Document]) -> None:
        """Stores documents of any tenant by the product's own writer, each as its tenant's author."""
        database = serving(url)
        await database.open()
        try:
            ledger = Ledger(database)
            scoper = Scoper(self.authors or self.engine, PostgresLabels(database))
            for label in {one for document in documents for one in _labels(document)}:
                await ledger.label_id(label)
            taken: set[str] = set()
            for document in documents:
                prepared = await prepare(document, self.embedder, self.terms, taken=taken)
                taken |= {part.part_id for part in prepared.parts}
                await _put(database, ledger, scoper, prepared)
        finally:
            await database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The product over one database, and the parts that are also tried by themselves."""

    copilot: Copilot
    wide: Copilot
    """With a first layer that opens every label: only the double check is left."""
    database: Database
    names: Names
    words: Words
    """Of as few chunks as there are the product would make no copies."""
    graph: Graph
    scoper: Scoper

    @property
    def degraded(self) -> int:
        """Searches so far that went without the graph: what they gave says nothing of it."""
        return degraded_searches(self.copilot) + degraded_searches(self.wide)


class Widened:
    """An engine whose scopes hold every label of the tenant, and whose single decisions are right."""

    def __init__(self, engine: CheckedEngine) -> None:
        self._engine = engine

    async def readable(self, _: Asker, labels: Sequence[Label]) -> Readable:
        return Readable(positions=frozenset(range(len(labels))))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _labels(document: Document) -> list[Label]:
    return [document.label, *(part.label for part in document.parts)]


async def _in_step() -> str:
    """Nobody waits for readiness here."""
    return OK


async def _put(
    database: Database, ledger: Ledger, scoper: Scoper, prepared: PreparedDocument
) -> None:
    who: Reader = author(prepared.document.label.tenant)
    scope = await scoper.scope(who.asker)
    record = Record(
        kind=Kind.INGEST,
        asker=who.asker,
        outcome="Ingested",
        policy_revision=scope.revision,
        label=prepared.document.label,
        details={"document": prepared.document.document_id},
    )
    ids = {label.canonical(): label_id for label_id, label in scope.labels.items()}
    record_label = await ledger.label_id(record.label)
    pending = Pending(prepared=prepared, record=record, record_label=record_label)
    await writer.write(database, scope, [pending], ids)
