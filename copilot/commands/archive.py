"""Archiving as an act of the operator: recorded for each tenant of whom something was archived."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from copilot.app import engine_of
from copilot.commands.asker import as_asker
from copilot.ledger.archive import Archived, Archiver
from copilot.ledger.keys import signers
from copilot.ledger.log import Ledger, Record
from copilot.ledger.month import Month
from copilot.ledger.records import Kind
from copilot.settings import Settings
from policy.engine import PolicyEngine
from policy.labels import Classification, Label
from policy.principal import Principal
from retrieval.stores.postgres.database import Database

_OPERATOR = "operator"
_TENANTS = "SELECT DISTINCT tenant FROM labels ORDER BY tenant"


async def archiving(settings: Settings, url: str, month: Month, folder: Path) -> Archived:
    """See `Archiver.archive`."""
    engine, database = engine_of(settings), Database(url, timeout_s=settings.database_timeout_s)
    await database.open()
    try:
        labels = await _labels(url, Ledger(database))

        def recorded(tenant: str, details: Mapping[str, Any]) -> tuple[Record, int]:
            label, label_id = labels[tenant]
            return _record(engine, label, details), label_id

        return await Archiver(url, signers(settings), recorded).archive(month, folder)
    finally:
        await database.close()
        await engine.close()


async def _labels(url: str, ledger: Ledger) -> dict[str, tuple[Label, int]]:
    """For each tenant the label of the record: no content stands in it, and each of their auditors may read it."""
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
        rows = await (await connection.execute(_TENANTS)).fetchall()
    labels = [Label(tenant=row["tenant"], classification=Classification.U) for row in rows]
    return {one.tenant: (one, await ledger.label_id(one)) for one in labels}


def _record(engine: PolicyEngine, label: Label, details: Mapping[str, Any]) -> Record:
    who = Principal(
        sub=_OPERATOR, tenant=label.tenant, clearance=Classification.U, roles=frozenset(["admin"])
    )
    return Record(
        kind=Kind.ARCHIVE,
        asker=as_asker(who),
        outcome="Archived",
        policy_revision=engine.revision(label.tenant),
        label=label,
        details=details,
    )
