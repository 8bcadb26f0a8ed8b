"""A record names the decisions in the policy engine's own log, for whoever holds that log to find them."""

import json
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg.rows import dict_row

from copilot.app import build
from copilot.ledger.schemas import SCHEMAS
from copilot.results import Answer, SearchResult
from copilot.settings import Settings
from policy.opa_server import OpaServerEngine
from tests.integration.test_ask import LEAD, QUESTION
from tests.servers import opa

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def logging_opa() -> Iterator[str]:
    with opa.serve("--set=decision_logs.console=true") as url:
        yield url


def decision_ids(url: str, ledger_id: str) -> list[str] | None:
    """As the record has them; None where it has none."""
    with psycopg.connect(url, row_factory=dict_row) as owner:
        found = owner.execute(
            "SELECT value FROM ledger_openings WHERE ledger_id = %s AND name = 'decision_ids'",
            [ledger_id],
        ).fetchone()
    ids: list[str] | None = json.loads(found["value"]) if found else None
    return ids


def openings(url: str) -> list[str]:
    with psycopg.connect(url) as owner:
        found = owner.execute("SELECT ledger_id FROM ledger_acts WHERE outcome = 'Opened'")
        return [one for [one] in found.fetchall()]


async def test_a_record_names_the_decisions_that_the_engine_has_logged(
    settings: Settings, case_file: str, logging_opa: str
) -> None:
    engine = OpaServerEngine(logging_opa, timeout=10)
    await engine.publish()
    await engine.close()
    async with build(replace(settings, database_url=case_file, opa_url=logging_opa)) as copilot:
        answer = await copilot.ask(LEAD, QUESTION)
        search = await copilot.search(LEAD, QUESTION)
    assert isinstance(answer, Answer)
    assert isinstance(search, SearchResult)
    given = decision_ids(case_file, answer.ledger_id)
    found = decision_ids(case_file, search.ledger_id)
    [opened] = openings(case_file)
    begun = decision_ids(case_file, opened)
    assert given
    assert found
    assert begun
    assert given[: len(begun)] == begun
    assert len(given) > len(begun)
    assert len({*given, *found}) == len(given) + len(found)


async def test_an_engine_without_a_log_has_nothing_to_name(
    settings: Settings, case_file: str
) -> None:
    async with build(replace(settings, database_url=case_file)) as copilot:
        answer = await copilot.ask(LEAD, QUESTION)
    assert isinstance(answer, Answer)
    assert decision_ids(case_file, answer.ledger_id) is None


def test_only_records_of_questions_name_them() -> None:
    named = {name for name, one in SCHEMAS.items() if b'"decision_ids"' in one.data}
    assert named == {"ask-3", "search-3"}
