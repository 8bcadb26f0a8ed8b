"""A question leaves a record before a model is asked, and only checked sentences come back."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import anyio
import pytest

from copilot.ask import NOT_FOUND, Pipeline
from copilot.citations import sha256
from copilot.generation.extractive import Extractive
from copilot.generation.port import Claim, Finished, Generator, Prompt, Support
from copilot.ingest.documents import Document, Part
from copilot.ledger.records import Kind
from copilot.prompts import Prompts
from copilot.resources import Assertions, Resources
from copilot.results import Answer, NotFound, Sentence, Usage
from copilot.serialise import outcome_json, search_json, stored_answer
from copilot.telemetry import Metrics
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryGraph, MemoryPassages
from policy.embedded import EmbeddedEngine
from policy.engine import Decision, Denied, PolicyEngine
from policy.errors import BadInput, Unavailable
from policy.labels import Label
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.hybrid import Hybrid
from retrieval.relevance import Relevance
from retrieval.types import Context
from tests.unit.governed import KeptLedger, asker, label

pytestmark = pytest.mark.anyio

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
            [{"chunk_id": one, "surface": "Halder", **place} for one in chunk_ids],
            [{"chunk_id": one, "type": "signed", **place} for one in chunk_ids],
        )


@dataclass
class Scripted:
    """Says its lines, each citing the context that holds it; notes what it was called with."""

    ledger: KeptLedger
    lines: Sequence[str] = (SIGNED,)
    error: Exception | None = None
    closed: bool = False
    recorded_before: list[list[str]] = field(default_factory=list)
    contexts: Sequence[Context] = ()

    async def stream(
        self, prompt: Prompt, contexts: Sequence[Context]
    ) -> AsyncIterator[Claim | Finished]:
        self.recorded_before.append(self.ledger.outcomes)
        self.contexts = contexts
        try:
            for line in self.lines:
                yield Claim(text=line, supports=tuple(_supports(line, contexts)))
            if self.error is not None:
                raise self.error
            yield Finished(provider="fake", model="fake-1", usage=USAGE, attempts=2)
        finally:
            self.closed = True


def _supports(line: str, contexts: Sequence[Context]) -> list[Support]:
    places = [(i, one.chunk.text.find(line)) for i, one in enumerate(contexts)]
    return [Support(context=i, start=at, end=at + len(line)) for i, at in places if at >= 0]


class ChangedMind(EmbeddedEngine):
    """Opens a label for the search and closes it again for the double check."""

    def __init__(self, closed: Label) -> None:
        super().__init__()
        self._closed = closed

    async def may_read(self, asker: Asker, label: Label) -> Decision:
        return (
            Denied(reason="label")
            if label == self._closed
            else await super().may_read(asker, label)
        )


class Bench:
    """A pipeline with everything that can be watched."""

    def __init__(self, corpus: MemoryCorpus, engine: PolicyEngine) -> None:
        self.corpus, self.engine = corpus, engine
        self.ledger = KeptLedger(corpus.labels)
        self.metrics = Metrics()
        self.generator = Scripted(self.ledger)
        self.resources = KnownAssertions()

    def pipeline(self, generator: Generator | None = None) -> Pipeline:
        passages = MemoryPassages(self.corpus)
        return Pipeline(
            engine=self.engine,
            scoper=Scoper(self.engine, self.corpus.labels),
            hybrid=Hybrid(passages, MemoryGraph(self.corpus), FakeEmbedder()),
            relevance=Relevance(passages),
            prompts=Prompts.load(),
            generator=generator or self.generator,
            resources=self.resources,
            ledger=self.ledger,
            metrics=self.metrics,
        )

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"copilot_{name}_total", labels)


def document(name: str, text: str, of: Label) -> Document:
    part = Part(label=of, text=text)
    return Document(document_id=name, title=name, label=of, parts=(part,), source=f"{name}.md")


@pytest.fixture(scope="module")
async def engine() -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine()
    yield engine
    await engine.close()


@pytest.fixture
async def corpus() -> MemoryCorpus:
    corpus = MemoryCorpus()
    await corpus.put(document("charter", f"{SIGNED} {SAILED}", label("C")))
    await corpus.put(document("payment", HIDDEN, label("S")))
    return corpus


@pytest.fixture
def bench(corpus: MemoryCorpus, engine: EmbeddedEngine) -> Bench:
    return Bench(corpus, engine)


async def test_the_opening_record_is_durable_before_the_model_is_asked(bench: Bench) -> None:
    await bench.pipeline().ask(asker(), QUESTION)
    assert bench.generator.recorded_before == [["Opened"]]


async def test_without_an_opening_record_the_model_is_not_asked(bench: Bench) -> None:
    bench.ledger.broken_for = "Opened"
    with pytest.raises(Unavailable, match="nothing was released"):
        await bench.pipeline().ask(asker(), QUESTION)
    assert bench.generator.recorded_before == []
    assert bench.ledger.records == []


async def test_an_answer_is_cited_marked_and_recorded(bench: Bench) -> None:
    answer = await bench.pipeline().ask(asker(), QUESTION)
    assert isinstance(answer, Answer)
    [sentence] = answer.sentences
    [citation] = sentence.citations
    assert (answer.text, sentence.text, citation.quote) == (SIGNED, SIGNED, SIGNED)
    assert (sentence.marking, citation.document_id) == ("(C)", "charter")
    assert (citation.entities, citation.relation) == (("Halder",), "signed")
    assert (answer.model, answer.usage, answer.ledger_id) == ("fake-1", USAGE, "ledger-2")
    assert bench.ledger.outcomes == ["Opened", "Answer"]
    opening, closing = bench.ledger.records
    assert opening.details["opening"] is None
    assert opening.details["answer"] == []
    assert closing.details["opening"] == "ledger-1"
    assert closing.details["answer"][0]["sha256"] == sha256(SIGNED)
    assert closing.details["model"]["attempts"] == 2
    assert closing.details["model"]["cost_usd"] == USAGE.cost_usd
    assert closing.details["prompt"]["template"] == "answer"
    assert closing.details["contexts"][0]["document_id"] == "charter"


async def test_the_stored_answer_is_the_released_one_under_the_labels_of_all_it_read(
    bench: Bench,
) -> None:
    answer = await bench.pipeline().ask(asker(), QUESTION)
    assert isinstance(answer, Answer)
    [stored] = bench.ledger.answers
    assert stored.answer_id == answer.answer_id
    assert stored.label_ids == (bench.corpus.labels.intern(label("C")),)
    assert stored_answer(dict(stored.body)).sentences == answer.sentences
    assert outcome_json(answer) | {"ledger_id": "", "timings_ms": {}} == stored.body


async def test_what_the_asker_may_not_read_reaches_neither_the_model_nor_the_record(
    bench: Bench,
) -> None:
    await bench.pipeline().ask(asker("C"), QUESTION)
    assert {one.chunk.document_id for one in bench.generator.contexts} == {"charter"}
    assert not [record for record in bench.ledger.records if "payment" in str(record.details)]
    bench.generator.lines = [HIDDEN]
    cleared = await bench.pipeline().ask(asker("S"), "Who paid Halder for the charter?")
    assert isinstance(cleared, Answer)
    assert cleared.sentences[0].marking == "(S)"


async def test_a_record_is_as_strict_as_its_asker(bench: Bench) -> None:
    await bench.pipeline().ask(asker("TS", "ORION"), QUESTION)
    for record in bench.ledger.records:
        assert record.label.dominates(label("TS", "ORION"))
        assert record.kind is Kind.ASK
        assert record.policy_revision == bench.engine.bundle_hash


async def test_sentences_come_before_the_outcome_and_in_their_order(bench: Bench) -> None:
    bench.generator.lines = [SAILED, SIGNED]
    items = [item async for item in bench.pipeline().stream(asker(), QUESTION)]
    assert [type(item) for item in items] == [Sentence, Sentence, Answer]
    assert [item.text for item in items] == [SAILED, SIGNED, f"{SAILED} {SIGNED}"]


async def test_whoever_leaves_early_leaves_a_record_of_what_was_sent(bench: Bench) -> None:
    bench.generator.lines = [SIGNED, SAILED]
    async with aclosing(bench.pipeline().stream(asker(), QUESTION)) as items:
        await anext(items)
    await anyio.wait_all_tasks_blocked()  # the event loop closes what nobody reads any more
    assert bench.generator.closed
    assert bench.ledger.outcomes == ["Opened", "BrokenOff"]
    details = bench.ledger.records[-1].details
    assert [one["sha256"] for one in details["answer"]] == [sha256(SIGNED)]
    assert details["opening"] == "ledger-1"
    assert bench.ledger.answers == []


@pytest.mark.parametrize("lines", [[], [SIGNED]])
async def test_a_model_that_fails_leaves_a_closing_record_and_its_error(
    bench: Bench, lines: list[str]
) -> None:
    bench.generator.lines, bench.generator.error = lines, Unavailable("model", "down")
    with pytest.raises(Unavailable, match="down"):
        await bench.pipeline().ask(asker(), QUESTION)
    assert bench.ledger.outcomes == ["Opened", "BrokenOff"]
    assert len(bench.ledger.records[-1].details["answer"]) == len(lines)


async def test_an_answer_that_is_not_recorded_is_not_released(bench: Bench) -> None:
    bench.ledger.broken_for = "Answer"
    items = bench.pipeline().stream(asker(), QUESTION)
    assert isinstance(await anext(items), Sentence)
    with pytest.raises(Unavailable, match="ledger"):
        await anext(items)
    assert bench.ledger.outcomes == ["Opened", "BrokenOff"]


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        ("Halder signed nothing at all in Oslo.", "citation"),
        ("The key is -----BEGIN RSA PRIVATE KEY-----.", "scan"),
    ],
)
async def test_a_sentence_that_fails_a_check_is_dropped_counted_and_recorded(
    bench: Bench, line: str, stage: str
) -> None:
    bench.generator.lines = [line, SIGNED]
    answer = await bench.pipeline().ask(asker(), QUESTION)
    assert isinstance(answer, Answer)
    assert answer.text == SIGNED
    [dropped] = bench.ledger.records[-1].details["dropped"]
    assert (dropped["stage"], dropped["sha256"]) == (stage, sha256(line))
    assert dropped["reason"]
    assert line not in str(bench.ledger.records[-1].details)
    assert bench.counted("dropped_sentences", reason=stage) == 1


async def test_where_every_sentence_is_dropped_nothing_was_found(bench: Bench) -> None:
    bench.generator.lines = ["Halder signed nothing at all in Oslo."]
    outcome = await bench.pipeline().ask(asker(), QUESTION)
    assert isinstance(outcome, NotFound)
    assert (outcome.text, outcome.model, outcome.usage) == (NOT_FOUND, "fake-1", USAGE)
    assert bench.ledger.outcomes == ["Opened", "NotFound"]
    assert bench.ledger.answers == []


async def test_what_the_double_check_refuses_is_counted_recorded_and_kept_from_the_model(
    corpus: MemoryCorpus,
) -> None:
    engine = ChangedMind(label("S"))
    bench = Bench(corpus, engine)
    bench.generator.lines = [HIDDEN, SIGNED]
    answer = await bench.pipeline().ask(asker("S"), QUESTION)
    await engine.close()
    assert isinstance(answer, Answer)
    assert answer.text == SIGNED
    assert {one.chunk.document_id for one in bench.generator.contexts} == {"charter"}
    details = bench.ledger.records[-1].details
    assert [one["document_id"] for one in details["recheck_dropped"]] == ["payment"]
    assert [one["stage"] for one in details["dropped"]] == ["scan"]
    assert bench.counted("recheck_mismatches") == 1


async def test_a_name_that_no_passage_bears_is_not_found_without_asking_a_model(
    bench: Bench,
) -> None:
    outcome = await bench.pipeline().ask(asker(), "Why did Dorrance sign the charter?")
    assert isinstance(outcome, NotFound)
    assert bench.generator.recorded_before == []
    assert outcome.usage == Usage()
    closing = bench.ledger.records[-1]
    assert closing.outcome == "NotFound"
    assert closing.details["unnamed"] == ["dorrance"]
    assert (closing.details["prompt"], closing.details["model"]["provider"]) == (None, "none")


async def test_a_hidden_name_and_an_absent_one_look_the_same(bench: Bench) -> None:
    question = "Why was {} paid?"
    hidden, absent = [
        await bench.pipeline().ask(asker("U"), question.format(name)) for name in ("Reiss", "Quell")
    ]
    assert isinstance(hidden, NotFound)
    assert isinstance(absent, NotFound)
    assert (hidden.text, hidden.model, hidden.usage) == (absent.text, absent.model, absent.usage)
    assert bench.generator.recorded_before == []


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("why " * 1001, "4004 characters"),
        ("who\x00", "NUL"),
        ("who \ud800", "half a character"),
    ],
)
async def test_a_question_that_cannot_be_one_is_refused_before_anything_is_recorded(
    bench: Bench, question: str, why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        await bench.pipeline().ask(asker(), question)
    with pytest.raises(BadInput, match=why):
        await bench.pipeline().search(asker(), question, 3)
    assert bench.ledger.records == []


async def test_the_longest_question_is_taken(bench: Bench) -> None:
    await bench.pipeline().ask(asker(), QUESTION.ljust(4000))
    assert bench.ledger.outcomes[0] == "Opened"


async def test_the_offline_generator_answers_in_the_words_of_the_source(bench: Bench) -> None:
    answer = await bench.pipeline(Extractive()).ask(asker(), QUESTION)
    assert isinstance(answer, Answer)
    assert SIGNED in [sentence.text for sentence in answer.sentences]
    assert all(sentence.text in f"{SIGNED} {SAILED}" for sentence in answer.sentences)


async def test_a_search_gives_what_would_be_passed_on_and_records_it(bench: Bench) -> None:
    found = await bench.pipeline().search(asker(), QUESTION, None)
    assert [one.chunk.document_id for one in found.contexts] == ["charter"]
    assert bench.generator.recorded_before == []
    [record] = bench.ledger.records
    assert (record.kind, record.outcome) == (Kind.SEARCH, "SearchResult")
    assert found.ledger_id == "ledger-1"
    shown = search_json(found)["contexts"]
    assert [one["sha256"] for one in record.details["contexts"]] == [
        sha256(one["text"]) for one in shown
    ]


@pytest.mark.parametrize("k", [0, -1, 1001])
async def test_k_outside_its_limits_is_refused(bench: Bench, k: int) -> None:
    with pytest.raises(BadInput, match=f"between 1 and 1000, not {k}"):
        await bench.pipeline().search(asker(), QUESTION, k)
    assert bench.ledger.records == []


@pytest.mark.parametrize(("k", "expected"), [(1, 1), (2, 2), (1000, 2)])
async def test_k_counts_distinct_documents(bench: Bench, k: int, expected: int) -> None:
    found = await bench.pipeline().search(asker("S"), QUESTION, k)
    names = [one.chunk.document_id for one in found.contexts]
    assert len(names) == len(set(names)) == expected


async def test_one_long_document_does_not_crowd_out_the_others(bench: Bench) -> None:
    padding = " ".join(["filler"] * 110)
    paragraphs = [f"Halder signed charter {n} of the Kestrel. {padding}." for n in range(60)]
    await bench.corpus.put(document("long", "\n\n".join(paragraphs), label("U")))
    await bench.corpus.put(document("other", "An unrelated tug sank.", label("U")))
    found = await bench.pipeline().search(asker("U"), "Halder signed charter Kestrel filler", 2)
    assert [one.chunk.document_id for one in found.contexts] == ["long", "other"]
