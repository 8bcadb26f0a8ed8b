"""Where a dependency fails there is no answer, in time, and it is recorded."""

import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.results import Unavailable
from copilot.settings import Settings
from policy.errors import Unavailable as UnavailableError
from tests.integration.test_ask import LEAD, QUESTION, answer, recorded
from tests.servers.postgres import Owner, owned

pytestmark = [pytest.mark.anyio, pytest.mark.timed]


@pytest.fixture
def settings(case_file: str, models_dir: Any, tmp_path: Any) -> Settings:
    return Settings(
        data_dir=tmp_path, models_dir=models_dir, database_url=case_file, policy_timeout_s=10
    )


@pytest.fixture
def owner(case_file: str) -> Iterator[Owner]:
    with owned(case_file) as connection:
        yield connection


@pytest.mark.parametrize(
    "failure",
    [
        "DROP FUNCTION append_ledger_entries",
        "REVOKE EXECUTE ON FUNCTION append_ledger_entries FROM copilot_ledger",
        "REVOKE INSERT ON answers FROM copilot_ledger",
    ],
)
async def test_without_a_ledger_there_is_no_answer(
    copilot: Copilot, owner: Owner, failure: str
) -> None:
    owner.execute(failure.encode())
    outcome = await copilot.ask(LEAD, QUESTION)
    assert isinstance(outcome, Unavailable)
    assert outcome.dependency == "ledger"
    assert owner.execute("SELECT * FROM answers").fetchall() == []
    if "answers" in failure:
        return  # reading and searching store no answer
    for other in (copilot.search(LEAD, QUESTION), copilot.document(LEAD, "IR-2024-003")):
        assert (await other).kind == "Unavailable"
    assert [item.kind async for item in copilot.ask_stream(LEAD, QUESTION)] == ["Unavailable"]  # type: ignore[union-attr]


async def test_a_failure_is_recorded(settings: Settings, owner: Owner) -> None:
    class Broken:
        async def stream(self, prompt: Any, contexts: Any) -> AsyncIterator[Any]:
            for _ in contexts:
                raise UnavailableError("model", "the model does not answer")
            yield

    async with build(settings, generator=Broken()) as copilot:
        outcome = await copilot.ask(LEAD, QUESTION)
    assert isinstance(outcome, Unavailable)
    assert outcome.dependency == "model"
    opened = recorded(owner, outcome.ledger_id)
    assert (opened["act"]["kind"], opened["failed_act"]) == ("failed", "ask")


def dead_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


async def refused_within(settings: Settings, dependency: str, seconds: float) -> None:
    async with build(settings) as copilot:
        begun = time.monotonic()
        outcome = await copilot.ask(LEAD, QUESTION)
        assert time.monotonic() - begun < seconds
    assert isinstance(outcome, Unavailable)
    assert outcome.dependency == dependency


async def test_a_dead_or_silent_postgres_is_unavailable_in_time(settings: Settings) -> None:
    timeout = 1.0
    with silent_port() as silent:
        for port in (dead_port(), silent):
            url = f"postgresql://nobody:secret@127.0.0.1:{port}/none"
            changed = replace(settings, database_url=url, database_timeout_s=timeout)
            await refused_within(changed, "postgres", timeout + 2)


async def test_a_dead_or_silent_opa_is_unavailable_in_time(settings: Settings) -> None:
    timeout = 1.0
    with silent_port() as silent:
        for port in (dead_port(), silent):
            url = f"http://127.0.0.1:{port}"
            changed = replace(settings, opa_url=url, policy_timeout_s=timeout)
            await refused_within(changed, "policy", timeout + 2)


async def test_a_query_that_takes_too_long_is_unavailable_in_time(
    settings: Settings, owner: Owner
) -> None:
    async with build(replace(settings, database_timeout_s=1.0)) as copilot:
        await answer(copilot, LEAD)
        owner.autocommit = False
        owner.execute("LOCK chunks IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        outcome = await copilot.ask(LEAD, QUESTION)
        assert time.monotonic() - begun < 3
        owner.rollback()
    assert isinstance(outcome, Unavailable)
    assert outcome.dependency == "postgres"
