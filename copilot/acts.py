"""The governed acts: each asks policy, does the work, records it, and only then gives the result."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import anyio

from copilot import answers, readiness
from copilot.administration import Administration
from copilot.ask import Pipeline
from copilot.auditing import Auditing
from copilot.disposal import Disposal
from copilot.entity_graph import End, EntityGraph
from copilot.feedback import Feedback
from copilot.gate import Admitted, Gate
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.ingest import Ingest, Progress
from copilot.ingest.report import IngestReport
from copilot.ledger.audit import Filters
from copilot.ledger.records import Kind, Page
from copilot.provenance.provenances import Provenances
from copilot.provenance.results import ProvenanceOutcome
from copilot.rate_limit import RateLimit
from copilot.reads import Read, entities_in, read_in
from copilot.recorder import Recorder
from copilot.replay.replays import Replays
from copilot.replay.results import ReplayOutcome
from copilot.resources import Resources
from copilot.results import (
    Answer,
    AskOutcome,
    Denied,
    DocumentOutcome,
    DocumentView,
    EntitiesOutcome,
    EntityOutcome,
    EntityPage,
    EntityPaths,
    EntityView,
    NotFound,
    PathsOutcome,
    SearchOutcome,
    Sentence,
    StepUpRequired,
    Unavailable,
)
from copilot.settings import Settings
from copilot.sign_ins import SignIns
from copilot.telemetry import Metrics
from copilot.texts import composed, plain
from policy.basis import Basis
from policy.engine import Act, PolicyEngine
from policy.errors import CopilotError
from policy.principal import Asker
from policy.recheck import opened
from policy.scope import Scope, Scoper
from retrieval.paths import MOST_HOPS
from retrieval.ports import GraphStore
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.search import PostgresPassages

_GRAPH_S = 1.0
"""A probe does not wait longer for what one can do without."""


class CheckedEngine(PolicyEngine, Protocol):
    """A policy engine that can say whether it would decide by this installation's bundle, and by what."""

    async def check(self) -> None: ...

    def basis(self, tenant: str) -> Basis: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The graph outside of the database: `check` raises Unavailable where it cannot be read."""

    check: Callable[[], Awaitable[None]]
    required: bool
    """Whether some tenant gets no answer without it; else it is only worse to be without."""
    behind: Callable[[], Awaitable[str]] | None = None
    """Where it can be read: what it lacks that no answer needs, so that it keeps no requests away."""


V = TypeVar("V", DocumentView, EntityView, EntityPage, EntityPaths, Answer)


class Copilot:
    """Every act: asks policy, does the work, records it, and only then gives the result."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        engine: CheckedEngine,
        scoper: Scoper,
        gate: Gate,
        recorder: Recorder,
        pipeline: Pipeline,
        ingest: Ingest,
        replays: Replays,
        provenances: Provenances,
        administration: Administration,
        disposal: Disposal,
        sign_ins: SignIns,
        metrics: Metrics,
        graph: GraphStore,
        watched: Watched | None = None,
        sealed: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.administration = administration
        self.disposal = disposal
        self.sign_ins = sign_ins
        self.auditing = Auditing(database, scoper=scoper, gate=gate, recorder=recorder)
        self.feedback = Feedback(database, scoper=scoper, gate=gate, recorder=recorder)
        self.rate_limit = RateLimit(database, settings.rate_limit)
        self._database = database
        self._engine = engine
        self._scoper = scoper
        self._gate = gate
        self._recorder = recorder
        self._pipeline = pipeline
        self._ingest = ingest
        self._replays = replays
        self._provenances = provenances
        self._watched = watched
        self._sealed = sealed
        self._passages = PostgresPassages(database)
        self._resources = Resources(database)
        self._graph = EntityGraph(self._resources, graph)

    def warm(self) -> None:
        """Begins to load what a serving process will need, so that no reader waits for it."""
        self._pipeline.warm()

    async def ask(self, asker: Asker, question: str) -> AskOutcome:
        """An answer in which every sentence is cited and checked, or why there is none."""
        question = composed(question)
        said = {"question": question[:4000]}
        if not self.settings.enabled:
            return await self._switched_off(asker, said)

        async def work(admitted: Admitted) -> AskOutcome:
            return await self._pipeline.ask(admitted.asker, question, step_up=admitted.step_up)

        return await self._gate.governed(Act.ASK, asker, said, work)

    async def ask_stream(self, asker: Asker, question: str) -> AsyncIterator[Sentence | AskOutcome]:
        """Sentences as they are checked, then the outcome."""
        question = composed(question)
        said = {"question": question[:4000]}
        if not self.settings.enabled:
            yield await self._switched_off(asker, said)
            return
        try:
            admitted = await self._gate.admit(Act.ASK, asker, said)
            if isinstance(admitted, Denied):
                yield admitted
                return
            stream = self._pipeline.stream(admitted.asker, question, step_up=admitted.step_up)
            async with aclosing(stream) as items:
                async for item in items:
                    if not isinstance(item, Sentence):
                        self.metrics.outcome(str(Act.ASK), item.kind)
                    yield item
        except CopilotError as error:
            yield await self._gate.failed(Act.ASK, asker, said, error)
        except (Exception, anyio.get_cancelled_exc_class()) as error:
            await self._gate.broken(Act.ASK, asker, said, error)
            raise

    async def search(self, asker: Asker, question: str, k: int | None = None) -> SearchOutcome:
        """The contexts that an answer would be written from."""
        question = composed(question)
        said = {"question": question[:4000]}

        async def work(admitted: Admitted) -> SearchOutcome:
            return await self._pipeline.search(
                admitted.asker, question, k, step_up=admitted.step_up
            )

        return await self._gate.governed(Act.SEARCH, asker, said, work)

    async def document(self, asker: Asker, document_id: str) -> DocumentOutcome:
        """The visible parts of a document."""
        return await self._read(
            asker,
            {"document_id": document_id},
            lambda scope: self._resources.document(scope, document_id),
        )

    async def entity(self, asker: Asker, name: str) -> EntityOutcome:
        """What visible passages say of an entity."""
        return await self._read(
            asker, {"entity": name}, lambda scope: self._resources.entity(scope, name)
        )

    async def entities(
        self, asker: Asker, words: str, *, first: int = 20, after: str | None = None
    ) -> EntitiesOutcome:
        """The entities whose names have all these words, as far as visible passages name them."""
        return await self._read(
            asker,
            {"entities": words, "first": first, "after": after},
            lambda scope: self._graph.page(scope, words, first=first, after=after or ""),
        )

    async def paths(
        self, asker: Asker, start: End, end: End, *, most_hops: int = MOST_HOPS, first: int = 10
    ) -> PathsOutcome:
        """The shortest ways from one entity to another along what visible passages say."""
        return await self._read(
            asker,
            {
                **{f"from_{by}": text for by, text in start.said().items()},
                **{f"to_{by}": text for by, text in end.said().items()},
                "most_hops": most_hops,
                "first": first,
            },
            lambda scope: self._graph.paths(scope, start, end, most_hops=most_hops, first=first),
        )

    async def answer(self, asker: Asker, answer_id: str) -> AskOutcome:
        """A stored answer, authorised anew."""
        return await self._read(
            asker,
            {"answer_id": answer_id},
            lambda scope: answers.read(
                self._database, self._passages, scope, answer_id, asker.principal.sub
            ),
        )

    async def ledger(
        self,
        asker: Asker,
        *,
        first: int = 50,
        after: str | None = None,
        sub: str | None = None,
        kind: str | None = None,
    ) -> Page:
        """The newest entries that an auditor may see; reading them is itself recorded."""
        filters = Filters(sub=sub, kind=kind)
        return await self.auditing.ledger(asker, filters, first=first, after=after)

    async def replay(self, asker: Asker, ledger_id: str) -> ReplayOutcome:
        """A recorded decision made again, by the policy of then and by today's; BadInput where it is none."""
        return await self._replays.replay(asker, ledger_id)

    async def provenance(self, asker: Asker, given_id: str) -> ProvenanceOutcome:
        """How an answer came about, by its id or that of its entry: for who may read it, and for auditors."""
        return await self._provenances.provenance(asker, given_id)

    async def ingest(
        self,
        asker: Asker,
        documents: Iterable[Document | Rejected],
        progress: Progress = lambda: None,
    ) -> IngestReport:
        """Takes documents in, each in one transaction with its record."""

        async def work(admitted: Admitted) -> IngestReport:
            return await self._ingest.run(admitted.asker, documents, progress)

        return await self._gate.required(Act.INGEST, asker, {}, work)

    async def fields(self, asker: Asker) -> frozenset[str]:
        """The restricted output fields that the asker's roles open."""
        return await self._engine.fields(await self._scoper.standing(asker))

    async def ready(self) -> dict[str, str]:
        """Each dependency with "ok", what is wrong with it, or what goes on without it (`readiness`)."""
        found = {
            "postgres": await _check(self._ping),
            "policy": await _check(self._engine.check),
        }
        if self._sealed is not None:
            found["ledger"] = await _state(self._sealed)
        return found if self._watched is None else found | {"neo4j": await _watch(self._watched)}

    async def _ping(self) -> None:
        async with self._database.transaction(Role.READER) as connection:
            await connection.execute("SELECT 1")

    async def _read(
        self, asker: Asker, said: Mapping[str, Any], find: Callable[[Scope], Awaitable[V | None]]
    ) -> V | NotFound | StepUpRequired | Denied | Unavailable:
        async def work(admitted: Admitted) -> V | NotFound | StepUpRequired | Denied:
            for given in said.values():
                plain(str(given))
            found = await find(await self._scoper.scope(admitted.asker))
            now = await self._gate.again(Act.READ, admitted, said)
            if now is not admitted:
                return now if isinstance(now, Denied) else await work(now)
            read = [] if found is None else read_in(found)
            refused = await self._refused(admitted.asker, read)
            if refused:
                found = None
            labels = [one.label for one in read]
            details = {
                **said,
                "read": [] if found is None else [one.to_json() for one in read],
                "recheck_dropped": [one.to_json() for one in refused],
            }
            if found is None:
                return await self._gate.nothing(admitted, details, Kind.READ, labels)
            if entities := entities_in(found):
                details["entities_shown"] = entities
            ledger_id = await self._recorder.record(
                Kind.READ, admitted.asker, found.kind, details, labels
            )
            return replace(found, ledger_id=ledger_id)

        return await self._gate.governed(Act.READ, asker, said, work)

    async def _refused(self, asker: Asker, read: Sequence[Read]) -> list[Read]:
        """What the double check closes of what is about to be shown: an incident, and nothing is shown."""
        open_labels = await opened(self._engine, asker, (one.label for one in read))
        refused = [one for one in read if one.label not in open_labels]
        if refused:
            self.metrics.recheck_mismatches(len(refused))
        return refused

    async def _switched_off(self, asker: Asker, said: Mapping[str, Any]) -> Unavailable:
        details = {**said, "failed_act": str(Act.ASK), "error": "copilot.enabled"}
        ledger_id = await self._recorder.record(Kind.FAILED, asker, "Disabled", details)
        return Unavailable(
            text="Asking is switched off by the operator (copilot.enabled); search still works.",
            dependency="copilot.enabled",
            ledger_id=ledger_id,
        )


async def _check(work: Callable[[], Awaitable[None]]) -> str:
    try:
        await work()
    except CopilotError as error:
        return error.message
    return readiness.OK


async def _state(sealed: Callable[[], Awaitable[str]]) -> str:
    try:
        return await sealed()
    except CopilotError as error:  # the database, which is checked by itself
        return f"{readiness.DEGRADED}{error.message}"


async def _watch(graph: Watched) -> str:
    try:
        async with asyncio.timeout(_GRAPH_S):
            state = await _check(graph.check)
            if state == readiness.OK and graph.behind is not None:
                return await _state(graph.behind)
    except TimeoutError:
        state = f"no answer within {_GRAPH_S:g} s"
    return state if state == readiness.OK or graph.required else f"{readiness.DEGRADED}{state}"
