"""Interned labels: the catalogue that scopes are computed from."""

from psycopg.types.json import Jsonb

from policy.labels import Label
from policy.scope import LabelCatalog
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("retrieval.stores.postgres", "labels.sql")


class PostgresLabels:
    """`LabelSource` on Postgres. The epoch is read at each call; labels are read only when it moved."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._catalogs: dict[str, LabelCatalog] = {}

    async def catalog(self, tenant: str) -> LabelCatalog:
        """All labels of the tenant, as of now."""
        async with self._database.transaction(Role.READER) as connection:
            cursor = await connection.execute(_SQL["epoch"], {"tenant": tenant})
            row = await cursor.fetchone()
            epoch = row["epoch"] if row else 0
            known = self._catalogs.get(tenant)
            if known is None or known.epoch != epoch:
                self._catalogs[tenant] = await _read(connection, tenant)
        return self._catalogs[tenant]


async def _read(connection: Connection, tenant: str) -> LabelCatalog:
    rows = await (await connection.execute(_SQL["catalog"], {"tenant": tenant})).fetchall()
    labels = {
        row["label_id"]: Label.from_json(row["value"], tenant=tenant, where="stored label")
        for row in rows
        if row["label_id"] is not None
    }
    return LabelCatalog(epoch=rows[0]["epoch"] if rows else 0, labels=labels)


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
