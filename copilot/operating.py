"""What an operator does to an installation as a whole, recorded once for each tenant: all of its auditors may see it.

No content stands in these records, and they bear the lowest label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from copilot.commands.asker import as_asker
from copilot.ledger.bundled import Exported
from copilot.ledger.log import Ledger, Record, append_all
from copilot.ledger.proofs.explanations import STRIPPED
from copilot.ledger.proofs.rotation import Rotation
from copilot.ledger.records import Kind
from copilot.ledger.verify import Verification
from copilot.ledger.vouch import vouching
from copilot.settings import Settings
from policy.engine import PolicyEngine
from policy.errors import Unavailable
from policy.labels import Classification, Label
from policy.principal import Principal
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot", "operating.sql")
_OPERATOR = "operator"


def operators(engine: PolicyEngine, tenant: str, kind: Kind, outcome: str, **said: Any) -> Record:
    """The record of one tenant; who runs the command is named as impersonating."""
    who = Principal(
        sub=_OPERATOR, tenant=tenant, clearance=Classification.U, roles=frozenset(["admin"])
    )
    return Record(
        kind=kind,
        asker=as_asker(who),
        outcome=outcome,
        policy_revision=engine.revision(tenant),
        label=lowest(tenant),
        details=said,
    )


def lowest(tenant: str) -> Label:
    """The label of such records."""
    return Label(tenant=tenant, classification=Classification.U)


class Operating:
    """Writes such records. Every method raises Unavailable where they are not durable."""

    def __init__(self, database: Database, engine: PolicyEngine) -> None:
        self._database = database
        self._engine = engine
        self._ledger = Ledger(database)

    async def rotated(self, rotation: Rotation) -> None:
        """The log's key is about to change."""
        said = {"old": rotation.old.label, "new": str(rotation.new), "size": rotation.size}
        await self._told(Kind.KEY_ROTATION, "Rotated", key_rotation=said)

    async def verified(self, result: Verification) -> None:
        """The log was verified where it stands."""
        names = ("entries", "sealed", "checkpoints", "held", "root")
        said = {name: getattr(result, name) for name in names} | {"problems": len(result.problems)}
        outcome = "NotVerified" if result.problems else "Verified"
        await self._told(Kind.VERIFICATION, outcome, verification=said)

    async def exported(self, one: Exported) -> None:
        """A bundle of the whole log is about to be given."""
        said = {
            "size": one.size,
            "root": one.root.hex(),
            "bytes": one.length,
            "statement_sha256": one.statement_sha256,
        }
        await self._told(Kind.EXPORT, "Exported", export=said)

    async def archived(self, connection: Connection, said: Mapping[str, Any]) -> None:
        """A month of the log is archived, by the transaction of this connection."""
        records = await self._of_each(Kind.ARCHIVE, "Archived", **said)
        await append_all(connection, await self._labelled(records))

    async def late(self, settings: Settings) -> None:
        """Names what was not kept of questions whose contexts were erased while they were asked.

        No erasure could: their records came after its own. These bear the labels of what they name. Misconfigured
        where the log's key is not at hand, which vouches for it; Unavailable where other openings are said to be late.
        """
        signers = await vouching(settings, self._database)
        async with self._database.transaction(Role.LEDGER) as connection:
            found = list[Record]()
            for row in await (await connection.execute(_SQL["late"])).fetchall():
                tenant, covering = row["tenant"], lowest(row["tenant"])
                label = Label.from_json(row["label"], tenant=tenant, where="label")
                erased = [{"ledger_id": row["ledger_id"], "names": row["names"], "answers": 0}]
                if not STRIPPED.issuperset(row["names"]):
                    raise Unavailable(
                        "ledger", f"late_openings names what it cannot: {row['names']}"
                    )
                record = operators(
                    self._engine, tenant, Kind.ERASURE, "Erased", erased=erased, late=True
                )
                found.append(replace(record, label=covering.join(label), signers=signers))
            if found:
                await append_all(connection, await self._labelled(found))

    async def tenants(self) -> list[str]:
        """Those who have any label."""
        async with self._database.transaction(Role.READER) as connection:
            rows = await (await connection.execute(_SQL["tenants"])).fetchall()
        return [row["tenant"] for row in rows]

    async def write(self, records: Sequence[Record]) -> None:
        """All of them or none."""
        if not records:
            return
        labelled = await self._labelled(records)
        async with self._database.transaction(Role.LEDGER) as connection:
            await append_all(connection, labelled)

    async def _told(self, kind: Kind, outcome: str, **said: Any) -> None:
        await self.write(await self._of_each(kind, outcome, **said))

    async def _of_each(self, kind: Kind, outcome: str, **said: Any) -> list[Record]:
        tenants = await self.tenants()
        return [operators(self._engine, one, kind, outcome, **said) for one in tenants]

    async def _labelled(self, records: Sequence[Record]) -> list[tuple[Record, int]]:
        return [(one, await self._ledger.label_id(one.label)) for one in records]
