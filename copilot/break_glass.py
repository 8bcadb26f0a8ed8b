"""Break-glass: access in an emergency, asked for by one person, opened by another, for a stated time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from copilot.ledger.log import Ledger, Record, append
from copilot.ledger.records import Kind
from copilot.names import names, stated
from copilot.results import AccessGrant, GrantState
from policy.engine import PolicyEngine
from policy.errors import BadInput, Forbidden
from policy.labels import Classification, Label
from policy.principal import Asker
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot", "break_glass.sql")
_APPROVED = "Approved"
"""The step that somebody else takes: a record of its own kind."""
_REQUEST_WAITS = timedelta(hours=20)

DEMO_OPERATOR = "demo"
"""Behind everybody in the demo, where one person plays them all."""

Row = Mapping[str, Any]


class BreakGlass:
    """Grants of a tenant. Each step is recorded where every auditor of the tenant may read it, reason and all."""

    def __init__(self, database: Database, engine: PolicyEngine, ledger: Ledger) -> None:
        self._database = database
        self._engine = engine
        self._ledger = ledger

    async def request(
        self,
        asker: Asker,
        clearance: Classification,
        compartments: Sequence[str],
        authorities: Sequence[str],
        seconds: int,
    ) -> AccessGrant:
        """Asks for exactly this, for the asker's stated reason. Nothing opens before somebody approves."""
        values = {
            "grant_id": uuid4().hex,
            "sub": asker.principal.sub,
            "clearance": str(clearance),
            "compartments": sorted(names(compartments, "the compartments")),
            "authorities": sorted(names(authorities, "the authorities")),
            "reason": stated(asker.reason),
            "seconds": seconds,
            "operator": asker.impersonated_by,
        }
        return await self._step("request", asker, "Requested", values)

    async def approve(self, asker: Asker, grant_id: str) -> AccessGrant:
        """Opens what was asked for, from now on. Raises Forbidden where the same people stand behind both."""
        asked = await self.find(asker, grant_id)
        if asked is not None and _people(asked.sub, asked.operator) & _people_of(asker):
            raise Forbidden(
                "nobody may approve what they asked for themselves; it takes two people"
            )
        return await self._step("approve", asker, _APPROVED, {"grant_id": grant_id})

    async def end(self, asker: Asker, grant_id: str) -> AccessGrant:
        """Closes what was opened, or takes the request back, at once."""
        return await self._step("end", asker, "Ended", {"grant_id": grant_id})

    async def find(self, asker: Asker, grant_id: str) -> AccessGrant | None:
        """One grant of the asker's tenant."""
        tenant = asker.principal.tenant
        async with self._database.transaction(Role.READER, tenant=tenant) as connection:
            row = await _row(connection, "one", {"tenant": tenant, "grant_id": grant_id})
        return None if row is None else _grant(row)

    async def newest(
        self, asker: Asker, *, first: int, after: str | None = None
    ) -> tuple[AccessGrant, ...]:
        """The tenant's grants, the newest request first, from after the one with the id `after`."""
        tenant = asker.principal.tenant
        values = {"tenant": tenant, "first": first, "after": after}
        async with self._database.transaction(Role.READER, tenant=tenant) as connection:
            cursor = await connection.execute(_SQL["newest"], values)
            return tuple(_grant(row) for row in await cursor.fetchall())

    async def _step(
        self, block: str, asker: Asker, outcome: str, values: Mapping[str, Any]
    ) -> AccessGrant:
        """One step of a grant with its record; the database raises the fence."""
        tenant = asker.principal.tenant
        label = Label(tenant=tenant, classification=Classification.U)
        record_label = await self._ledger.label_id(label)
        given = {**values, "tenant": tenant, "by": asker.principal.sub}
        async with self._database.transaction(Role.LEDGER, tenant=tenant) as connection:
            row = await _row(connection, block, given)
            if row is None:
                raise BadInput(f"there is no open request or grant {values['grant_id']!r}")
            grant = _grant(row)
            await append(connection, self._record(asker, outcome, grant, label), record_label)
        self._database.fences.doubt()
        return grant

    def _record(self, asker: Asker, outcome: str, grant: AccessGrant, label: Label) -> Record:
        return Record(
            kind=Kind.APPROVAL if outcome == _APPROVED else Kind.BREAK_GLASS,
            asker=asker,
            outcome=outcome,
            policy_revision=self._engine.revision(asker.principal.tenant),
            label=label,
            details=_told(grant),
        )


def _people(sub: str, operator: str | None) -> frozenset[str]:
    """Those behind an act: who it is done as, and who does it."""
    return frozenset({sub} if operator in (None, DEMO_OPERATOR) else {sub, str(operator)})


def _told(grant: AccessGrant) -> dict[str, Any]:
    """Why it was asked for is told by itself: a deletion may have to take these words, and takes no grant with them."""
    said = grant.to_json()
    return {"grant_reason": said.pop("reason"), "grant": said}


def _people_of(asker: Asker) -> frozenset[str]:
    return _people(asker.principal.sub, asker.impersonated_by)


async def _row(connection: Connection, block: str, values: Row) -> dict[str, Any] | None:
    return await (await connection.execute(_SQL[block], values)).fetchone()


def _grant(row: Row) -> AccessGrant:
    return AccessGrant(
        grant_id=row["grant_id"],
        state=_state(row),
        sub=row["sub"],
        operator=row["operator"],
        clearance=Classification(row["clearance"]),
        compartments=tuple(row["compartments"]),
        authorities=tuple(row["authorities"]),
        reason=row["reason"],
        seconds=row["seconds"],
        requested_at=row["requested_at"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
        not_after=row["not_after"],
        ended_by=row["ended_by"],
        ended_at=row["ended_at"],
    )


def _state(row: Row) -> GrantState:
    if row["ended_by"] is not None:
        return GrantState.ENDED
    if row["approved_by"] is None:
        waiting = row["at"] < row["requested_at"] + _REQUEST_WAITS
        return GrantState.PENDING if waiting else GrantState.LAPSED
    return GrantState.ACTIVE if row["at"] < row["not_after"] else GrantState.LAPSED
