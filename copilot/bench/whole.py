"""The whole product over a large corpus, as it is served, and one search of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from copilot.acts import Copilot
from copilot.app import assemble, database_url, engine_of
from copilot.bench.large import questions
from copilot.projection.opened import projected
from copilot.results import SearchResult
from copilot.settings import Settings
from copilot.stores import Stores, stores
from copilot.wording import DEGRADED
from policy.errors import CopilotError
from policy.principal import Asker
from retrieval.embedding import OnnxEmbedder, load
from retrieval.embedding_export import MODEL
from retrieval.stores.postgres.database import Database

_K = 10
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Whole:
    """The product, and its stores, which one may wait for."""

    copilot: Copilot
    stores: Stores

    async def warm(self, who: Asker) -> None:
        """Returns when what they may read is in memory, here and in the database."""
        await self.search(who, questions()[0])
        await self.stores.passages.caught_up()
        await self.stores.graph.caught_up()
        for question in questions():
            await self.search(who, question)

    async def search(self, who: Asker, question: str) -> SearchResult:
        """CopilotError where it gives anything but a whole result: what an arm that is away costs says nothing."""
        found = await self.copilot.search(who, question, _K)
        if not isinstance(found, SearchResult):
            raise CopilotError(f"search gave {found.kind}: {found.text}")
        if any(text in (found.notice or "") for text in DEGRADED.values()):
            raise CopilotError(f"search was not whole: {found.notice}")
        return found


@asynccontextmanager
async def whole(settings: Settings, embedder: OnnxEmbedder | None = None) -> AsyncIterator[Whole]:
    """With the given embedder, or one of its own; a configured Neo4j is waited for."""
    settings = replace(settings, database_timeout_s=_TIMEOUT_S)
    database = Database(database_url(settings), timeout_s=_TIMEOUT_S)
    engine, loaded = engine_of(settings), embedder or load(settings.models_dir, MODEL)
    await database.open()
    database.fences.watch()
    try:
        async with (
            stores(database) as found,
            projected(settings, database, found.names) as projection,
        ):
            copilot = assemble(
                settings,
                database=database,
                engine=engine,
                embedder=loaded,
                passages=found.passages,
                graph=found.graph,
                projection=projection,
            )
            yield Whole(copilot, found)
    finally:
        await database.close()
        await engine.close()
        loaded.close()
