"""The stage: the product over an embedded database that is emptied at will."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from copilot.app import assemble, engine_of
from copilot.bench.bare import connect
from copilot.bench.corpus import PERSON
from copilot.commands.asker import as_asker
from copilot.commands.opened import ready_url
from copilot.ingest.documents import Document
from copilot.ingest.reader import read
from copilot.ingest.report import IngestReport
from copilot.settings import Settings
from policy.labels import Classification, Label
from policy.narrowed import NarrowedEngine
from retrieval.embedding import Embedder, load
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.bench.ingest", "store.sql")
_PATIENCE_S = 30.0
"""A machine that is busy with other things must not end a measurement."""
LABEL = Label(tenant=PERSON.tenant, classification=Classification.U)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What is measured: the product's own ingest, whatever embedder it is given."""

    settings: Settings
    url: str
    database: Database
    engine: NarrowedEngine
    embedder: Embedder
    documents: tuple[Document, ...]
    """Of the corpus, in its order."""

    async def take(
        self, documents: tuple[Document, ...], embedder: Embedder | None = None
    ) -> IngestReport:
        """Takes the documents in, as `copilot ingest` does."""
        copilot = assemble(
            self.settings,
            database=self.database,
            engine=self.engine,
            embedder=embedder or self.embedder,
        )
        return await copilot.ingest(as_asker(PERSON), documents)

    async def emptied(self) -> None:
        """Nothing is stored; the ledger stays."""
        await self._asked("empty")

    async def stored(self) -> int:
        """How many documents are stored."""
        return int(await self._asked("documents"))

    async def content(self) -> str:
        """A digest of all that is stored but keys that are drawn and times."""
        return str(await self._asked("content"))

    async def postgres_s(self) -> float:
        """Processor seconds of the server's processes so far; 0 where the system does not say."""
        return sum(map(_processor_s, await self._asked("processes")))

    async def _asked(self, block: str) -> Any:
        owner = await connect(self.url)
        try:
            cursor = await owner.execute(_SQL[block])
            row = await cursor.fetchone() if cursor.description else None
            return row["value"] if row else None
        finally:
            await owner.close()


@asynccontextmanager
async def staged(settings: Settings, file: Path) -> AsyncIterator[Stage]:
    """Opens everything once, on an embedded database that is emptied before."""
    settings = replace(
        settings,
        database_url=None,  # what is emptied must be the bench's own
        neo4j_url=None,
        database_timeout_s=_PATIENCE_S,
        policy_timeout_s=_PATIENCE_S,
    )
    url = await ready_url(settings)
    engine, embedder = engine_of(settings), load(settings.models_dir)
    database = Database(url, timeout_s=_PATIENCE_S)
    await database.open()
    database.fences.watch()
    try:
        stage = Stage(
            settings=settings,
            url=url,
            database=database,
            engine=engine,
            embedder=embedder,
            documents=_documents(file),
        )
        await stage.emptied()
        yield stage
    finally:
        await database.close()
        await engine.close()
        embedder.close()


def _documents(file: Path) -> tuple[Document, ...]:
    given = read([file], tenant=PERSON.tenant, default_label=LABEL)
    return tuple(islice((one for one in given if isinstance(one, Document)), 5_000))


def _processor_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:  # it has ended, or the system has no such files
        return 0.0
    user, system = fields[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
