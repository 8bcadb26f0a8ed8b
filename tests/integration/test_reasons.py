"""Where a tenant wants to know why, nobody reads without saying so, and what they say is recorded."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from copilot.acts import Copilot
from copilot.results import Answer, Denied, DocumentView, SearchResult
from copilot.settings import Settings
from policy.principal import Asker
from tests.integration.governed_corpus import QUESTIONS, opened, reader

pytestmark = pytest.mark.anyio

QUESTION = QUESTIONS["open"]


@pytest.fixture
async def copilot(settings: Settings, tmp_path: Path) -> AsyncIterator[Copilot]:
    tenants = tmp_path / "tenants.json"
    tenants.write_text(json.dumps({"t1": {"reason_required": True}}))
    async with opened(replace(settings, tenants=tenants)) as copilot:
        yield copilot


def recorded(settings: Settings, ledger_id: str | None) -> dict[str, Any]:
    with psycopg.connect(str(settings.database_url), row_factory=dict_row) as owner:
        rows = owner.execute(
            "SELECT name, convert_from(value, 'UTF8')::json AS value FROM ledger_openings "
            "WHERE ledger_id = %s",
            [ledger_id],
        ).fetchall()
    return {row["name"]: row["value"] for row in rows}


async def reads(copilot: Copilot, who: Asker) -> list[Any]:
    return [
        await copilot.ask(who, QUESTION),
        [item async for item in copilot.ask_stream(who, QUESTION)][-1],
        await copilot.search(who, QUESTION),
        await copilot.document(who, "open"),
        await copilot.entity(who, "Halder"),
        await copilot.answer(who, "no-such-answer"),
    ]


@pytest.mark.parametrize("reason", ["", "  \t"])
async def test_without_a_reason_every_read_is_denied_and_recorded(
    copilot: Copilot, settings: Settings, reason: str
) -> None:
    for outcome in await reads(copilot, replace(reader(), reason=reason)):
        assert isinstance(outcome, Denied)
        assert outcome.reason == "reason"
        assert "say why" in outcome.text
        record = recorded(settings, outcome.ledger_id)
        assert record["act"]["kind"] == "denied"
        assert record["denied_reason"] == "reason"


async def test_with_one_they_read_and_the_record_has_it(
    copilot: Copilot, settings: Settings
) -> None:
    given = await reads(copilot, replace(reader(), reason="warrant 24-117"))
    assert [type(one) for one in given[:4]] == [Answer, Answer, SearchResult, DocumentView]
    for outcome in given:
        record = recorded(settings, outcome.ledger_id)
        assert record["reason"] == "warrant 24-117"


async def test_other_tenants_and_other_acts_go_without(copilot: Copilot) -> None:
    stranger = reader(tenant="t2")
    assert not isinstance(await copilot.search(stranger, QUESTION), Denied)
    assert (await copilot.ingest(reader(), [])).rejected == ()
