"""A few documents of which one question needs two, and a tenant that lets a model judge."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from copilot.acts import Copilot
from copilot.ingest.documents import Document, Part
from copilot.results import SearchResult
from copilot.settings import Settings
from policy.labels import Classification, Label
from tests.integration.governed_corpus import reader
from tests.servers.anthropic import AnthropicServer

OPEN = Label(tenant="t1", classification=Classification.U)
SOURCE = replace(OPEN, handling=frozenset(["SOURCE"]))
HIDDEN = replace(OPEN, compartments=frozenset(["HARBOR"]))
ANN = reader()
QUESTION = "Who directs the firm that owns the barge Kestrel?"
PART = "Who is the director of Marlow Shipping Ltd?"
TEXTS = {
    "barge": "The firm that owns the barge Kestrel is Marlow Shipping Ltd of Corrin.",
    "yard": "The firm that directs repairs of the barge Kestrel is the yard of Ormsby.",
    "board": "Ida Brandt is the director of Marlow Shipping Ltd since 2019.",
    "weather": "Rain fell on the roofs of the town.",
}


def document(name: str, text: str, label: Label = OPEN) -> Document:
    part = Part(label=label, text=text)
    return Document(document_id=name, title="", label=label, parts=(part,), source=f"{name}.md")


def consulting(
    settings: Settings, server: AnthropicServer, folder: Path, **flags: bool
) -> Settings:
    """Settings with a model, and the tenant's wishes."""
    tenants = folder / "tenants.json"
    tenants.write_text(json.dumps({"t1": flags}))
    return replace(
        settings,
        anthropic_api_key="test",
        anthropic_base_url=server.url,
        tenants=tenants,
        policy_timeout_s=10,
    )


async def fill(copilot: Copilot, *more: Document) -> None:
    documents = [document(name, text) for name, text in TEXTS.items()]
    report = await copilot.ingest(
        replace(ANN, principal=replace(ANN.principal, compartments=frozenset(["HARBOR"]))),
        [*documents, *more],
    )
    assert report.rejected == ()


async def found(copilot: Copilot) -> list[str]:
    """The ids of the documents whose passages are passed on."""
    result = await copilot.search(ANN, QUESTION)
    assert isinstance(result, SearchResult), result
    return [one.chunk.document_id for one in result.contexts]


def records(settings: Settings) -> list[dict[str, Any]]:
    """Searches in the ledger, oldest first: outcome and what the record opens to."""
    with psycopg.connect(str(settings.database_url), row_factory=dict_row) as owner:
        rows = owner.execute(
            """SELECT a.outcome, json_object_agg(o.name, convert_from(o.value, 'UTF8')::json) AS opened
               FROM ledger_entries e JOIN ledger_acts a USING (ledger_id)
               JOIN ledger_openings o USING (ledger_id)
               WHERE a.kind = 'search' GROUP BY e.ledger_id, a.outcome, e.recorded_at ORDER BY e.recorded_at"""
        ).fetchall()
    return [{"outcome": row["outcome"], **row["opened"]} for row in rows]
