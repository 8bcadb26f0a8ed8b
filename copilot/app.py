"""The composition root: builds every part once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from copilot.acts import Copilot
from copilot.ask import Pipeline
from copilot.generation.extractive import Extractive
from copilot.generation.port import Generator
from copilot.generation.router import Patience, Router
from copilot.ingest.ingest import Ingest
from copilot.ledger.log import Ledger
from copilot.prompts import Prompts
from copilot.resources import Resources
from copilot.settings import Settings
from copilot.telemetry import Metrics
from policy.embedded import EmbeddedEngine
from policy.opa_server import OpaServerEngine
from policy.scope import Scoper
from retrieval.embedding import load as load_embedder
from retrieval.hybrid import Hybrid
from retrieval.relevance import Relevance
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.embedded import start as start_postgres
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.search import PostgresPassages

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic


def database_url(settings: Settings) -> str:
    """The owner's URL: the given server, or the embedded one, which is started."""
    return settings.database_url or start_postgres(settings.data_dir)


@asynccontextmanager
async def build(
    settings: Settings, *, generator: Generator | None = None
) -> AsyncIterator[Copilot]:
    """Everything built once, and closed at the end. The database must have been migrated."""
    database = Database(database_url(settings), timeout_s=settings.database_timeout_s)
    engine = _engine(settings)
    embedder = load_embedder(settings.models_dir)
    await database.open()
    sdk = _sdk(settings)
    try:
        scoper = Scoper(engine, PostgresLabels(database))
        ledger = Ledger(database)
        metrics = Metrics()
        passages = PostgresPassages(database)
        hybrid = Hybrid(
            passages,
            PostgresGraph(database),
            embedder,
            graphrag=settings.graphrag_enabled,
        )
        pipeline = Pipeline(
            engine=engine,
            scoper=scoper,
            hybrid=hybrid,
            relevance=Relevance(passages),
            prompts=Prompts.load(),
            generator=generator or _generator(settings, sdk),
            resources=Resources(database),
            ledger=ledger,
            metrics=metrics,
        )
        ingest = Ingest(database, engine, scoper, embedder, ledger)
        yield Copilot(
            settings,
            database=database,
            engine=engine,
            scoper=scoper,
            pipeline=pipeline,
            ingest=ingest,
            ledger=ledger,
            metrics=metrics,
        )
    finally:
        await database.close()
        await engine.close()
        embedder.close()
        if sdk is not None:
            await sdk.close()


def _engine(settings: Settings) -> EmbeddedEngine | OpaServerEngine:
    if settings.opa_url:
        return OpaServerEngine(settings.opa_url, timeout=settings.policy_timeout_s)
    return EmbeddedEngine(timeout=settings.policy_timeout_s)


def _sdk(settings: Settings) -> "AsyncAnthropic | None":
    if settings.anthropic_api_key is None:
        return None
    # Over a second to import: whoever has no key need not wait for it.
    from copilot.generation.anthropic import client

    return client(
        settings.anthropic_api_key,
        base_url=settings.anthropic_base_url,
        timeout_s=settings.model_timeout_s,
    )


def _generator(settings: Settings, sdk: "AsyncAnthropic | None") -> Generator:
    if sdk is None:
        return Extractive()
    from copilot.generation.anthropic import Anthropic, Options

    options = Options(model=settings.model) if settings.model else Options()
    return Router(
        Anthropic(sdk, options),
        fallback=Extractive() if settings.model_fallback else None,
        patience=Patience(total_s=settings.model_timeout_s),
    )
