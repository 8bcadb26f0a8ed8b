"""The keys by which a process vouches for what it erases: those that sign the log, or else no verifier believes it."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from copilot.ledger import succession
from copilot.ledger.keys import signers
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.seal import Sealer, known_keys, waiting
from copilot.settings import Settings
from policy.errors import Unavailable
from retrieval.stores.postgres.database import Database, Role

Vouching = Callable[[], Awaitable[Sequence[Signer]]]
"""Gives the keys at the moment; raises as `vouching` does."""


def by_keys_of(settings: Settings, database: Database) -> Vouching:
    """Asked whenever something is erased, since keys change."""
    return partial(vouching, settings, database)


async def vouching(settings: Settings, database: Database) -> Sequence[Signer]:
    """Misconfigured where the log's newest key is not at hand, Unavailable where the database does not say which.

    A log of no keys is sealed first: whoever comes next would else sign it by others, and vouch for nothing of before.
    """
    held = signers(settings)
    known = await _known(database)
    if not known:
        await Sealer(database, held).seal()
        known = await _known(database)
        if not known and await _waits(database):
            raise Unavailable(
                "ledger", "the log is just being signed for the first time; try again"
            )
    succession.agreed(held, known)
    return held


async def _waits(database: Database) -> bool:
    async with database.transaction(Role.SEALER) as connection:
        return (await waiting(connection)).records > 0


async def _known(database: Database) -> Sequence[VerifierKey]:
    async with database.transaction(Role.SEALER) as connection:
        return await known_keys(connection)
