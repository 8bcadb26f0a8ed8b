"""An in-memory Copilot for tests of the edge: it answers at once and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

from copilot.entity_graph import End
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.report import IngestReport
from copilot.provenance.results import Provenance, ProvenanceOutcome
from copilot.replay.results import ReplayOutcome
from copilot.results import (
    Answer,
    AskOutcome,
    Citation,
    DocumentOutcome,
    DocumentView,
    EntitiesOutcome,
    EntityMention,
    EntityOutcome,
    EntityPage,
    EntityPath,
    EntityPaths,
    EntityRelation,
    EntitySummary,
    EntityView,
    Explanation,
    NamedIn,
    NotFound,
    PartView,
    PathEntity,
    PathsOutcome,
    PathStep,
    SearchOutcome,
    SearchResult,
    Sentence,
    Usage,
)
from copilot.settings import Settings
from copilot.telemetry import Metrics
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from retrieval.types import Arm, ArmHit, Chunk, Context
from tests.unit.api.fake_administration import FakeAdministration
from tests.unit.api.fake_auditing import FakeAuditing
from tests.unit.api.fake_disposal import FakeDisposal
from tests.unit.api.fake_feedback import FakeFeedback
from tests.unit.api.fake_replay import REPLAY

SECRET = "a secret of at least thirty-two bytes"
DESK = "https://desk.example"
"""An origin that `production` allows."""
QUOTE = "Kestrel Holdings owns the vessel."
LABEL = Label(tenant="t1", classification=Classification.S, compartments=frozenset(["HARBOR"]))
ANN = Principal(
    sub="ann",
    tenant="t1",
    clearance=Classification.S,
    compartments=frozenset(["HARBOR"]),
    nationality="USA",
    roles=frozenset(["analyst", "ingester"]),
    purposes=("investigation", "review"),
)
LEE = Principal(
    sub="lee",
    tenant="t1",
    clearance=Classification.C,
    nationality="GBR",
    roles=frozenset(["auditor"]),
    purposes=("audit",),
)
CITATION = Citation(
    document_id="d1",
    part_id="p1",
    chunk_id="c1",
    start=0,
    end=len(QUOTE),
    quote=QUOTE,
    quote_sha256="00" * 32,
    label=LABEL,
    entities=("Kestrel Holdings",),
    relation="owns",
)
SENTENCE = Sentence(text=QUOTE, marking="(S//HARBOR)", citations=(CITATION,))
EXPLANATION = Explanation(plan={"intent": "fact"}, arms={"vector": 1}, paths=(("a", "b"),))
OWNS = EntityRelation(
    type="owns",
    source="Kestrel Holdings",
    source_id="e1",
    target="vessel",
    target_id="e2",
    properties={},
    citation=CITATION,
    marking="(S//HARBOR)",
)
ANSWER = Answer(
    text=QUOTE,
    banner="S//HARBOR",
    sentences=(SENTENCE,),
    explanation=EXPLANATION,
    answer_id="a1",
    ledger_id="l1",
    model="extractive",
    usage=Usage(input_tokens=3),
    timings_ms={"vector": 1.5},
)
PROVENANCE = Provenance(
    entry="l1",
    answer_id="a1",
    banner="S//HARBOR",
    prov='{"prefix":{}}',
    page="<!DOCTYPE html>",
    ledger_id="l10",
)
CONTEXT = Context(
    chunk=Chunk(
        chunk_id="c1",
        part_id="p1",
        document_id="d1",
        title=None,
        text=QUOTE,
        start=0,
        end=len(QUOTE),
        label_id=4711,
        label=LABEL,
    ),
    score=0.5,
    arms=(ArmHit(arm=Arm.VECTOR, rank=1, score=0.5),),
)


@dataclass
class FakeRateLimit:
    """Lets everything pass, until `wait_s` or `fault` says otherwise; remembers what it was charged."""

    wait_s: float = 0.0
    fault: Exception | None = None
    taken: list[tuple[str, int]] = field(default_factory=list)

    async def take(self, principal: Principal, cost: int) -> float:
        if self.fault:
            raise self.fault
        self.taken.append((principal.sub, cost))
        return self.wait_s


@dataclass
class FakeSignIns:
    """Remembers whose tokens it was given, until `fault` says otherwise."""

    fault: Exception | None = None
    noted: list[tuple[str, str]] = field(default_factory=list)

    async def note(self, principal: Principal, token: str, expires_at: float) -> None:
        if self.fault:
            raise self.fault
        self.noted.append((principal.sub, token))


@dataclass
class FakeCopilot:
    """The port, without anything behind it. `fault` is raised by `ask` where it is set."""

    settings: Settings = field(
        default_factory=lambda: Settings(jwt_secret=SECRET, trusted_documents=False)
    )
    metrics: Metrics = field(default_factory=Metrics)
    rate_limit: FakeRateLimit = field(default_factory=FakeRateLimit)
    sign_ins: FakeSignIns = field(default_factory=FakeSignIns)
    administration: FakeAdministration = field(default_factory=FakeAdministration)
    disposal: FakeDisposal = field(default_factory=FakeDisposal)
    feedback: FakeFeedback = field(default_factory=FakeFeedback)
    fault: Exception | None = None
    delay_s: float = 0.0
    state: dict[str, str] = field(default_factory=lambda: {"postgres": "ok"})
    asked: list[tuple[Asker, str]] = field(default_factory=list)
    taken: list[Document | Rejected] = field(default_factory=list)
    auditing: FakeAuditing = field(default_factory=FakeAuditing)
    graph_calls: list[dict[str, Any]] = field(default_factory=list)
    broken_off: int = 0

    async def ask(self, asker: Asker, question: str) -> AskOutcome:
        self.asked.append((asker, question))
        await asyncio.sleep(self.delay_s)
        if self.fault:
            raise self.fault
        return ANSWER

    async def ask_stream(self, asker: Asker, question: str) -> AsyncIterator[Sentence | AskOutcome]:
        self.asked.append((asker, question))
        try:
            yield SENTENCE
            await asyncio.sleep(self.delay_s)
            if self.fault:
                raise self.fault
            yield ANSWER
        except (GeneratorExit, asyncio.CancelledError):
            self.broken_off += 1
            raise

    async def search(self, asker: Asker, question: str, k: int | None = None) -> SearchOutcome:
        return SearchResult(contexts=(CONTEXT,), ledger_id="l2", timings_ms={"vector": 1.0})

    async def document(self, asker: Asker, document_id: str) -> DocumentOutcome:
        if document_id != "d1":
            return NotFound(text="nothing", ledger_id="l3")
        part = PartView(part_id="p1", text=QUOTE, label=LABEL, marking="(S//HARBOR)")
        return DocumentView(
            document_id="d1",
            title="Vessels",
            metadata={"place": "port"},
            banner="S//HARBOR",
            parts=(part,),
            ledger_id="l3",
        )

    async def entity(self, asker: Asker, name: str) -> EntityOutcome:
        mention = EntityMention(
            document_id="d1",
            part_id="p1",
            chunk_id="c1",
            start=0,
            end=16,
            surface="Kestrel Holdings",
            label=LABEL,
            marking="(S//HARBOR)",
        )
        return EntityView(
            entity_id="e1",
            name=name,
            entity_kind="organisation",
            aliases=("Kestrel",),
            mentions=(mention,),
            mention_count=1,
            relations=(OWNS,),
            ledger_id="l4",
        )

    async def entities(
        self, asker: Asker, words: str, *, first: int, after: str | None
    ) -> EntitiesOutcome:
        self.graph_calls.append({"words": words, "first": first, "after": after})
        kestrel = EntitySummary(
            entity_id="e1",
            key="kestrel holdings",
            name="Kestrel Holdings",
            entity_kinds=("organisation",),
            passage_count=2,
            banner="S//HARBOR",
            named_in=(NamedIn(part_id="p1", label=LABEL),),
        )
        return EntityPage(entities=(kestrel,), next_cursor=kestrel.key, ledger_id="l6")

    async def paths(
        self, asker: Asker, start: End, end: End, *, most_hops: int, first: int
    ) -> PathsOutcome:
        self.graph_calls.append(
            {"start": start, "end": end, "most_hops": most_hops, "first": first}
        )
        path = EntityPath(
            entities=(
                PathEntity(entity_id="e1", name="Kestrel Holdings"),
                PathEntity(entity_id="e2", name="vessel"),
            ),
            steps=(PathStep(relations=(OWNS,)),),
            banner="S//HARBOR",
        )
        return EntityPaths(paths=(path,), ledger_id="l7")

    async def answer(self, asker: Asker, answer_id: str) -> AskOutcome:
        return ANSWER

    async def replay(self, asker: Asker, ledger_id: str) -> ReplayOutcome:
        return REPLAY if ledger_id == "l1" else NotFound(text="nothing", ledger_id="l8")

    async def provenance(self, asker: Asker, given_id: str) -> ProvenanceOutcome:
        return PROVENANCE if given_id == "a1" else NotFound(text="nothing", ledger_id="l10")

    async def ingest(self, asker: Asker, documents: Iterable[Document | Rejected]) -> IngestReport:
        self.taken = list(documents)
        rejected = tuple(one for one in self.taken if isinstance(one, Rejected))
        return IngestReport(
            ingested=len(self.taken) - len(rejected),
            unchanged=0,
            rejected=rejected,
            ledger_ids=("l5",),
        )

    async def fields(self, asker: Asker) -> frozenset[str]:
        return frozenset(["usage"] if "analyst" in asker.principal.roles else [])

    async def ready(self) -> dict[str, str]:
        return self.state


def with_settings(fake: FakeCopilot, settings: Settings) -> Any:
    """The same fake under other settings."""

    class Other:
        def __getattr__(self, name: str) -> Any:
            return settings if name == "settings" else getattr(fake, name)

    return Other()
