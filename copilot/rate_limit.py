"""How much one person may ask for in a minute, counted in Postgres, where all replicas see it."""

import hashlib
import json

from policy.errors import Unavailable
from policy.principal import Principal
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot", "rate_limit.sql")


class RateLimit:
    """A token bucket for each person of each tenant. It fills evenly, up to what a minute brings.

    It is charged with what an operation may cost at most, never with what it found, so that the
    counter tells nothing of the corpus; and nobody's counter depends on what another person does.
    """

    def __init__(self, database: Database, per_minute: int) -> None:
        self._database = database
        self._per_minute = per_minute

    async def take(self, principal: Principal, cost: int) -> float:
        """Seconds to wait until this cost can be taken; 0 where it was taken just now.

        Unavailable where the counter cannot be read: nobody passes uncounted.
        """
        if not self._per_minute:
            return 0.0
        values = {"bucket": _bucket(principal), "cost": cost, "per_minute": self._per_minute}
        async with self._database.statements(Role.LEDGER) as connection:
            row = await (await connection.execute(_SQL["take"], values)).fetchone()
        if row is None:
            raise Unavailable("postgres", "the count of requests gave no answer; nothing was done")
        return float(row["wait_s"])


def _bucket(principal: Principal) -> bytes:
    return hashlib.sha256(json.dumps([principal.tenant, principal.sub]).encode()).digest()
