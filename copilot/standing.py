"""Standing: whose access is taken away, whatever their tokens say, and given back."""

from typing import Any

from copilot.ledger.log import Ledger, append
from copilot.ledger.records import Kind
from copilot.names import named, stated
from copilot.recorder import Recorder
from copilot.results import StandingChanged
from policy.errors import BadInput
from policy.principal import Asker
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot", "standing.sql")


class Standing:
    """Revokes and reinstates. Tokens are issued elsewhere: a sub that nobody has seen yet is one like any other."""

    def __init__(self, database: Database, ledger: Ledger, recorder: Recorder) -> None:
        self._database = database
        self._ledger = ledger
        self._recorder = recorder

    async def revoke(self, asker: Asker, sub: str, reason: str) -> StandingChanged:
        """From now on (the database raises the fence) the principal may do nothing. Once more is the same as once."""
        if sub in (asker.principal.sub, asker.impersonated_by):
            raise BadInput("nobody revokes themselves; ask another administrator")
        details = {"revoked": named(sub, "the sub"), "because": stated(reason)}
        return await self._change("revoke", asker, sub, "Revoked", details, reason)

    async def reinstate(self, asker: Asker, sub: str) -> StandingChanged:
        """The principal is again who their token says; where nothing was revoked, that stays so."""
        details = {"reinstated": named(sub, "the sub")}
        return await self._change("reinstate", asker, sub, "Reinstated", details)

    async def _change(
        self,
        block: str,
        asker: Asker,
        sub: str,
        outcome: str,
        details: dict[str, Any],
        reason: str = "",
    ) -> StandingChanged:
        tenant, by = asker.principal.tenant, asker.principal.sub
        record = await self._recorder.prepared(Kind.REVOCATION, asker, outcome, details)
        record_label = await self._ledger.label_id(record.label)
        values = {"tenant": tenant, "sub": sub, "reason": reason, "by": by}
        async with self._database.transaction(Role.LEDGER, tenant=tenant) as connection:
            await connection.execute(_SQL[block], values)
            ledger_id = await append(connection, record, record_label)
        self._database.fences.doubt()
        return StandingChanged(sub=sub, revoked=block == "revoke", ledger_id=ledger_id)
