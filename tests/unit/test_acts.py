"""Every act: policy first, a record always, and nothing is given that was not recorded."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from copilot import acts
from copilot.acts import Copilot
from copilot.ingest.report import IngestReport
from copilot.ledger.log import Record
from copilot.ledger.records import Kind, Page
from copilot.results import (
    Answer,
    AskOutcome,
    Denied,
    DocumentView,
    NotFound,
    PartView,
    SearchResult,
    Sentence,
    Unavailable,
)
from copilot.settings import Settings
from copilot.telemetry import Metrics
from policy import engine as policy_engine
from policy.engine import Act, Decision
from policy.errors import BadInput, CopilotError, Forbidden, Misconfigured
from policy.errors import Unavailable as Down
from policy.labels import Label
from policy.principal import Asker
from policy.scope import Scope, Scoper
from tests.unit.api.fakes import ANN, ANSWER, CONTEXT, ENTRY, LABEL, SENTENCE
from tests.unit.policy.fakes import Catalog, label

pytestmark = pytest.mark.anyio

ASKER = Asker(principal=ANN, purpose="investigation")
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
    """Opens every label and act but those named; `fault` is raised by every decision."""

    bundle_hash: str = "r1"
    closed: set[Label] = field(default_factory=set)
    refused: set[Act] = field(default_factory=set)
    fault: CopilotError | None = None

    def _decide(self, closed: bool) -> Decision:
        if self.fault:
            raise self.fault
        return policy_engine.Denied(reason="role") if closed else policy_engine.Allowed()

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> frozenset[int]:
        self._decide(False)
        return frozenset(range(len(labels)))

    async def may_read(self, asker: Asker, label: Label) -> Decision:
        return self._decide(label in self.closed)

    async def permits(self, asker: Asker, act: Act) -> Decision:
        return self._decide(act in self.refused)

    async def fields(self, asker: Asker) -> frozenset[str]:
        return frozenset(["usage"])

    async def check(self) -> None:
        self._decide(False)


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
    closed: int = 0

    async def ask(self, asker: Asker, question: str) -> Answer:
        self.asked.append(question)
        if self.begun:
            self.begun.set()
            await anyio.sleep_forever()
        if self.fault:
            raise self.fault
        return ANSWER

    async def stream(self, asker: Asker, question: str) -> AsyncIterator[Sentence | Answer]:
        self.asked.append(question)
        try:
            yield SENTENCE
            if self.fault:
                raise self.fault
            yield ANSWER
        finally:
            self.closed += 1

    async def search(self, asker: Asker, question: str, k: int | None) -> SearchResult:
        if self.fault:
            raise self.fault
        return SearchResult(contexts=(CONTEXT,) * (k or 1), ledger_id="s1")


@dataclass
class Storage:
    """What stands in for documents and for the database that answers a ping."""

    view: DocumentView | None = VIEW
    fault: CopilotError | None = None
    scopes: list[Scope] = field(default_factory=list)

    async def document(self, scope: Scope, document_id: str) -> DocumentView | None:
        self.scopes.append(scope)
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
        given: Any = {"database": self.storage, "pipeline": self.steps, "ledger": self.ledger}
        self.copilot = Copilot(
            Settings(enabled=self.enabled),
            engine=self.engine,
            scoper=Scoper(self.engine, Catalog({1: LABEL, 2: label("U")})),
            ingest=cast(Any, Ingesting()),
            metrics=Metrics(),
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


async def streamed(stage: Stage) -> list[Sentence | AskOutcome]:
    return [item async for item in stage.copilot.ask_stream(ASKER, "Who?")]


async def test_an_allowed_question_is_answered_and_counted() -> None:
    stage = Stage()
    assert await stage.copilot.ask(ASKER, "Who?") == ANSWER
    assert stage.steps.asked == ["Who?"]
    assert stage.counted("outcomes", act="ask", kind="Answer") == 1
    # The pipeline records an answer together with what it stores.
    assert stage.ledger.records == []


async def test_a_stream_gives_sentences_then_the_outcome_and_counts_it() -> None:
    stage = Stage()
    assert await streamed(stage) == [SENTENCE, ANSWER]
    assert stage.counted("outcomes", act="ask", kind="Answer") == 1
    assert stage.steps.closed == 1


async def test_a_search_gives_what_the_pipeline_finds() -> None:
    found = await Stage().copilot.search(ASKER, "Who?", 3)
    assert isinstance(found, SearchResult)
    assert len(found.contexts) == 3


@pytest.mark.parametrize("act", [Act.ASK, Act.SEARCH, Act.READ])
async def test_a_denied_act_does_nothing_is_recorded_and_counted(act: Act) -> None:
    stage = Stage(Engine(refused={act}))
    copilot = stage.copilot
    outcome: object
    match act:
        case Act.ASK:
            outcome = await copilot.ask(ASKER, "Who?")
        case Act.SEARCH:
            outcome = await copilot.search(ASKER, "Who?")
        case _:
            outcome = await copilot.document(ASKER, "d1")
    assert isinstance(outcome, Denied)
    assert (outcome.reason, outcome.ledger_id) == ("role", "r1")
    assert (stage.record.kind, stage.record.outcome) == (Kind.DENIED, "Denied")
    assert stage.record.details["denied_act"] == str(act)
    assert stage.record.details["denied_reason"] == "role"
    assert stage.counted("policy_denials", act=str(act)) == 1
    assert stage.counted("outcomes", act=str(act), kind="Denied") == 1
    assert (stage.steps.asked, stage.storage.scopes) == ([], [])


async def test_a_denied_stream_gives_the_refusal_alone() -> None:
    stage = Stage(Engine(refused={Act.ASK}))
    (only,) = await streamed(stage)
    assert isinstance(only, Denied)
    assert stage.record.details["question"] == "Who?"
    assert stage.steps.asked == []


async def test_an_act_without_a_result_for_a_refusal_raises_it() -> None:
    stage = Stage(Engine(refused={Act.INGEST, Act.AUDIT}))
    with pytest.raises(Forbidden, match="does not allow you to ingest"):
        await stage.copilot.ingest(ASKER, [])
    with pytest.raises(Forbidden, match="does not allow you to audit"):
        await stage.copilot.ledger(ASKER)
    assert [one.kind for one in stage.ledger.records] == [Kind.DENIED, Kind.DENIED]


async def test_a_dependency_that_fails_gives_unavailable_with_a_record() -> None:
    stage = Stage(steps=Steps(fault=Down("model", "the model is down")))
    outcome = await stage.copilot.ask(ASKER, "Who?")
    assert outcome == Unavailable(text="the model is down", dependency="model", ledger_id="r1")
    assert (stage.record.kind, stage.record.outcome) == (Kind.FAILED, "UNAVAILABLE")
    assert stage.record.details == {
        "question": "Who?",
        "failed_act": "ask",
        "error": "UNAVAILABLE",
        "message": "the model is down",
    }
    assert stage.counted("outcomes", act="ask", kind="UNAVAILABLE") == 1


async def test_a_stream_whose_model_fails_ends_with_unavailable_and_a_record() -> None:
    stage = Stage(steps=Steps(fault=Down("model", "the model is down")))
    first, last = await streamed(stage)
    assert first == SENTENCE
    assert last == Unavailable(text="the model is down", dependency="model", ledger_id="r1")
    assert stage.record.kind is Kind.FAILED


async def test_where_policy_cannot_decide_nothing_is_done_and_it_is_recorded() -> None:
    stage = Stage(Engine(fault=Down("policy", "no policy")))
    outcome = await stage.copilot.ask(ASKER, "Who?")
    assert outcome == Unavailable(text="no policy", dependency="policy", ledger_id="r1")
    assert stage.steps.asked == []
    # Without a scope the record is released to the asker's own nation at most.
    assert stage.record.label.releasable_to == frozenset(["USA"])


@pytest.mark.parametrize("error", [BadInput("the question is empty"), Misconfigured("no prompt")])
async def test_what_is_no_failure_of_a_dependency_is_recorded_and_raised(
    error: CopilotError,
) -> None:
    for ask in (lambda stage: stage.copilot.ask(ASKER, "Who?"), streamed):
        stage = Stage(steps=Steps(fault=error))
        with pytest.raises(type(error), match=error.message):
            await ask(stage)
        assert (stage.record.kind, stage.record.outcome) == (Kind.FAILED, error.code)
        assert stage.record.details["message"] == error.message


async def test_a_defect_is_recorded_without_its_message_and_raised() -> None:
    for ask in (lambda stage: stage.copilot.ask(ASKER, "Who?"), streamed):
        stage = Stage(steps=Steps(fault=ZeroDivisionError("secret")))
        with pytest.raises(ZeroDivisionError):
            await ask(stage)
        assert (stage.record.kind, stage.record.outcome) == (Kind.FAILED, "BrokenOff")
        assert stage.record.details["error"] == "ZeroDivisionError"
        assert "secret" not in str(stage.record.details)


async def test_a_cancelled_act_leaves_a_record_that_it_was_broken_off() -> None:
    begun = anyio.Event()
    stage = Stage(steps=Steps(begun=begun))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.copilot.ask, ASKER, "Who?")
        await begun.wait()
        tasks.cancel_scope.cancel()
    assert (stage.record.kind, stage.record.outcome) == (Kind.FAILED, "BrokenOff")
    assert stage.record.details["question"] == "Who?"


async def test_whoever_leaves_a_stream_closes_the_pipeline() -> None:
    stage = Stage()
    items = stage.copilot.ask_stream(ASKER, "Who?")
    assert await anext(items) == SENTENCE
    await cast(Any, items).aclose()
    assert stage.steps.closed == 1


async def test_switched_off_asking_is_refused_and_recorded_while_search_works() -> None:
    stage = Stage(enabled=False)
    outcome = await stage.copilot.ask(ASKER, "Who?")
    assert isinstance(outcome, Unavailable)
    assert (outcome.dependency, outcome.ledger_id) == ("copilot.enabled", "r1")
    (only,) = await streamed(stage)
    assert isinstance(only, Unavailable)
    assert [one.outcome for one in stage.ledger.records] == ["Disabled", "Disabled"]
    assert stage.steps.asked == []
    assert isinstance(await stage.copilot.search(ASKER, "Who?"), SearchResult)


async def test_a_document_is_given_with_the_id_of_its_record() -> None:
    stage = Stage()
    assert await stage.copilot.document(ASKER, "d1") == replace(VIEW, ledger_id="r1")
    assert stage.storage.scopes[0].labels == {1: LABEL, 2: label("U")}
    assert (stage.record.kind, stage.record.outcome) == (Kind.READ, "Document")
    assert stage.record.details == {
        "document_id": "d1",
        "read": [{"part_id": "p1", "label": LABEL.to_json()}],
    }


async def test_the_record_of_a_read_is_as_strict_as_what_was_read() -> None:
    strict = label("TS", "LANTERN")
    part = replace(VIEW.parts[0], label=strict)
    stage = Stage(storage=Storage(view=replace(VIEW, parts=(part,))))
    await stage.copilot.document(ASKER, "d1")
    assert stage.record.label.dominates(strict)
    assert stage.record.label.dominates(LABEL)


async def test_an_absent_document_is_not_found_and_the_attempt_is_recorded() -> None:
    stage = Stage(storage=Storage(view=None))
    outcome = await stage.copilot.document(ASKER, "d9")
    assert isinstance(outcome, NotFound)
    assert (outcome.ledger_id, stage.record.outcome) == ("r1", "NotFound")
    assert stage.record.details == {"document_id": "d9", "read": []}
    assert stage.counted("recheck_mismatches") == 0


async def test_what_the_double_check_refuses_looks_like_nothing_and_counts_as_an_incident() -> None:
    stage, absent = Stage(Engine(closed={LABEL})), Stage(storage=Storage(view=None))
    outcome = await stage.copilot.document(ASKER, "d1")
    assert outcome == await absent.copilot.document(ASKER, "d1")
    assert stage.counted("recheck_mismatches") == 1
    assert stage.record.details == absent.record.details


async def test_one_refused_part_withholds_the_whole_document() -> None:
    parts = (VIEW.parts[0], replace(VIEW.parts[0], part_id="p2", label=label("U")))
    stage = Stage(Engine(closed={label("U")}), storage=Storage(view=replace(VIEW, parts=parts)))
    assert isinstance(await stage.copilot.document(ASKER, "d1"), NotFound)


async def test_an_entity_that_nothing_visible_names_is_not_found() -> None:
    stage = Stage()
    assert isinstance(await stage.copilot.entity(ASKER, "Kestrel"), NotFound)
    assert stage.record.details["entity"] == "Kestrel"


async def test_a_stored_answer_is_read_for_this_asker_and_bears_the_record_of_the_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[object] = []

    async def read(database: object, passages: object, scope: Scope, *who: str) -> Answer:
        seen.extend(who)
        return ANSWER

    monkeypatch.setattr("copilot.answers.read", read)
    stage = Stage()
    assert await stage.copilot.answer(ASKER, "a1") == replace(ANSWER, ledger_id="r1")
    assert seen == ["a1", "ann"]
    assert stage.record.details["read"] == [{"part_id": "p1", "label": LABEL.to_json()}]


@pytest.mark.parametrize("text", ["d\x00", "d\ud800"])
async def test_an_id_that_no_database_holds_is_bad_input_and_still_recorded(text: str) -> None:
    stage = Stage()
    with pytest.raises(BadInput, match="NUL or half a character"):
        await stage.copilot.document(ASKER, text)
    assert stage.record.outcome == "BAD_INPUT"
    stage.record.details["document_id"].encode("utf-8")
    assert stage.storage.scopes == []


async def test_nothing_is_released_where_the_ledger_takes_no_record() -> None:
    stage = Stage(ledger=MemoryLedger(fault=Down("ledger", "no records")))
    outcome = await stage.copilot.document(ASKER, "d1")
    assert outcome == Unavailable(text="no records", dependency="ledger", ledger_id=None)


async def test_a_refusal_that_cannot_be_recorded_is_no_refusal_but_a_failure() -> None:
    stage = Stage(Engine(refused={Act.ASK}), MemoryLedger(fault=Down("ledger", "no records")))
    outcome = await stage.copilot.ask(ASKER, "Who?")
    assert outcome == Unavailable(text="no records", dependency="ledger", ledger_id=None)


async def test_a_failure_waits_only_a_while_for_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "_FAILURE_S", 0.01)
    stage = Stage(ledger=MemoryLedger(hangs=True), steps=Steps(fault=Down("model", "down")))
    with anyio.fail_after(5):
        outcome = await stage.copilot.ask(ASKER, "Who?")
    assert outcome == Unavailable(text="down", dependency="model", ledger_id=None)


async def test_ingest_is_asked_of_policy_and_reports_what_was_taken() -> None:
    steps: list[int] = []
    report = await Stage().copilot.ingest(ASKER, [], lambda: steps.append(1))
    assert (report.ingested, report.ledger_ids, steps) == (0, ("i1",), [1])


async def test_an_act_whose_dependency_fails_raises_it_by_name() -> None:
    stage = Stage(Engine(fault=Down("policy", "no policy")))
    with pytest.raises(Down, match="no policy") as failure:
        await stage.copilot.ingest(ASKER, [])
    assert failure.value.dependency == "policy"
    assert stage.record.details["failed_act"] == "ingest"


async def test_reading_the_ledger_is_itself_recorded_with_what_was_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Page(entries=(ENTRY,), next_cursor="l1")

    async def page(database: object, scope: Scope, **given: Any) -> Page:
        assert given == {"first": 5, "after": None, "sub": "ann", "kind": None}
        return found

    monkeypatch.setattr(acts, "page", page)
    stage = Stage()
    assert await stage.copilot.ledger(ASKER, first=5, sub="ann") == found
    assert (stage.record.kind, stage.record.outcome) == (Kind.READ, "LedgerPage")
    assert stage.record.details["entries"] == ["l1"]
    stage.ledger.fault = Down("ledger", "no records")
    with pytest.raises(Down, match="no records"):
        await stage.copilot.ledger(ASKER, first=5, sub="ann")


async def test_a_long_question_is_recorded_by_its_beginning() -> None:
    stage = Stage(steps=Steps(fault=BadInput("too long")))
    with pytest.raises(BadInput):
        await stage.copilot.ask(ASKER, "x" * 5000)
    assert stage.record.details["question"] == "x" * 4000


async def test_readiness_names_each_dependency_with_what_is_wrong() -> None:
    stage = Stage()
    assert await stage.copilot.ready() == {"postgres": "ok", "policy": "ok"}
    stage.storage.fault = Down("postgres", "the database does not answer")
    stage.engine.fault = Down("policy", "another bundle")
    assert await stage.copilot.ready() == {
        "postgres": "the database does not answer",
        "policy": "another bundle",
    }


async def test_the_fields_are_those_that_policy_opens() -> None:
    assert await Stage().copilot.fields(ASKER) == frozenset(["usage"])
