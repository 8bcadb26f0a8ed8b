"""The sealer: gives committed records their places in the Merkle tree, and signs its head."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg

from copilot.ledger import succession
from copilot.ledger.keys import signers
from copilot.ledger.proofs.checkpoint import Checkpoint, open_checkpoint
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.merkle import CompactRange, Subtree, complete_subtrees
from copilot.ledger.proofs.note import Note
from copilot.ledger.proofs.rotation import Rotation
from copilot.ledger.tree import subtree_hashes
from copilot.readiness import DEGRADED, OK
from copilot.settings import Settings
from policy.errors import BadInput, CopilotError, Unavailable
from retrieval.background import Background
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.queries import Queries

logger = logging.getLogger(__name__)
_SQL = Queries("copilot.ledger", "seal.sql")
EVERY_S = 0.2
"""How often the log is sealed: what a record waits for its place, at most, while all goes well."""
Rotated = Callable[[Rotation], Awaitable[None]]
"""Records that the log's key is about to change; where it raises, it does not change."""
_LATE_S = 10.0
_TOLD_S = 1.0
_OTHER = "the stored log is not what its head was signed for, and nothing more is sealed"
_MOST = 10_000
"""Records sealed in one transaction."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is committed and not sealed yet."""

    records: int
    oldest_s: float


class Sealer:
    """Of many, one seals at a time; the others find nothing to do. Its keys sign every checkpoint."""

    def __init__(
        self,
        database: Database,
        signers: Sequence[Signer],
        most: int = _MOST,
        rotated: Rotated | None = None,
    ) -> None:
        """Without `rotated` nothing but the statement of both keys tells of a change."""
        self._database = database
        self._signers = tuple(signers)
        self._most = most
        self._rotated = rotated
        self._tree = CompactRange()
        self._agreed_on = 0
        self._background = Background()

    async def seal(self) -> int:
        """Seals what waits, in one transaction for each 10,000; gives how many records it sealed.

        Unavailable where the database does not do it, Misconfigured where the log is signed by other keys.
        """
        sealed = 0
        while taken := await self._step():
            sealed += taken
            if taken < self._most:
                break
        return sealed

    def watch(self, tell: Callable[[float], None] = lambda _: None) -> None:
        """Begins to seal every 200 ms; each second, `tell` is given the age of the oldest that waits, in seconds."""
        self._background.begin(partial(self._watch, tell))

    async def state(self) -> str:
        """For readiness: records are safe without a seal, but not yet proved to be."""
        found = await self._waiting()
        if found.oldest_s < _LATE_S:
            return OK
        return f"{DEGRADED}{found.records} records are not sealed, the oldest for {found.oldest_s:.0f} s"

    async def close(self) -> None:
        """Ends what goes on in the background; what still waits is sealed by whoever comes next."""
        await self._background.stop()

    async def _watch(self, tell: Callable[[float], None]) -> None:
        failing, told = False, float("-inf")
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                # First: where sealing fails, the age grows, which is what an alarm waits for.
                if time.monotonic() - told >= _TOLD_S:
                    tell((await self._waiting()).oldest_s)
                    told = time.monotonic()
                await self.seal()
                failing = False
            except CopilotError as error:
                if not failing:  # once, and not five times a second
                    logger.warning("the ledger is not sealed: %s", error.message)
                failing = True

    async def _waiting(self) -> Waiting:
        async with self._database.transaction(Role.SEALER) as connection:
            return await waiting(connection)

    async def _step(self) -> int:
        try:
            async with self._database.transaction(Role.SEALER) as connection:
                tree, taken = await self._sealed(connection)
        except BaseException as error:
            self._agreed_on = 0
            if isinstance(error, psycopg.IntegrityError):
                if await self._passed_over():
                    return 0
                raise Unavailable(
                    "ledger", "what stands in the log contradicts its head"
                ) from error
            raise
        self._tree = tree
        return taken

    async def _passed_over(self) -> bool:
        """Whether records with the id of another one kept the rest from being sealed; verification names them."""
        async with self._database.transaction(Role.SEALER) as connection:
            rows = await _rows(connection, "doubled")
        for row in rows:
            logger.error("a record with the id of another one is not sealed: %s", row["ledger_id"])
        return bool(rows)

    async def _sealed(self, connection: Connection) -> tuple[CompactRange, int]:
        [lead] = await _rows(connection, "lead")
        if not lead["leads"]:
            return self._tree, 0
        [at] = await _rows(connection, "size")
        tree = await self._grown(connection, at["size"])
        rows = await _rows(connection, "take", {"most": self._most})
        if not rows:
            return self._tree, 0  # what was loaded was not looked at
        if at["keys"] != self._agreed_on or not at["keys"]:
            await self._agree(connection, tree.size)
        if tree is not self._tree:
            await self._require_signed(connection, tree)
        grown, born = tree.append(row["hash"] for row in rows)
        await _store(connection, tree.size, rows, born)
        checkpoint = Checkpoint(origin=self._signers[0].name, size=grown.size, root=grown.root)
        note = bytes(Note.sign(str(checkpoint), self._signers))
        values = {"size": grown.size, "root": grown.root, "note": note}
        await connection.execute(_SQL["checkpoint"], values)
        return grown, len(rows)

    async def _grown(self, connection: Connection, size: int) -> CompactRange:
        """The tree as it stands, which another may have sealed meanwhile."""
        if size == self._tree.size:
            return self._tree
        if size < self._tree.size:
            raise Unavailable(
                "ledger", f"the log ends at {size}, and this process has sealed {self._tree.size}"
            )
        stored = await subtree_hashes(connection, complete_subtrees(0, size))
        try:
            return CompactRange.load(size, stored)
        except KeyError as error:
            raise Unavailable("ledger", f"the log of {size} leaves lacks a subtree") from error

    async def _require_signed(self, connection: Connection, tree: CompactRange) -> None:
        """What is stored is built upon as it was signed: else who owns the database has what they like signed."""
        [head] = await _rows(connection, "head", {"size": tree.size})
        keys = [one.verifier_key for one in self._signers]
        expected = Checkpoint(origin=self._signers[0].name, size=tree.size, root=tree.root)
        try:
            signed = open_checkpoint(head["note"], origin=expected.origin, keys=keys).checkpoint
        except BadInput as error:
            raise Unavailable("ledger", f"{_OTHER}: {error.message}") from error
        if signed != expected:
            raise Unavailable("ledger", f"{_OTHER}; `copilot ledger verify` tells where")

    async def _agree(self, connection: Connection, size: int) -> None:
        """Names the keys in the log before the first checkpoint that they sign, and states each change of key.

        Again whenever the log has another number of keys: somebody else may have brought in a new one.
        """
        changes = await _stated(connection)
        known = await _keys(connection, changes, size)
        new = succession.agreed(self._signers, list(known))
        for key in new:
            await connection.execute(_SQL["add_key"], {"key": str(key), "size": size})
        keys = known | dict.fromkeys(new, size)
        for rotation, envelope in succession.missing(self._signers, keys, changes):
            if self._rotated is not None:
                await self._rotated(rotation)
            values = {"old": str(rotation.old), "new": str(rotation.new), "envelope": envelope}
            await connection.execute(_SQL["rotate"], values)
        self._agreed_on = len(keys)


async def seal_now(settings: Settings, url: str, rotated: Rotated | None = None) -> None:
    """Seals what waits, where nobody who serves has done it yet."""
    database = Database(url, timeout_s=settings.database_timeout_s)
    await database.open()
    try:
        await Sealer(database, signers(settings), rotated=rotated).seal()
    finally:
        await database.close()


async def waiting(connection: Connection) -> Waiting:
    """How many records wait to be sealed, and the age of the oldest in seconds; as SEALER."""
    [row] = await _rows(connection, "waiting")
    return Waiting(records=row["records"], oldest_s=row["oldest_s"] or 0.0)


async def _store(
    connection: Connection,
    first: int,
    rows: Sequence[Mapping[str, Any]],
    born: Mapping[Subtree, bytes],
) -> None:
    leaves = {
        "indices": list(range(first, first + len(rows))),
        "ledger_ids": [row["ledger_id"] for row in rows],
        "label_ids": [row["label_id"] for row in rows],
        "hashes": [row["hash"] for row in rows],
    }
    await connection.execute(_SQL["leaves"], leaves)
    above = [(level, index, one) for (level, index), one in born.items() if level > 0]
    subtrees = {
        "levels": [level for level, _, _ in above],
        "indices": [index for _, index, _ in above],
        "hashes": [one for _, _, one in above],
    }
    await connection.execute(_SQL["born"], subtrees)


async def known_keys(connection: Connection) -> list[VerifierKey]:
    """Those that the log names as its own, oldest first; as SEALER."""
    return list(await _keys(connection, await _stated(connection), 0))


async def _keys(
    connection: Connection, changes: Sequence[Rotation], size: int
) -> dict[VerifierKey, int]:
    """In order, each with the size from which it signs: `size` if only a change names it, not the list."""
    rows = await _rows(connection, "keys")
    from_size = {VerifierKey.parse(row["verifier_key"]): row["from_size"] for row in rows}
    return {key: from_size.get(key, size) for key in succession.in_order(list(from_size), changes)}


async def _stated(connection: Connection) -> list[Rotation]:
    return [Rotation.open(row["envelope"]) for row in await _rows(connection, "rotations")]


async def _rows(
    connection: Connection, block: str, values: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    return await (await connection.execute(_SQL[block], values)).fetchall()
