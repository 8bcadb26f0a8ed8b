"""The keys by which a process vouches for what it erases: those that sign the log, or else no verifier believes it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from copilot.ledger import succession
from copilot.ledger.entry import canonical
from copilot.ledger.keys import signers
from copilot.ledger.proofs.erasures import signature
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.seal import stated
from copilot.settings import Settings
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "seal.sql")
Vouching = Callable[[], Awaitable[Sequence[Signer]]]
"""Gives the keys at the moment; raises as `vouching` does."""


def by_keys_of(settings: Settings, database: Database) -> Vouching:
    """Asked whenever something is erased, since keys change."""
    return partial(vouching, settings, database)


async def vouching(settings: Settings, database: Database) -> Sequence[Signer]:
    """Misconfigured where the log's newest key is not at hand, Unavailable where the database does not say which."""
    held = signers(settings)
    async with database.transaction(Role.SEALER) as connection:
        rows = await (await connection.execute(_SQL["keys"])).fetchall()
        known = [VerifierKey.parse(row["verifier_key"]) for row in rows]
        succession.agreed(held, succession.in_order(known, await stated(connection)))
    return held


def vouched_for(erased: Sequence[Mapping[str, Any]], signers: Sequence[Signer]) -> dict[str, Any]:
    """What a record says that names these openings."""
    named = [dict(one) for one in erased]
    return {"erased": named, "signed": signature(canonical(named), signers)}
