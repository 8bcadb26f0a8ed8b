"""Proofs for auditors: that an entry is in the log whose head was signed, and what heads there are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from copilot.ledger.proofs.checkpoint import LARGEST
from copilot.ledger.proofs.merkle import plan_inclusion
from copilot.ledger.tree import subtree_hashes
from policy.errors import Unavailable
from policy.scope import Scope
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "prove.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerProof:
    """What `verify_inclusion` of RFC 9162, section 2.1.3.2, takes. Hashes are lower-case hex SHA-256."""

    ledger_id: str
    leaf_index: int
    leaf_hash: str
    tree_size: int
    root_hash: str
    inclusion_path: tuple[str, ...]
    """From the leaf to the root."""
    checkpoint: str
    """The C2SP checkpoint that signs size and root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A state of the log that was signed."""

    size: int
    checkpoint: str
    sealed_at: datetime
    published: tuple[str, ...]
    """Where else it lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """The newest first."""

    heads: tuple[SignedHead, ...]
    next_size: int | None
    """Heads of fewer entries than this follow; None where none do."""


class Prover:
    """Leaf indices and sizes tell how many records there are, of all tenants: for auditors, and for nobody else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def proof(
        self, scope: Scope, ledger_id: str, *, under: Literal["newest", "first"] = "newest"
    ) -> LedgerProof | None:
        """Under the newest checkpoint, or the first that holds the entry: that proof stays the same.

        None where the entry is not visible, not there, or not sealed yet.
        """
        async with self._database.transaction(Role.AUDITOR, scope.label_ids) as connection:
            values = {"ledger_id": ledger_id}
            cursor = await connection.execute(_SQL.scoped("leaf", scope.label_ids), values)
            leaf = await cursor.fetchone()
        return None if leaf is None else await self._proved(ledger_id, leaf, under)

    async def checkpoints(self, *, first: int, before: int | None = None) -> Checkpoints:
        """Those of fewer than `before` entries."""
        values = {"first": first + 1, "before": LARGEST if before is None else before}
        async with self._database.transaction(Role.SEALER) as connection:
            cursor = await connection.execute(_SQL["checkpoints"], values)
            rows = await cursor.fetchall()
        heads = tuple(_head(row) for row in rows[:first])
        return Checkpoints(heads=heads, next_size=heads[-1].size if len(rows) > first else None)

    async def _proved(self, ledger_id: str, leaf: dict[str, Any], under: str) -> LedgerProof:
        """Of the others' leaves the path has hashes, which tell nothing: what they hash is salted."""
        async with self._database.transaction(Role.SEALER) as connection:
            head = await (await connection.execute(_SQL[under], leaf)).fetchone()
            if head is None or head["size"] <= leaf["leaf_index"]:
                raise Unavailable("ledger", "the entry is sealed under no checkpoint")
            plan = plan_inclusion(leaf["leaf_index"], head["size"])
            found = await subtree_hashes(connection, plan.subtrees)
        try:
            path = plan.proof(found)
        except KeyError as error:
            raise Unavailable("ledger", "the log lacks a subtree, and can prove nothing") from error
        return LedgerProof(
            ledger_id=ledger_id,
            leaf_index=leaf["leaf_index"],
            leaf_hash=leaf["hash"].hex(),
            tree_size=head["size"],
            root_hash=head["root"].hex(),
            inclusion_path=tuple(one.hex() for one in path),
            checkpoint=head["note"].decode(),
        )


def _head(row: dict[str, Any]) -> SignedHead:
    return SignedHead(
        size=row["size"],
        checkpoint=row["note"].decode(),
        sealed_at=row["sealed_at"],
        published=tuple(row["published"]),
    )
