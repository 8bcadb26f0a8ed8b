"""What a process that begins to serve decides by, recorded where it is another than the last record says."""

import json
from collections.abc import AsyncIterator
from typing import Any

from copilot.ledger.log import Ledger, Record
from copilot.ledger.records import Kind
from copilot.operating import Operating, lowest, operators
from copilot.replay.bundles import PolicyBundles
from copilot.settings import Settings
from policy.installation import Installation, Tenant
from policy.narrowed import NarrowedEngine
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot", "operating.sql")
_KINDS = {Kind.POLICY_CHANGE: "policy", Kind.FLAG_CHANGE: "flags"}


class Changes:
    """Of each tenant that has any label: the policy that holds for it, and its flags."""

    def __init__(self, settings: Settings, database: Database, engine: NarrowedEngine) -> None:
        self._settings = settings
        self._database = database
        self._engine = engine
        self._installation = Installation.read(settings.tenants, settings.accreditations)
        self._operating = Operating(database, engine)
        self._ledger = Ledger(database)
        self._bundles = PolicyBundles(database)

    async def note(self) -> int:
        """Records what is new, and keeps the policies it names; gives how many records that took.

        Unavailable where they are not durable: nobody is served by what no record names.
        """
        records: list[Record] = []
        for tenant in await self._operating.tenants():
            await self._bundles.keep(tenant, self._engine.basis(tenant))
            records += [one async for one in self._changed(tenant)]
        await self._operating.write(records)
        return len(records)

    async def _changed(self, tenant: str) -> AsyncIterator[Record]:
        for kind, now in ((Kind.POLICY_CHANGE, self._policy), (Kind.FLAG_CHANGE, self._flags)):
            before, after = await self._last(tenant, kind), now(tenant)
            if before != after:
                said = {_KINDS[kind]: {"before": before, "after": after}}
                yield operators(self._engine, tenant, kind, "Changed", **said)

    def _policy(self, tenant: str) -> dict[str, Any]:
        basis = self._engine.basis(tenant)
        return {"revision": basis.revision, **basis.to_json()}

    def _flags(self, tenant: str) -> dict[str, Any]:
        stated = self._installation.tenants.get(tenant, Tenant())
        return {
            "enabled": self._settings.enabled,
            "graphrag_enabled": self._settings.graphrag_enabled,
            "policy_filter_strict": self._settings.policy_filter_strict,
            "graph_required": stated.graph_required,
            "decompose": stated.decompose,
            "filter_facts": stated.filter_facts,
        }

    async def _last(self, tenant: str, kind: Kind) -> Any:
        """What the last record says that came in then; None where there is none."""
        label_ids = [await self._ledger.label_id(lowest(tenant))]
        values = {"tenant": tenant, "kind": str(kind), "name": _KINDS[kind]}
        async with self._database.transaction(Role.AUDITOR, label_ids) as connection:
            row = await (
                await connection.execute(_SQL.scoped("last", label_ids), values)
            ).fetchone()
        return json.loads(row["value"])["after"] if row else None
