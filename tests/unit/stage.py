"""A Copilot over fakes that answer at once, with the fakes at hand."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import anyio.lowlevel

from copilot.acts import Copilot
from copilot.gate import Gate
from copilot.ingest.report import IngestReport
from copilot.ledger.log import Record
from copilot.recorder import Recorder
from copilot.results import Answer, DocumentView, PartView, SearchResult, Sentence
from copilot.settings import Settings
from copilot.telemetry import Metrics
from policy.basis import Basis
from policy.engine import Act, Allowed, Call, Decision, Denied, Readable, Release
from policy.errors import CopilotError
from policy.labels import Classification, Label
from policy.principal import Asker, Grant
from policy.scope import Scope, Scoper
from tests.unit.api.fakes import ANN, ANSWER, CONTEXT, LABEL, SENTENCE
from tests.unit.policy.fakes import Catalog, label

ASKER = Asker(principal=ANN, purpose="investigation")
GRANT = Grant(
    grant_id="g1",
    clearance=Classification.TS,
    compartments=frozenset(),
    authorities=frozenset(),
    not_after=9,
)
VIEW = DocumentView(
    document_id="d1",
    title="Vessels",
    metadata={},
    banner="S//HARBOR",
    parts=(PartView(part_id="p1", text="A text.", label=LABEL, marking="(S//HARBOR)"),),
    ledger_id="",
)


@dataclass
class Engine:
    """Opens every label and act but those named, nothing to the revoked; `fault` is raised by every decision."""

    closed: set[Label] = field(default_factory=set)
    refused: set[Act] = field(default_factory=set)
    fault: CopilotError | None = None
    step_up: bool = False
    because: str = "role"

    def _decide(self, closed: bool) -> Decision:
        if self.fault:
            raise self.fault
        return Denied(reason=self.because) if closed else Allowed(step_up=self.step_up)

    def revision(self, tenant: str) -> str:
        return f"rules of {tenant}"

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> Readable:
        self._decide(False)
        opened = () if asker.principal.revoked else range(len(labels))
        return Readable(positions=frozenset(opened))

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        return [self._decide(label in self.closed) for label in labels]

    async def permits(
        self, asker: Asker, act: Act, subject: Mapping[str, Any] | None = None
    ) -> Decision:
        if asker.principal.revoked:
            return Denied(reason="revoked")
        return self._decide(act in self.refused)

    async def fields(self, asker: Asker) -> frozenset[str]:
        return frozenset() if asker.principal.revoked else frozenset(["usage"])

    async def may_route(self, asker: Asker, call: Call) -> Decision:
        return self._decide(False)

    async def may_release(
        self, asker: Asker, *, cited: bool, findings: Sequence[str], strict: bool
    ) -> Release:
        return Release.RELEASE

    async def check(self) -> None:
        self._decide(False)

    def basis(self, tenant: str) -> Basis:
        raise AssertionError("no act of these tests is decided again")


@dataclass
class MemoryLedger:
    """Keeps its records; `fault` is raised instead, and `hangs` never ends."""

    records: list[Record] = field(default_factory=list)
    fault: CopilotError | None = None
    hangs: bool = False

    async def record(self, record: Record) -> str:
        await anyio.lowlevel.checkpoint()
        if self.hangs:
            await anyio.sleep_forever()
        if self.fault:
            raise self.fault
        self.records.append(record)
        return f"r{len(self.records)}"


@dataclass
class Steps:
    """A pipeline that answers at once; `fault` is raised after the first sentence of a stream."""

    fault: BaseException | None = None
    begun: anyio.Event | None = None
    asked: list[str] = field(default_factory=list)
    standing: list[Asker] = field(default_factory=list)
    step_up: bool = False
    closed: int = 0

    def _begin(self, asker: Asker, question: str, step_up: bool) -> None:
        self.asked.append(question)
        self.standing.append(asker)
        self.step_up = step_up

    async def ask(self, asker: Asker, question: str, *, step_up: bool) -> Answer:
        self._begin(asker, question, step_up)
        if self.begun:
            self.begun.set()
            await anyio.sleep_forever()
        if self.fault:
            raise self.fault
        return ANSWER

    async def stream(
        self, asker: Asker, question: str, *, step_up: bool
    ) -> AsyncIterator[Sentence | Answer]:
        self._begin(asker, question, step_up)
        try:
            yield SENTENCE
            if self.fault:
                raise self.fault
            yield ANSWER
        finally:
            self.closed += 1

    async def search(
        self, asker: Asker, question: str, k: int | None, *, step_up: bool
    ) -> SearchResult:
        self._begin(asker, question, step_up)
        if self.fault:
            raise self.fault
        return SearchResult(contexts=(CONTEXT,) * (k or 1), ledger_id="s1")


@dataclass
class Storage:
    """What stands in for documents and for the database that answers a ping."""

    view: DocumentView | None = VIEW
    fault: CopilotError | None = None
    scopes: list[Scope] = field(default_factory=list)
    during: Callable[[], None] = lambda: None
    """What happens elsewhere while a document is read."""

    async def document(self, scope: Scope, document_id: str) -> DocumentView | None:
        self.scopes.append(scope)
        self.during()
        return self.view

    async def entity(self, scope: Scope, name: str) -> None:
        self.scopes.append(scope)

    @asynccontextmanager
    async def transaction(self, role: object) -> AsyncIterator["Storage"]:
        if self.fault:
            raise self.fault
        yield self

    async def execute(self, query: str) -> None:
        assert query == "SELECT 1"


class Ingesting:
    """Counts what it is given."""

    async def run(self, asker: Asker, documents: list[Any], progress: Callable[[], None]) -> Any:
        progress()
        return IngestReport(ingested=len(documents), unchanged=0, rejected=(), ledger_ids=("i1",))


@dataclass
class Stage:
    """A Copilot over fakes, with the fakes at hand."""

    engine: Engine = field(default_factory=Engine)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    steps: Steps = field(default_factory=Steps)
    storage: Storage = field(default_factory=Storage)
    enabled: bool = True

    def __post_init__(self) -> None:
        self.catalog = Catalog({1: LABEL, 2: label("U")})
        scoper, metrics = Scoper(self.engine, self.catalog), Metrics()
        recorder = Recorder(self.engine, scoper, cast(Any, self.ledger))
        given: Any = {
            "database": self.storage,
            "pipeline": self.steps,
            "ingest": Ingesting(),
            "graph": None,
            "replays": None,
            "provenances": None,
        }
        self.copilot = Copilot(
            Settings(enabled=self.enabled),
            engine=self.engine,
            scoper=scoper,
            gate=Gate(self.engine, scoper, recorder, metrics),
            recorder=recorder,
            administration=cast(Any, None),
            disposal=cast(Any, None),
            sign_ins=cast(Any, None),
            metrics=metrics,
            **given,
        )
        self.copilot._resources = cast(Any, self.storage)

    def counted(self, name: str, **labels: str) -> float:
        registry = self.copilot.metrics.registry
        return registry.get_sample_value(f"copilot_{name}_total", labels) or 0.0

    @property
    def record(self) -> Record:
        (only,) = self.ledger.records
        return only
