"""The composition root: builds every part once."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from copilot.acts import CheckedEngine, Copilot
from copilot.administration import Administration
from copilot.ask import Pipeline
from copilot.break_glass import BreakGlass
from copilot.compose import Composer
from copilot.find import Finder
from copilot.gate import Gate
from copilot.generation.port import Generator
from copilot.generation.providers import OFFLINE, Provider, Providers
from copilot.generation.router import Patience, Router
from copilot.ingest.ingest import Ingest
from copilot.ingest.relabelling import Relabelling
from copilot.ingest.removal import Removal
from copilot.ledger.log import Ledger
from copilot.output_scan import OutputScan, read_canaries
from copilot.projection.opened import projected
from copilot.prompts import Prompts
from copilot.recorder import Recorder
from copilot.resources import Resources
from copilot.settings import Settings
from copilot.standing import Standing
from copilot.telemetry import Metrics
from policy.embedded import EmbeddedEngine
from policy.engine import PolicyEngine
from policy.installation import Installation
from policy.narrowed import NarrowedEngine, tenant_rules
from policy.opa_server import OpaServerEngine
from policy.scope import Scoper
from retrieval.embedding import Embedder
from retrieval.embedding import load as load_embedder
from retrieval.hybrid import Hybrid
from retrieval.ports import GraphStore
from retrieval.relevance import Relevance
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.embedded import start as start_postgres
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.near import Near
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
    """Everything built once, and closed at the end. The database must have been migrated.

    `generator` takes the place of the configured ones, as a part of this process.
    """
    database = Database(database_url(settings), timeout_s=settings.database_timeout_s)
    engine = engine_of(settings)
    embedder = load_embedder(settings.models_dir)
    sdk = _sdk(settings)
    await database.open()
    database.fences.watch()
    near = Near(database)
    given = [Provider(name=OFFLINE.name, model="given", generator=generator)] if generator else None
    try:
        async with projected(settings, database) as graph:
            yield assemble(
                settings,
                database=database,
                engine=engine,
                embedder=embedder,
                preferred=given or _preferred(settings, sdk),
                graph=graph,
                near=near,
            )
    finally:
        await near.close()
        await database.close()
        await engine.close()
        embedder.close()
        if sdk is not None:
            await sdk.close()


def assemble(
    settings: Settings,
    *,
    database: Database,
    engine: CheckedEngine,
    embedder: Embedder,
    near: Near | None = None,
    preferred: Sequence[Provider] = (),
    graph: GraphStore | None = None,
) -> Copilot:
    """The product over parts that the caller has opened and closes; without a `graph` that in Postgres."""
    scoper = Scoper(engine, PostgresLabels(database))
    ledger = Ledger(database)
    recorder = Recorder(engine, scoper, ledger)
    metrics = Metrics()
    gate = Gate(engine, scoper, recorder, metrics)
    return Copilot(
        settings,
        database=database,
        engine=engine,
        scoper=scoper,
        gate=gate,
        recorder=recorder,
        pipeline=_pipeline(
            settings,
            database,
            engine,
            scoper,
            ledger,
            metrics,
            embedder,
            near,
            preferred,
            graph or PostgresGraph(database),
        ),
        ingest=Ingest(database, engine, scoper, embedder, ledger, recorder),
        administration=Administration(
            engine=engine,
            gate=gate,
            recorder=recorder,
            removal=Removal(database, scoper, ledger, recorder),
            relabelling=Relabelling(database, scoper, embedder, ledger, recorder),
            standing=Standing(database, ledger, recorder),
            break_glass=BreakGlass(database, engine, ledger),
        ),
        metrics=metrics,
    )


def _pipeline(
    settings: Settings,
    database: Database,
    engine: PolicyEngine,
    scoper: Scoper,
    ledger: Ledger,
    metrics: Metrics,
    embedder: Embedder,
    near: Near | None,
    preferred: Sequence[Provider],
    graph: GraphStore,
) -> Pipeline:
    passages = PostgresPassages(database, near)
    hybrid = Hybrid(
        passages,
        graph,
        embedder,
        graphrag=settings.graphrag_enabled,
        required=Installation.read(settings.tenants, None).graph_required,
    )
    finder = Finder(
        engine=engine,
        scoper=scoper,
        hybrid=hybrid,
        relevance=Relevance(passages),
        metrics=metrics,
    )
    composer = Composer(
        engine=engine,
        providers=Providers(engine, preferred),
        prompts=Prompts.load(),
        resources=Resources(database),
        scan=OutputScan(read_canaries(settings.canaries) if settings.canaries else ()),
        metrics=metrics,
    )
    return Pipeline(
        engine=engine,
        scoper=scoper,
        finder=finder,
        composer=composer,
        passages=passages,
        ledger=ledger,
        metrics=metrics,
        strict=settings.policy_filter_strict,
    )


def engine_of(settings: Settings) -> NarrowedEngine:
    """The policy engine of the installation: ours, narrowed by the tenants' own rules."""
    installation = Installation.read(settings.tenants, settings.accreditations)
    timeout = settings.policy_timeout_s
    folders = {name: tenant.policy for name, tenant in installation.tenants.items()}
    base: EmbeddedEngine | OpaServerEngine
    if settings.opa_url:
        base = OpaServerEngine(settings.opa_url, timeout=timeout, installation=installation)
    else:
        base = EmbeddedEngine(timeout=timeout, installation=installation)
    return NarrowedEngine(base, tenant_rules(folders, timeout=timeout))


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


def _preferred(settings: Settings, sdk: "AsyncAnthropic | None") -> list[Provider]:
    if sdk is None:
        return []
    from copilot.generation.anthropic import Anthropic, Options

    options = Options(model=settings.model) if settings.model else Options()
    router = Router(
        Anthropic(sdk, options),
        fallback=OFFLINE.generator if settings.model_fallback else None,
        patience=Patience(total_s=settings.model_timeout_s),
    )
    return [Provider(name="anthropic", model=options.model, generator=router)]
