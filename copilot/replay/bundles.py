"""Policy bundles, kept from the first decision that they make: what decided can decide again."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from copilot.ledger.entry import canonical
from copilot.ledger.proofs.policies import built_of
from policy.basis import Basis
from policy.bundle import Built
from policy.errors import Unavailable
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.replay", "replay.sql")
_TRUSTED_S = 60
"""A restored database may lack what this process has stored: it is looked at again after this time."""
_RELEASE = ""
"""Owns the release's bundles, which every tenant is decided by."""

Key = tuple[str, str]
"""Owner and digest (hex)."""


class PolicyBundles:
    """The kept bundles. Every method raises Unavailable where they cannot be written or read."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._seen: dict[Key, float] = {}

    async def keep(self, tenant: str, basis: Basis) -> None:
        """Makes sure that the bundles of this basis are stored; durable before it returns."""
        built = _owned(tenant, basis)
        now = self._clock()
        if all(now - self._seen.get(key, -_TRUSTED_S) < _TRUSTED_S for key in built):
            return
        try:
            async with self._database.transaction(Role.LEDGER, tenant=tenant) as connection:
                await _store(connection, built)
        except psycopg.DatabaseError as error:
            raise Unavailable(
                "ledger", "the policy could not be kept; nothing was released"
            ) from error
        self._seen |= dict.fromkeys(built, now)

    async def load(self, tenant: str, digest: str, *, own: bool = False) -> Built:
        """The release's bundle of this digest, or the tenant's own; Unavailable where it is not as it was kept."""
        values = {"owner": tenant if own else _RELEASE, "digest": bytes.fromhex(digest)}
        async with self._database.transaction(Role.AUDITOR, tenant=tenant) as connection:
            row = await (await connection.execute(_SQL["bundle"], values)).fetchone()
        if row is None:
            raise Unavailable(
                "policy",
                f"the policy bundle {digest}, by which was decided then, is not kept here; "
                "restore policy_bundles from a backup",
            )
        built = built_of(row["sources"], row["wasm"])
        if built is None or built.sha256 != digest or built.rules != row["rules"]:
            raise Unavailable(
                "policy", f"the policy bundle {digest} is kept, but was changed; it decides nothing"
            )
        return built


def _owned(tenant: str, basis: Basis) -> dict[Key, Built]:
    owners = (_RELEASE, tenant)
    pairs = zip(owners, basis.bundles, strict=False)  # there may be none of the tenant's own
    return {(owner, built.sha256): built for owner, built in pairs}


async def _store(connection: Connection, built: Mapping[Key, Built]) -> None:
    values = {
        "owners": [owner for owner, _ in built],
        "digests": [bytes.fromhex(digest) for _, digest in built],
    }
    rows = await (await connection.execute(_SQL["kept"], values)).fetchall()
    kept = {(row["tenant"], row["sha256"].hex()) for row in rows}
    for key in sorted(set(built) - kept):
        await connection.execute(_SQL["keep"], _written(key, built[key]))


def _written(key: Key, built: Built) -> dict[str, Any]:
    owner, digest = key
    sources = {name: content.decode() for name, content in built.bundle.sources.items()}
    return {
        "owner": owner,
        "digest": bytes.fromhex(digest),
        "rules": built.rules,
        "sources": canonical(sources),
        "wasm": built.wasm,
    }
