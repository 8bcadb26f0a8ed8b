"""Every ask of the case file's questions, made again from its record, agrees with what was decided."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.commands.asker import as_asker
from copilot.replay.results import Replay, Verdict
from copilot.settings import Settings
from eval.cases import FOLDER, Pair, pairs, read_questions
from policy.principal import Asker
from tests.servers.product import people

pytestmark = pytest.mark.anyio


def auditor(**changes: object) -> Asker:
    """Who may read every record of the case file."""
    lead = people()["lead"]
    return as_asker(replace(lead, sub="inspector", roles=frozenset(["auditor"]), **changes))  # type: ignore[arg-type]


def asked_pairs() -> list[Pair]:
    """What the generation suite asks where nobody says otherwise."""
    questions = read_questions(FOLDER / "questions.jsonl", "gate")
    return pairs([*questions, *read_questions(FOLDER / "near_misses.jsonl", "gate")])


@pytest.fixture
async def copilot(case_file: str, models_dir: Path, tmp_path: Path) -> AsyncIterator[Copilot]:
    settings = Settings(
        data_dir=tmp_path,
        models_dir=models_dir,
        database_url=case_file,
        database_timeout_s=30,
        policy_timeout_s=30,
    )
    async with build(settings) as opened:
        yield opened


async def test_every_ask_of_the_case_file_is_decided_again_as_it_was(copilot: Copilot) -> None:
    wrong, contexts, asks = [], 0, asked_pairs()
    assert len(asks) > 100
    for pair in asks:
        asker = as_asker(people()[pair.sub])
        outcome = await copilot.ask(asker, pair.question.question)
        found = await copilot.replay(auditor(), str(outcome.ledger_id))
        assert isinstance(found, Replay), (pair.id, found)
        same = found.agrees and not found.differences
        shown = all(one.recorded == one.then == one.now == Verdict() for one in found.contexts)
        if not (same and shown and found.outcome == outcome.kind):
            wrong.append((pair.id, found))
        contexts += len(found.contexts)
    assert wrong == []
    assert contexts > len(asks)
