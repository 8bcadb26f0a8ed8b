"""Every act: policy first, a record always, and nothing is given that was not recorded."""

from typing import Any, cast

import anyio
import pytest

from copilot import gate
from copilot.ledger.records import Kind
from copilot.results import (
    AskOutcome,
    Denied,
    SearchResult,
    Sentence,
    Unavailable,
)
from policy.engine import Act
from policy.errors import BadInput, CopilotError, Forbidden, Misconfigured
from policy.errors import Unavailable as Down
from tests.unit.api.fakes import ANSWER, SENTENCE
from tests.unit.stage import ASKER, GRANT, Engine, MemoryLedger, Stage, Steps

pytestmark = pytest.mark.anyio


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


async def test_a_ledger_that_took_no_record_is_not_waited_for_a_second_time() -> None:
    stage = Stage(steps=Steps(fault=Down("ledger", "the ledger takes no records")))
    outcome = await stage.copilot.ask(ASKER, "Who?")
    assert outcome == Unavailable(
        text="the ledger takes no records", dependency="ledger", ledger_id=None
    )
    assert stage.ledger.records == []
    assert stage.counted("outcomes", act="ask", kind="UNAVAILABLE") == 1


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


async def test_a_refusal_that_cannot_be_recorded_is_no_refusal_but_a_failure() -> None:
    stage = Stage(Engine(refused={Act.ASK}), MemoryLedger(fault=Down("ledger", "no records")))
    outcome = await stage.copilot.ask(ASKER, "Who?")
    assert outcome == Unavailable(text="no records", dependency="ledger", ledger_id=None)


@pytest.mark.timed
async def test_a_failure_waits_only_a_while_for_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "FAILURE_S", 0.01)
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


async def test_who_is_revoked_is_denied_every_act_and_nothing_is_done() -> None:
    stage = Stage()
    stage.catalog.revoked = frozenset(["ann"])
    copilot = stage.copilot
    outcomes = [
        await copilot.ask(ASKER, "Who?"),
        *await streamed(stage),
        await copilot.search(ASKER, "Who?"),
        await copilot.document(ASKER, "d1"),
        await copilot.entity(ASKER, "Kestrel"),
        await copilot.answer(ASKER, "a1"),
    ]
    assert [cast(Denied, one).reason for one in outcomes] == ["revoked"] * 6
    for act in (copilot.ledger(ASKER), copilot.ingest(ASKER, [])):
        with pytest.raises(Forbidden, match="has been revoked"):
            await act
    assert await copilot.fields(ASKER) == frozenset()
    assert [one.kind for one in stage.ledger.records] == [Kind.DENIED] * 8
    assert (stage.steps.asked, stage.storage.scopes) == ([], [])
    # With nothing left in their scope, what they typed is released to their own nation at most.
    assert {one.label.releasable_to for one in stage.ledger.records} == {frozenset(["USA"])}


async def test_the_work_is_given_the_asker_as_the_tenants_records_have_them_now() -> None:
    stage = Stage()
    stage.catalog.grants = {"ann": (GRANT,)}
    await stage.copilot.ask(ASKER, "Who?")
    await streamed(stage)
    await stage.copilot.search(ASKER, "Who?")
    assert [one.principal.grants for one in stage.steps.standing] == [(GRANT,)] * 3


@pytest.mark.parametrize("step_up", [True, False])
async def test_whether_a_stronger_sign_in_may_open_more_is_told_by_policy_alone(
    step_up: bool,
) -> None:
    stage = Stage(Engine(step_up=step_up))
    for ask in (
        lambda: stage.copilot.ask(ASKER, "Who?"),
        lambda: streamed(stage),
        lambda: stage.copilot.search(ASKER, "Who?"),
    ):
        await ask()
        assert stage.steps.step_up is step_up


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("role", "Policy does not allow you to search (by your role)."),
        ("reason", "Your tenant wants a reason for access; say why you search."),
        ("tenant", "Your tenant's own policy does not allow you to search."),
    ],
)
async def test_a_refusal_says_what_is_in_the_way_and_is_recorded_with_it(
    reason: str, said: str
) -> None:
    stage = Stage(Engine(refused={Act.SEARCH}, because=reason))
    outcome = await stage.copilot.search(ASKER, "Who?")
    assert outcome == Denied(text=said, reason=reason, ledger_id="r1")
    assert stage.record.details["denied_reason"] == reason
    assert stage.record.policy_revision == "rules of t1"
