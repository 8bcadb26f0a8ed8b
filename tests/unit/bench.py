"""A pipeline over fakes and the real rules, with everything that can be watched."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from copilot.ask import Pipeline
from copilot.compose import Composer
from copilot.find import Finder
from copilot.generation.port import Claim, Finished, Generator, Prompt, Support
from copilot.generation.providers import OFFLINE, Provider, Providers
from copilot.ingest.documents import Document, Part
from copilot.output_scan import OutputScan
from copilot.prompts import Prompts
from copilot.resources import Assertions, Resources
from copilot.results import Usage
from copilot.telemetry import Metrics
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryGraph, MemoryPassages
from policy.embedded import EmbeddedEngine
from policy.engine import Decision, Denied, PolicyEngine
from policy.labels import Label
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.hybrid import Hybrid
from retrieval.neighbours import Neighbours
from retrieval.relevance import Relevance
from retrieval.types import Context
from tests.unit.governed import KeptLedger, label

SIGNED = "Halder signed the charter of the Kestrel on 5 March 2024."
SAILED = "The Kestrel sailed from Gdansk with forty crates."
HIDDEN = "Reiss paid Halder EUR 900 for the charter of the Kestrel."
QUESTION = "Who signed the charter of the Kestrel?"
USAGE = Usage(input_tokens=70, output_tokens=9, cost_usd=0.5)


class KnownAssertions(Resources):
    """Knows one name and one relation of whatever chunk holds them."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def assertions(self, scope: Scope, chunk_ids: Sequence[str]) -> Assertions:
        self.asked += chunk_ids
        place = {"start_at": 0, "end_at": 6}
        return Assertions(
            [
                {"chunk_id": one, "surface": "Halder", "kind": "person", **place}
                for one in chunk_ids
            ],
            [{"chunk_id": one, "type": "signed", **place} for one in chunk_ids],
        )


@dataclass
class Scripted:
    """Says its lines, each citing the context that holds it; notes what it was called with."""

    ledger: KeptLedger
    lines: Sequence[str] = (SIGNED,)
    error: Exception | None = None
    before: Mapping[int, Callable[[], None]] = field(default_factory=dict)
    """What happens before the line of that number; after the last for their count."""
    closed: bool = False
    recorded_before: list[list[str]] = field(default_factory=list)
    contexts: Sequence[Context] = ()

    async def stream(
        self, prompt: Prompt, contexts: Sequence[Context]
    ) -> AsyncIterator[Claim | Finished]:
        self.recorded_before.append(self.ledger.outcomes)
        self.contexts = contexts
        try:
            for number, line in enumerate(self.lines):
                self.before.get(number, _nothing)()
                yield Claim(text=line, supports=tuple(_supports(line, contexts)))
            self.before.get(len(self.lines), _nothing)()
            if self.error is not None:
                raise self.error
            yield Finished(provider="fake", model="fake-1", usage=USAGE, attempts=2)
        finally:
            self.closed = True


def _nothing() -> None:
    """What mostly happens between two lines."""


def _supports(line: str, contexts: Sequence[Context]) -> list[Support]:
    places = [(i, one.chunk.text.find(line)) for i, one in enumerate(contexts)]
    return [Support(context=i, start=at, end=at + len(line)) for i, at in places if at >= 0]


class ChangedMind(EmbeddedEngine):
    """Opens a label for the search and closes it again for the double check."""

    def __init__(self, closed: Label) -> None:
        super().__init__()
        self._closed = closed

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        decisions = await super().may_read(asker, labels)
        return [
            Denied(reason="label") if label == self._closed else decision
            for label, decision in zip(labels, decisions, strict=True)
        ]


class Meanwhile(EmbeddedEngine):
    """Lets something happen while a request is on its way: at its first double check."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self._happens = happens

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        decisions = await super().may_read(asker, labels)
        self._happens()
        return decisions


class Bench:
    """A pipeline with everything that can be watched."""

    def __init__(self, corpus: MemoryCorpus, engine: PolicyEngine) -> None:
        self.corpus, self.engine = corpus, engine
        self.ledger = KeptLedger(corpus.labels)
        self.metrics = Metrics()
        self.generator = Scripted(self.ledger)
        self.resources = KnownAssertions()

    def pipeline(
        self,
        generator: Generator | None = None,
        *,
        preferred: Sequence[Provider] | None = None,
        strict: bool = False,
        canaries: Sequence[str] = (),
    ) -> Pipeline:
        """`generator` writes as a part of this process does, unless `preferred` names others."""
        own = Provider(name=OFFLINE.name, model="fake-1", generator=generator or self.generator)
        passages = MemoryPassages(self.corpus)
        scoper = Scoper(self.engine, self.corpus.labels)
        finder = Finder(
            engine=self.engine,
            scoper=scoper,
            hybrid=Hybrid(passages, MemoryGraph(self.corpus), FakeEmbedder()),
            relevance=Relevance(passages),
            neighbours=Neighbours(passages),
            metrics=self.metrics,
        )
        composer = Composer(
            engine=self.engine,
            providers=Providers(self.engine, [own] if preferred is None else preferred),
            prompts=Prompts.load(),
            resources=self.resources,
            scan=OutputScan(canaries),
            metrics=self.metrics,
        )
        return Pipeline(
            engine=self.engine,
            scoper=scoper,
            finder=finder,
            composer=composer,
            passages=passages,
            ledger=self.ledger,
            metrics=self.metrics,
            strict=strict,
        )

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"copilot_{name}_total", labels)


def document(name: str, text: str, of: Label) -> Document:
    part = Part(label=of, text=text)
    return Document(document_id=name, title=name, label=of, parts=(part,), source=f"{name}.md")


async def small_corpus() -> MemoryCorpus:
    corpus = MemoryCorpus()
    await corpus.put(document("charter", f"{SIGNED} {SAILED}", label("C")))
    await corpus.put(document("payment", HIDDEN, label("S")))
    return corpus
