"""A model elsewhere is sent only what its provider is accredited for: seen from the wire."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from copilot.acts import Copilot
from copilot.generation.extractive import MODEL
from copilot.results import Answer
from copilot.settings import Settings
from tests.integration.governed_corpus import QUESTIONS, TEXTS, opened, reader
from tests.servers.anthropic import AnthropicServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[AnthropicServer]:
    with AnthropicServer() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, server: AnthropicServer) -> Settings:
    return replace(settings, anthropic_api_key="test", anthropic_base_url=server.url)


@pytest.fixture
async def copilot(settings: Settings) -> AsyncIterator[Copilot]:
    async with opened(settings) as copilot:
        yield copilot


async def ask(copilot: Copilot, name: str) -> Answer:
    outcome = await copilot.ask(reader(), QUESTIONS[name])
    assert isinstance(outcome, Answer), outcome
    assert [citation.document_id for citation in outcome.sentences[0].citations] == [name]
    return outcome


def routings(settings: Settings) -> list[Any]:
    """The outcome and the routing of each record of a question, in order."""
    with psycopg.connect(str(settings.database_url), row_factory=dict_row) as owner:
        rows = owner.execute(
            """SELECT a.outcome, convert_from(o.value, 'UTF8')::json AS routing
               FROM ledger_entries e JOIN ledger_acts a USING (ledger_id)
               JOIN ledger_openings o USING (ledger_id)
               WHERE o.name = 'routing' AND a.kind = 'ask' ORDER BY e.recorded_at"""
        ).fetchall()
    return [(row["outcome"], row["routing"]) for row in rows]


async def test_what_protects_a_source_never_reaches_the_wire(
    copilot: Copilot, settings: Settings, server: AnthropicServer
) -> None:
    answer = await ask(copilot, "source")
    assert server.requests == []
    assert (answer.model, TEXTS["source"] in answer.text) == (MODEL, True)
    routing = {
        "provider": "offline",
        "model": MODEL,
        "refused": [{"provider": "anthropic", "reason": "handling"}],
    }
    assert routings(settings) == [("Opened", routing), ("Answer", routing)]


@pytest.mark.parametrize("name", ["open", "ts", "pii"])
async def test_what_the_provider_is_accredited_for_is_sent_and_the_rest_of_the_corpus_is_not(
    copilot: Copilot, settings: Settings, server: AnthropicServer, name: str
) -> None:
    answer = await ask(copilot, name)
    assert answer.model != MODEL
    [request] = server.requests
    sent = json.dumps(request.body, ensure_ascii=False)
    assert TEXTS[name] in sent
    assert "PILOTFISH" not in sent
    [(opened_as, opening), (closed_as, closing)] = routings(settings)
    assert (opened_as, closed_as) == ("Opened", "Answer")
    assert opening == closing
    assert (opening["provider"], opening["refused"]) == ("anthropic", [])


async def test_the_operator_may_narrow_what_a_provider_gets(
    settings: Settings, server: AnthropicServer, tmp_path: Path
) -> None:
    accreditations = tmp_path / "accreditations.json"
    lower = {"residency": "USA", "classification": "C", "compartments": [], "handling": []}
    accreditations.write_text(json.dumps({"anthropic": lower}))
    async with opened(replace(settings, accreditations=accreditations)) as copilot:
        for name in ("ts", "pii"):
            assert (await ask(copilot, name)).model == MODEL
        assert server.requests == []
        assert (await ask(copilot, "open")).model != MODEL
    assert len(server.requests) == 1
