"""Reading a document, an entity, a stored answer or the ledger: in the reader's scope, twice checked, recorded."""

from dataclasses import replace
from typing import Any

import pytest

from copilot.ledger.audit import Audit, Filters
from copilot.ledger.records import Kind, Page
from copilot.results import Answer, Denied, NotFound, StepUpRequired, Unavailable
from copilot.wording import STEP_UP
from policy.errors import BadInput
from policy.errors import Unavailable as Down
from policy.scope import Scope
from tests.unit.api.fake_auditing import ENTRY
from tests.unit.api.fakes import ANSWER, LABEL
from tests.unit.policy.fakes import label
from tests.unit.stage import ASKER, GRANT, VIEW, Engine, MemoryLedger, Stage, Storage

pytestmark = pytest.mark.anyio


async def test_a_document_is_given_with_the_id_of_its_record() -> None:
    stage = Stage()
    assert await stage.copilot.document(ASKER, "d1") == replace(VIEW, ledger_id="r1")
    assert stage.storage.scopes[0].labels == {1: LABEL, 2: label("U")}
    assert (stage.record.kind, stage.record.outcome) == (Kind.READ, "Document")
    assert stage.record.details == {
        "document_id": "d1",
        "read": [{"part_id": "p1", "label": LABEL.to_json(), "document_id": "d1"}],
        "recheck_dropped": [],
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
    assert stage.record.details == {"document_id": "d9", "read": [], "recheck_dropped": []}
    assert stage.counted("recheck_mismatches") == 0


async def test_what_the_double_check_refuses_looks_like_nothing() -> None:
    stage, absent = Stage(Engine(closed={LABEL})), Stage(storage=Storage(view=None))
    outcome = await stage.copilot.document(ASKER, "d1")
    assert outcome == await absent.copilot.document(ASKER, "d1")


async def test_what_the_double_check_refuses_is_an_incident_counted_and_recorded_for_auditors() -> (
    None
):
    strict = label("TS", "LANTERN")
    part = replace(VIEW.parts[0], label=strict)
    stage = Stage(Engine(closed={strict}), storage=Storage(view=replace(VIEW, parts=(part,))))
    assert isinstance(await stage.copilot.document(ASKER, "d1"), NotFound)
    assert stage.counted("recheck_mismatches") == 1
    assert stage.record.outcome == "NotFound"
    assert stage.record.details["read"] == []
    dropped = {"part_id": "p1", "label": strict.to_json(), "document_id": "d1"}
    assert stage.record.details["recheck_dropped"] == [dropped]
    assert stage.record.label.dominates(strict)


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
    shown = {"part_id": "p1", "label": LABEL.to_json(), "document_id": "d1"}
    assert stage.record.details["read"] == [shown]


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


async def test_reading_the_ledger_is_itself_recorded_with_what_was_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Page(entries=(ENTRY,), next_cursor="l1")

    async def page(_: object, scope: Scope, filters: Filters, **given: Any) -> Page:
        assert (filters, given) == (Filters(sub="ann"), {"first": 5, "after": None})
        return found

    monkeypatch.setattr(Audit, "page", page)
    stage = Stage()
    assert await stage.copilot.ledger(ASKER, first=5, sub="ann") == found
    assert (stage.record.kind, stage.record.outcome) == (Kind.READ, "LedgerPage")
    assert stage.record.details["entries"] == ["l1"]
    stage.ledger.fault = Down("ledger", "no records")
    with pytest.raises(Down, match="no records"):
        await stage.copilot.ledger(ASKER, first=5, sub="ann")


async def test_nothing_to_show_asks_for_a_stronger_sign_in_wherever_one_may_open_more() -> None:
    """The same for absent and hidden: policy alone says whether it may."""
    absent = Stage(Engine(step_up=True), storage=Storage(view=None))
    closed = Stage(Engine(step_up=True, closed={LABEL}))
    for stage in (absent, closed):
        outcome = await stage.copilot.document(ASKER, "d1")
        assert outcome == StepUpRequired(text=STEP_UP, ledger_id="r1")
        assert stage.record.outcome == "StepUpRequired"
    assert isinstance(await absent.copilot.entity(ASKER, "Kestrel"), StepUpRequired)


async def test_what_may_be_shown_is_shown_whether_or_not_a_sign_in_may_open_more() -> None:
    stage = Stage(Engine(step_up=True))
    assert await stage.copilot.document(ASKER, "d1") == replace(VIEW, ledger_id="r1")


async def test_who_is_revoked_while_it_is_read_is_given_nothing_and_that_is_recorded() -> None:
    stage = Stage()
    stage.storage.during = lambda: setattr(stage.catalog, "revoked", frozenset(["ann"]))
    outcome = await stage.copilot.document(ASKER, "d1")
    assert isinstance(outcome, Denied)
    assert outcome.reason == "revoked"
    assert stage.record.kind is Kind.DENIED


async def test_a_grant_that_ends_while_it_is_read_has_it_read_again_without() -> None:
    stage = Stage()
    stage.catalog.grants = {"ann": (GRANT,)}
    stage.storage.during = lambda: setattr(stage.catalog, "grants", {})
    await stage.copilot.document(ASKER, "d1")
    assert len(stage.storage.scopes) == 2
    assert stage.record.outcome == "Document"
