"""What a reader says of an answer: recorded beside it, for those alone who may read the answer now."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.feedback import FeedbackGiven, Verdict
from copilot.results import Answer, Denied, NotFound
from copilot.settings import Settings
from policy.errors import BadInput
from policy.principal import Asker
from tests.servers.product import people

pytestmark = pytest.mark.anyio

QUESTION = "Who is our informant PILOTFISH?"


def asker(name: str, *roles: str) -> Asker:
    who = people()[name]
    who = replace(who, roles=frozenset(roles)) if roles else who
    return Asker(principal=who, purpose=who.purposes[0])


LEAD = asker("lead", "analyst", "auditor")
TRAINEE = asker("trainee")


@pytest.fixture
async def copilot(case_file: str, models_dir: Path, tmp_path: Path) -> AsyncIterator[Copilot]:
    settings = Settings(data_dir=tmp_path, models_dir=models_dir, database_url=case_file)
    async with build(settings) as opened:
        yield opened


@pytest.fixture
async def answer(copilot: Copilot) -> Answer:
    found = await copilot.ask(LEAD, QUESTION)
    assert isinstance(found, Answer)
    return found


async def test_a_verdict_is_recorded_under_the_labels_of_what_the_answer_cites(
    copilot: Copilot, answer: Answer
) -> None:
    comment = "The second source speaks of somebody else."
    given = await copilot.feedback.give(LEAD, answer.answer_id, Verdict.WRONGLY_CITED, comment)
    assert isinstance(given, FeedbackGiven)
    entry = await copilot.auditing.entry(LEAD, given.ledger_id)
    assert entry is not None
    assert (entry.kind, entry.outcome) == ("feedback", "FeedbackGiven")
    said = entry.details or {}
    assert (said["answer_id"], said["verdict"]) == (answer.answer_id, "wrongly_cited")
    assert said["comment"] == comment
    again = await copilot.feedback.give(LEAD, answer.answer_id, Verdict.RIGHT)
    assert isinstance(again, FeedbackGiven)
    assert again.ledger_id != given.ledger_id


async def test_of_a_hidden_answer_one_is_told_what_one_is_told_of_none(
    copilot: Copilot, answer: Answer
) -> None:
    hidden = await copilot.feedback.give(TRAINEE, answer.answer_id, Verdict.WRONG, "I know better")
    absent = await copilot.feedback.give(TRAINEE, "0" * 32, Verdict.WRONG, "I know better")
    assert isinstance(hidden, NotFound)
    assert hidden == replace(absent, ledger_id=hidden.ledger_id)
    entry = await copilot.auditing.entry(LEAD, hidden.ledger_id)
    assert entry is not None
    assert "comment" not in (entry.details or {})


async def test_who_may_not_read_may_not_rate(copilot: Copilot, answer: Answer) -> None:
    nobody = asker("lead", "auditor")
    assert isinstance(await copilot.feedback.give(nobody, answer.answer_id, Verdict.RIGHT), Denied)


async def test_a_comment_is_no_report(copilot: Copilot, answer: Answer) -> None:
    with pytest.raises(BadInput, match="2001 characters; the most is 2000"):
        await copilot.feedback.give(LEAD, answer.answer_id, Verdict.RIGHT, "x" * 2001)
