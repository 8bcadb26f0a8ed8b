"""Who did not sign in strongly and lately is told that a sign-in may open more, whatever there is to read."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from copilot.acts import Copilot
from copilot.results import Answer, DocumentView, EntityView, NotFound, SearchResult, StepUpRequired
from copilot.serialise import outcome_json, search_json
from copilot.settings import Settings
from copilot.wording import NOTICE, STEP_UP
from policy.principal import Asker
from tests.integration.governed_corpus import CLOSED, NAMES, QUESTIONS, opened, reader

pytestmark = pytest.mark.anyio

FRESH = reader(auth_time=None)
WEAK = reader(acr="weak")


def stale() -> Asker:
    return reader(auth_time=int(time.time()) - 3700)


LESSER = pytest.mark.parametrize("who", [WEAK, stale()], ids=["weak", "stale"])


@pytest.fixture
async def copilot(settings: Settings) -> AsyncIterator[Copilot]:
    async with opened(settings) as copilot:
        yield copilot


def told(outcome: Any) -> str:
    """All of an outcome but what differs from request to request."""
    if isinstance(outcome, SearchResult):
        value = search_json(outcome)
    elif isinstance(outcome, DocumentView | EntityView):
        value = {"view": repr(outcome).replace(outcome.ledger_id, "")}
    else:
        value = outcome_json(outcome)
    blank = {"ledger_id", "answer_id", "timings_ms"}
    return json.dumps({k: v for k, v in value.items() if k not in blank}, sort_keys=True)


def kind(outcome: Any) -> str:
    empty = isinstance(outcome, SearchResult) and not outcome.contexts
    return "an empty SearchResult" if empty else str(outcome.kind)


def remove_closed(settings: Settings) -> None:
    """Takes out all that needs a fresh sign-in."""
    with psycopg.connect(str(settings.database_url), autocommit=True) as owner:
        owner.execute("DELETE FROM documents WHERE document_id = ANY(%s)", [list(CLOSED)])


async def everything(copilot: Copilot, who: Asker, answer_id: str) -> list[Any]:
    """Every read of every document, then of what is not there at all."""
    outcomes: list[Any] = []
    for name in [*NAMES, "absent"]:
        question = QUESTIONS.get(name, "Where did Fortescue bury the anchor?")
        outcomes += [
            await copilot.ask(who, question),
            [item async for item in copilot.ask_stream(who, question)][-1],
            await copilot.search(who, question),
            await copilot.search(who, question, 3),
            await copilot.document(who, name),
            await copilot.entity(who, NAMES.get(name, "Fortescue")),
        ]
    return [*outcomes, await copilot.answer(who, answer_id)]


@pytest.mark.parametrize("name", CLOSED)
async def test_a_fresh_sign_in_opens_what_needs_one(copilot: Copilot, name: str) -> None:
    assert isinstance(await copilot.document(FRESH, name), DocumentView)
    assert isinstance(await copilot.entity(FRESH, NAMES[name]), EntityView)
    answer = await copilot.ask(FRESH, QUESTIONS[name])
    assert isinstance(answer, Answer)
    assert answer.notice is None
    assert isinstance(await copilot.answer(FRESH, answer.answer_id), Answer)
    assert isinstance(await copilot.answer(WEAK, answer.answer_id), StepUpRequired)


@LESSER
async def test_without_one_it_is_not_in_scope_and_a_sign_in_is_asked_for(
    copilot: Copilot, who: Asker
) -> None:
    scope = await copilot._scoper.scope(who)
    assert not set(scope.labels.values()) & set(CLOSED.values())
    for name in CLOSED:
        for outcome in (
            await copilot.ask(who, QUESTIONS[name]),
            await copilot.document(who, name),
            await copilot.entity(who, NAMES[name]),
        ):
            assert isinstance(outcome, StepUpRequired), (name, outcome)
            assert outcome.text == STEP_UP


@LESSER
async def test_what_is_open_is_answered_with_the_notice(copilot: Copilot, who: Asker) -> None:
    answer = await copilot.ask(who, QUESTIONS["open"])
    assert isinstance(answer, Answer)
    assert answer.notice == NOTICE
    found = await copilot.search(who, QUESTIONS["open"])
    assert isinstance(found, SearchResult)
    assert found.notice == NOTICE
    assert {one.chunk.document_id for one in found.contexts} == {"open"}


async def test_it_is_said_where_nothing_would_be_found_and_nowhere_else(
    copilot: Copilot, settings: Settings
) -> None:
    """Compared with the freshly signed in, on a corpus that holds no more than what both may read."""
    stored = await copilot.ask(FRESH, QUESTIONS["open"])
    assert isinstance(stored, Answer)
    weak = await everything(copilot, WEAK, stored.answer_id)
    remove_closed(settings)
    fresh = await everything(copilot, FRESH, stored.answer_id)
    nothing = {NotFound.kind, "an empty SearchResult"}
    # But for the stored answer: what somebody cleared for TS has typed needs the sign-in itself.
    assert (weak.pop().kind, fresh.pop().kind) == ("StepUpRequired", "Answer")
    for mine, theirs in zip(map(kind, weak), map(kind, fresh), strict=True):
        assert mine == (StepUpRequired.kind if theirs in nothing else theirs)
    assert {NotFound.kind, Answer.kind} <= set(map(kind, fresh))


@LESSER
async def test_nothing_told_to_them_depends_on_what_a_sign_in_would_open(
    copilot: Copilot, settings: Settings, who: Asker
) -> None:
    stored = await copilot.ask(who, QUESTIONS["open"])
    assert isinstance(stored, Answer)
    before = await everything(copilot, who, stored.answer_id)
    remove_closed(settings)
    after = await everything(copilot, who, stored.answer_id)
    assert list(map(told, before)) == list(map(told, after))
    kinds = {outcome.kind for outcome in before}
    assert kinds == {"Answer", "SearchResult", "Document", "Entity", "StepUpRequired"}


async def test_a_search_that_finds_nothing_asks_for_a_sign_in_as_well(copilot: Copilot) -> None:
    elsewhere = {"tenant": "t2"}
    empty = await copilot.search(reader(**elsewhere), QUESTIONS["open"])
    assert kind(empty) == "an empty SearchResult"
    raised = await copilot.search(reader(acr="weak", **elsewhere), QUESTIONS["open"])
    assert isinstance(raised, StepUpRequired)
    assert raised.text == STEP_UP
