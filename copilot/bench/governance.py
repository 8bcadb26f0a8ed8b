"""`copilot bench governance`: what scope, row-level security, re-check and output scan cost a query.

Each question is searched and answered with governance and without it, in turn, on one database of 100,000
chunks; without it means as the owner, who passes row-level security, with no label in any statement.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from copilot.app import database_url
from copilot.bench.bare import BareGraph, BarePassages, connect
from copilot.bench.large import CHUNKS, holding, questions, stocked
from copilot.bench.recombined import READER
from copilot.bench.report import Report
from copilot.bench.scopes import measure
from copilot.citations import cite
from copilot.commands.asker import as_asker
from copilot.generation.extractive import Extractive
from copilot.generation.port import Claim
from copilot.output_scan import OutputScan
from copilot.prompts import Prompts
from copilot.settings import Settings
from policy.embedded import EmbeddedEngine
from policy.principal import Asker
from policy.recheck import double_check
from policy.scope import Scope, Scoper
from retrieval import context as assembly
from retrieval.analysis import analyse
from retrieval.embedding import Embedder, load
from retrieval.embedding_export import MODEL
from retrieval.hybrid import Hybrid, Timings
from retrieval.ports import GraphStore, PassageStore
from retrieval.relevance import Relevance
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.search import PostgresPassages
from retrieval.terms import Terms
from retrieval.types import Context

_QUESTIONS = 30
_REPEATS = 7
_OVERHEAD_MS = 15.0
_TIMEOUT_S = 60.0
_CANDIDATES, _WEIGHED = 40, 12


async def run(settings: Settings) -> Report:
    """The first run makes the corpus, which takes some minutes; later ones find it."""
    report = Report(name="governance")
    await measure(report)
    settings = holding(settings, CHUNKS)
    report.environment["chunks"] = await stocked(settings, CHUNKS)
    embedder = load(settings.models_dir, settings.embedding_model or MODEL)
    try:
        async with _sides(database_url(settings), embedder) as (governed, bare):
            await _overhead(report, governed, bare, questions(_QUESTIONS))
    finally:
        embedder.close()
    return report


async def _overhead(report: Report, governed: "_Side", bare: "_Side", asked: Sequence[str]) -> None:
    for side in (governed, bare):
        await side.answer(asked[0])
    rows = [await _in_turn(governed, bare, question) for question in asked]
    values = {
        "query_governed": [with_ for with_, _ in rows],
        "query_bare": [without for _, without in rows],
        "overhead": [with_ - without for with_, without in rows],
    }
    for name, taken in values.items():
        report.times(name, taken)
    report.aim("overhead_p95", _OVERHEAD_MS)
    report.environment |= {"questions": len(asked), "repeats": _REPEATS}


async def _in_turn(governed: "_Side", bare: "_Side", question: str) -> tuple[float, float]:
    """The quickest of the repeats, in alternating order: whatever else the machine does only adds."""
    taken: dict[_Side, list[float]] = {governed: [], bare: []}
    for repeat in range(_REPEATS):
        for side in (governed, bare) if repeat % 2 else (bare, governed):
            begun = time.perf_counter()
            await side.answer(question)
            taken[side].append((time.perf_counter() - begun) * 1000)
    return min(taken[governed]), min(taken[bare])


@asynccontextmanager
async def _sides(url: str, embedder: Embedder) -> AsyncIterator[tuple["_Side", "_Side"]]:
    engine = EmbeddedEngine()
    database = Database(url, timeout_s=_TIMEOUT_S)
    await database.open()
    database.fences.watch()
    owner = await connect(url)
    asker, scoper = as_asker(READER), Scoper(engine, PostgresLabels(database))
    try:
        yield (
            _Governed(
                PostgresPassages(database), PostgresGraph(database), embedder, asker, engine, scoper
            ),
            _Side(BarePassages(owner), BareGraph(owner), embedder, await scoper.scope(asker)),
        )
    finally:
        await owner.close()
        await database.close()
        await engine.close()


class _Side:
    """A question's way without governance: it is given a scope, and nothing looks at it."""

    def __init__(
        self, passages: PassageStore, graph: GraphStore, embedder: Embedder, scope: Scope | None
    ) -> None:
        self._hybrid = Hybrid(passages, graph, embedder)
        self._relevance = Relevance(passages)
        self._terms = Terms()
        self._prompt = Prompts.load().answer("")
        self._scope = scope

    async def answer(self, question: str) -> None:
        """Searches, weighs, quotes and cites; keeps nothing."""
        scope = await self.scope()
        plan = analyse(question, self._terms)
        found = await self._hybrid.search(plan, scope=scope, limit=_CANDIDATES, timings=Timings())
        contexts = await self.checked(scope, found.contexts)
        weighed = await self._relevance.weigh(contexts[:_WEIGHED], found, scope=scope)
        await self.written(assembly.assemble(weighed))

    async def scope(self) -> Scope:
        assert self._scope is not None  # whoever has none decides one
        return self._scope

    async def checked(self, _: Scope, contexts: Sequence[Context]) -> Sequence[Context]:
        return contexts

    async def written(self, contexts: Sequence[Context]) -> None:
        for claim in await self.claims(contexts):
            cite(claim, contexts)

    async def claims(self, contexts: Sequence[Context]) -> list[Claim]:
        stream = Extractive().stream(self._prompt, contexts)
        return [one async for one in stream if isinstance(one, Claim)]


class _Governed(_Side):
    """The same with scope, row-level security, re-check and scan."""

    def __init__(
        self,
        passages: PassageStore,
        graph: GraphStore,
        embedder: Embedder,
        asker: Asker,
        engine: EmbeddedEngine,
        scoper: Scoper,
    ) -> None:
        super().__init__(passages, graph, embedder, None)
        self._asker, self._engine, self._scoper = asker, engine, scoper
        self._scan = OutputScan()

    async def scope(self) -> Scope:
        return await self._scoper.scope(await self._scoper.standing(self._asker))

    async def checked(self, scope: Scope, contexts: Sequence[Context]) -> Sequence[Context]:
        return (await double_check(self._engine, self._asker, scope, contexts)).kept

    async def written(self, contexts: Sequence[Context]) -> None:
        scan = self._scan.request(contexts, (), self._prompt.system)
        for claim in await self.claims(contexts):
            scan(claim)
            cite(claim, contexts)
