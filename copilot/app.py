"""The composition root: builds every part once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from copilot.acts import CheckedEngine, Copilot, Watched
from copilot.administration import Administration
from copilot.ask import Pipeline
from copilot.break_glass import BreakGlass
from copilot.changes import Changes
from copilot.compose import Composer
from copilot.consult import Consultant
from copilot.disposal import Disposal
from copilot.find import Finder
from copilot.gate import Gate
from copilot.generation.configured import client_of, preferred
from copilot.generation.port import Generator
from copilot.generation.providers import OFFLINE, Provider, Providers
from copilot.ingest.holds import Holds
from copilot.ingest.ingest import Ingest
from copilot.ingest.relabelling import Relabelling
from copilot.ingest.removal import Removal
from copilot.ledger.keeping import Keeper
from copilot.ledger.log import Ledger
from copilot.ledger.vouch import by_keys_of
from copilot.operating import Operating
from copilot.output_scan import OutputScan, read_canaries
from copilot.projection.opened import Projected, projected
from copilot.prompts import Prompts
from copilot.provenance.provenances import Provenances
from copilot.recorder import Recorder
from copilot.replay.bundles import PolicyBundles
from copilot.replay.decided import Decisions
from copilot.replay.replays import Replays
from copilot.resources import Resources
from copilot.retention import Retention
from copilot.settings import Settings
from copilot.sign_ins import SignIns
from copilot.standing import Standing
from copilot.stores import stores
from copilot.telemetry import Metrics
from policy.embedded import EmbeddedEngine
from policy.engine import PolicyEngine
from policy.errors import CopilotError, Unavailable
from policy.installation import Installation
from policy.narrowed import NarrowedEngine, tenant_rules
from policy.recorded import RecordedPolicies
from policy.scope import Scoper
from retrieval.embedding import Embedder, Model
from retrieval.embedding import find as find_embedder
from retrieval.embedding import load as load_embedder
from retrieval.embedding_export import MODEL
from retrieval.following import Following
from retrieval.hybrid import Hybrid
from retrieval.neighbours import Neighbours
from retrieval.ports import GraphStore, PassageStore
from retrieval.relevance import Relevance
from retrieval.stores.postgres import models
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.embedded import start as start_postgres
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.search import PostgresPassages

if TYPE_CHECKING:
    from policy.opa_server import OpaServerEngine


def database_url(settings: Settings) -> str:
    """The owner's URL: the given server, or the embedded one, which is started."""
    return settings.database_url or start_postgres(settings.data_dir)


@asynccontextmanager
async def build(
    settings: Settings,
    *,
    generator: Generator | None = None,
    embedder: Embedder | None = None,
    sealing: bool = False,
    noting: bool = False,
) -> AsyncIterator[Copilot]:
    """Everything built once, and closed at the end. The database must have been migrated.

    With `sealing` it seals the ledger, and publishes its checkpoints, as long as it is open; with `noting` it records
    first by which policy and flags it decides, where they are others than before.

    `generator` takes the place of the configured ones, as a part of this process. `embedder` is used where it is
    that of the model that would be loaded.
    """
    database = Database(database_url(settings), timeout_s=settings.database_timeout_s)
    sdk = client_of(settings)
    given = [Provider(name=OFFLINE.name, model="given", generator=generator)] if generator else None
    follower: Following | None = None
    keeper: Keeper | None = None
    metrics = Metrics()
    await database.open()
    database.fences.watch()
    compiling = asyncio.create_task(asyncio.to_thread(engine_of, settings))  # beside the model
    try:
        follower = await following(settings, database, embedder)
        follower.watch()
        engine = await compiling
        if sealing:
            keeper = Keeper(settings, database, Operating(database, engine).rotated)
        async with (
            stores(database) as found,
            projected(settings, database, found.names, metrics.graph_behind) as projection,
        ):
            if noting:
                await Changes(settings, database, engine).note()
            if keeper is not None:
                keeper.watch(metrics.unsealed)
            yield assemble(
                settings,
                database=database,
                engine=engine,
                embedder=follower,
                preferred=given or preferred(settings, sdk),
                passages=found.passages,
                graph=found.graph,
                projection=projection,
                keeper=keeper,
                metrics=metrics,
            )
    finally:
        if keeper is not None:
            await keeper.close()
        if follower is not None:
            await follower.close()
        await database.close()
        with suppress(CopilotError):  # what failed has nothing to close, and has said so
            await (await compiling).close()
        if sdk is not None:
            await sdk.close()


def assemble(
    settings: Settings,
    *,
    database: Database,
    engine: CheckedEngine,
    embedder: Embedder,
    passages: PassageStore | None = None,
    preferred: Sequence[Provider] = (),
    graph: GraphStore | None = None,
    projection: Projected | None = None,
    keeper: Keeper | None = None,
    metrics: Metrics | None = None,
) -> Copilot:
    """The product over parts that the caller has opened and closes; stores that are not given are Postgres alone.

    Where there is a `projection`, the graph is read from it.
    """
    installation = Installation.read(settings.tenants, None)
    scoper = Scoper(engine, PostgresLabels(database))
    ledger = Ledger(database)
    recorder = Recorder(engine, scoper, ledger)
    metrics = metrics or Metrics()
    bundles = PolicyBundles(database)
    decisions = Decisions(engine, bundles, strict=settings.policy_filter_strict)
    gate = Gate(engine, scoper, recorder, metrics, decisions)
    vouching = by_keys_of(settings, database)
    removal = Removal(database, scoper, ledger, recorder, vouching)
    graph = projection.graph if projection else graph or PostgresGraph(database)
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
            passages or PostgresPassages(database),
            preferred,
            graph,
            installation,
            decisions,
        ),
        replays=Replays(
            database=database,
            engine=engine,
            scoper=scoper,
            gate=gate,
            recorder=recorder,
            passages=PostgresPassages(database),
            bundles=bundles,
            policies=RecordedPolicies(timeout=settings.policy_timeout_s),
        ),
        provenances=Provenances(
            database=database,
            engine=engine,
            scoper=scoper,
            gate=gate,
            recorder=recorder,
            passages=PostgresPassages(database),
            metrics=metrics,
        ),
        ingest=Ingest(database, engine, scoper, embedder, ledger, recorder),
        administration=Administration(
            engine=engine,
            gate=gate,
            recorder=recorder,
            removal=removal,
            relabelling=Relabelling(database, scoper, embedder, ledger, recorder),
            standing=Standing(database, ledger, recorder),
            break_glass=BreakGlass(database, engine, ledger),
        ),
        disposal=Disposal(
            database=database,
            engine=engine,
            scoper=scoper,
            gate=gate,
            recorder=recorder,
            holds=Holds(database, scoper, ledger, recorder),
            retention=Retention(database, scoper, removal),
            rules=installation.retention,
        ),
        sign_ins=SignIns(database, ledger, recorder),
        metrics=metrics,
        graph=graph,
        watched=Watched(
            check=projection.check,
            required=installation.graph_required_by_any,
            behind=projection.behind,
        )
        if projection
        else None,
        sealed=keeper.state if keeper else None,
    )


def _pipeline(
    settings: Settings,
    database: Database,
    engine: PolicyEngine,
    scoper: Scoper,
    ledger: Ledger,
    metrics: Metrics,
    embedder: Embedder,
    passages: PassageStore,
    preferred: Sequence[Provider],
    graph: GraphStore,
    installation: Installation,
    decisions: Decisions,
) -> Pipeline:
    providers, prompts = Providers(engine, preferred), Prompts.load()
    hybrid = Hybrid(
        passages,
        graph,
        embedder,
        graphrag=settings.graphrag_enabled,
        required=installation.graph_required,
        # The transaction of the other reads ends with the database's time, and would take them along.
        graph_within_s=settings.database_timeout_s / 2 if settings.neo4j_url else None,
    )
    finder = Finder(
        engine=engine,
        scoper=scoper,
        hybrid=hybrid,
        relevance=Relevance(passages),
        neighbours=Neighbours(passages),
        metrics=metrics,
        consultant=Consultant(
            providers=providers,
            prompts=prompts,
            ledger=ledger,
            metrics=metrics,
            decompose=installation.decompose,
            filter_facts=installation.filter_facts,
        ),
        tokens=settings.context_tokens,
        following=embedder if isinstance(embedder, Following) else None,
        decisions=decisions,
    )
    composer = Composer(
        engine=engine,
        providers=providers,
        prompts=prompts,
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


async def following(
    settings: Settings, database: Database, held: Embedder | None = None
) -> Following:
    """The embedder of the configured model, else of the store's, else the built-in one; it follows the store.

    It looks by itself from `watch` on.

    Misconfigured where the store's vectors are of another model than the configured one, or its model is not
    at hand. A database that does not answer is not waited for: each search makes sure by itself. `held` is
    taken where it is the one.
    """
    try:
        stored = await models.current(database)
    except Unavailable:
        stored = None

    def load(model: Model) -> Embedder:
        if held is not None and held.model == model:
            return held
        if settings.embedding_model is None:
            found = find_embedder(settings.models_dir, model)
        else:
            found = load_embedder(settings.models_dir, settings.embedding_model)
        models.agree(model, found.model)
        return found

    def first() -> Embedder:
        if stored is not None:
            return load(stored)
        return held or load_embedder(settings.models_dir, settings.embedding_model or MODEL)

    # In a thread: what looks after the database meanwhile must not take it for slow.
    embedder = await asyncio.to_thread(first)
    return Following(embedder, stored=lambda: models.current(database), load=load)


async def embedder_of(settings: Settings) -> Embedder:
    """The one that a process over this database would begin with, for its forks to share."""
    database = Database(database_url(settings), timeout_s=settings.database_timeout_s)
    await database.open()
    try:
        return (await following(settings, database)).embedder
    finally:
        await database.close()


def engine_of(settings: Settings) -> NarrowedEngine:
    """The policy engine of the installation: ours, narrowed by the tenants' own rules."""
    installation = Installation.read(settings.tenants, settings.accreditations)
    timeout = settings.policy_timeout_s
    folders = {name: tenant.policy for name, tenant in installation.tenants.items()}
    return NarrowedEngine(_base(settings, installation), tenant_rules(folders, timeout=timeout))


def _base(settings: Settings, installation: Installation) -> "EmbeddedEngine | OpaServerEngine":
    timeout = settings.policy_timeout_s
    if not settings.opa_url:
        return EmbeddedEngine(timeout=timeout, installation=installation)
    # Its client takes a fifth of a second to import: whoever has no such server need not wait for it.
    from policy.opa_server import OpaServerEngine

    return OpaServerEngine(settings.opa_url, timeout=timeout, installation=installation)
