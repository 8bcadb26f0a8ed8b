"""A record names the decisions in the policy engine's own log, for whoever holds that log to find them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from copilot.app import build
from copilot.ledger.schemas import SCHEMAS
from copilot.results import Answer, SearchResult
from copilot.settings import Settings
from policy.opa_server import OpaServerEngine
from tests.integration.test_ask import LEAD, QUESTION, owner, recorded, settings
from tests.servers import opa

pytestmark = pytest.mark.anyio
__all__ = ["owner", "settings"]
"""Fixtures of the asks."""


@pytest.fixture(scope="module")
def logging_opa() -> Iterator[str]:
    with opa.serve("--set=decision_logs.console=true") as url:
        yield url


async def test_a_record_names_the_decisions_that_the_engine_has_logged(
    settings: Settings, owner: psycopg.Connection[dict[str, Any]], logging_opa: str
) -> None:
    engine = OpaServerEngine(logging_opa, timeout=10)
    await engine.publish()
    await engine.close()
    async with build(replace(settings, opa_url=logging_opa)) as copilot:
        answer = await copilot.ask(LEAD, QUESTION)
        search = await copilot.search(LEAD, QUESTION)
    assert isinstance(answer, Answer)
    assert isinstance(search, SearchResult)
    answered = recorded(owner, answer.ledger_id)
    given, found, begun = (
        one["decision_ids"]
        for one in (
            answered,
            recorded(owner, search.ledger_id),
            recorded(owner, answered["opening"]),
        )
    )
    assert given
    assert found
    assert begun
    assert given[: len(begun)] == begun
    assert len(given) > len(begun)
    assert len({*given, *found}) == len(given) + len(found)


async def test_an_engine_without_a_log_has_nothing_to_name(
    settings: Settings, owner: psycopg.Connection[dict[str, Any]]
) -> None:
    async with build(settings) as copilot:
        answer = await copilot.ask(LEAD, QUESTION)
    assert isinstance(answer, Answer)
    assert "decision_ids" not in recorded(owner, answer.ledger_id)


def test_only_records_of_questions_name_them() -> None:
    named = {name for name, one in SCHEMAS.items() if b'"decision_ids"' in one.data}
    assert named == {"ask-3", "ask-4", "ask-5", "ask-6", "search-3", "search-4"}
