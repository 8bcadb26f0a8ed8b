"""Interned labels: the catalogue that scopes are computed from."""

import logging
from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from policy.errors import BadInput
from policy.labels import Classification, Label
from policy.principal import Grant
from policy.scope import LabelCatalog
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("retrieval.stores.postgres", "labels.sql")
_log = logging.getLogger(__name__)


class PostgresLabels:
    """`LabelSource` on Postgres: reads again whenever the tenant's epoch has moved, or may have."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._catalogs: dict[str, LabelCatalog] = {}

    async def catalog(self, tenant: str) -> LabelCatalog:
        """All labels of the tenant and its people's standing, as of now."""
        known = self._catalogs.get(tenant)
        if known is not None and self._database.fences.epoch(tenant) == known.epoch:
            return known
        async with self._database.transaction(Role.READER, tenant=tenant) as connection:
            # The epoch first: what is read after it is at least as new.
            epoch = await _epoch(connection, tenant)
            if known is None or known.epoch != epoch:
                known = self._catalogs[tenant] = await _read(connection, tenant, epoch)
        # Not what is kept: somebody who began earlier may have kept less since.
        return known


async def _epoch(connection: Connection, tenant: str) -> int:
    row = await (await connection.execute(_SQL["epoch"], {"tenant": tenant})).fetchone()
    return int(row["epoch"]) if row else 0


async def _read(connection: Connection, tenant: str, epoch: int) -> LabelCatalog:
    async def rows(name: str) -> list[dict[str, Any]]:
        return await (await connection.execute(_SQL[name], {"tenant": tenant})).fetchall()

    labels = dict(filter(None, [_interned(row, tenant) for row in await rows("catalog")]))
    grants: dict[str, tuple[Grant, ...]] = {}
    for row in await rows("grants"):
        grants[row["sub"]] = (*grants.get(row["sub"], ()), _grant(row))
    revoked = frozenset(row["sub"] for row in await rows("revoked"))
    return LabelCatalog(epoch=epoch, labels=labels, revoked=revoked, grants=grants)


def _interned(row: Mapping[str, Any], tenant: str) -> tuple[int, Label] | None:
    """None for a label that cannot be read: it is in nobody's scope, and the others stay."""
    try:
        return row["label_id"], Label.from_json(row["value"], tenant=tenant, where="stored label")
    except BadInput as error:
        _log.error("label %s is closed: %s", row["label_id"], error.message)
        return None


def _grant(row: Mapping[str, Any]) -> Grant:
    return Grant(
        grant_id=row["grant_id"],
        clearance=Classification(row["clearance"]),
        compartments=frozenset(row["compartments"]),
        authorities=frozenset(row["authorities"]),
        not_after=row["not_after"],
    )


async def intern(connection: Connection, label: Label) -> int:
    """The id of a label, made where it is new. Run it in a transaction of its own.

    A new label raises the tenant's epoch, so that scopes are computed again.
    """
    values = {
        "tenant": label.tenant,
        "canonical": label.canonical(),
        "value": Jsonb(label.to_json()),
    }
    found = await (await connection.execute(_SQL["id"], values)).fetchone()
    if found is None:
        await connection.execute(_SQL["intern"], values)
        found = await (await connection.execute(_SQL["id"], values)).fetchone()
    assert found is not None  # inserted, or by somebody else: ON CONFLICT waited for their commit
    return int(found["label_id"])


async def raise_fence(connection: Connection, tenant: str) -> None:
    """Ends every scope, cache and stream of the tenant that began before this transaction commits."""
    await connection.execute(_SQL["fence"], {"tenant": tenant})
