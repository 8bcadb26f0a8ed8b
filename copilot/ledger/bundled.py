"""The log as a bundle: what an outsider checks without our database, our network or our word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from copilot.ledger import scopes
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.merkle import Subtree, SubtreeHashes, plan_consistency, plan_inclusion
from copilot.ledger.proofs.record import BundledRecord
from copilot.ledger.proofs.write_bundle import BundleWriter, Contents, Export
from copilot.ledger.stored import StoredCheckpoint, StoredEntry, StoredLog
from policy.errors import BadInput, Unavailable

_EARLIER = 100
"""Earlier checkpoints that a bundle holds at most, spread over the log: whoever held one of another size has it checked
against the records themselves."""


@dataclass(frozen=True, slots=True)
class _Proofs:
    """Paths from hashes that were fetched before."""

    hashes: SubtreeHashes

    def inclusion(self, leaf_index: int, tree_size: int) -> Sequence[bytes]:
        return plan_inclusion(leaf_index, tree_size).proof(self.hashes)

    def consistency(self, first: int, second: int) -> Sequence[bytes]:
        return plan_consistency(first, second).proof(self.hashes)


async def export(
    log: StoredLog, folder: Path, *, by: str, signers: Sequence[Signer]
) -> StoredCheckpoint:
    """Writes all sealed records to a new folder, or nothing; gives the checkpoint up to which they go.

    BadInput where the folder is there already or cannot be written, or the log has no entries. Unavailable where
    something was erased of which no sealed record says so yet: a bundle would show a gap without its reason.
    """
    newest = await log.newest()
    if newest is None:
        raise BadInput("the ledger has no entries yet, so there is nothing to export")
    if await log.astray("erasing", 1):
        raise Unavailable(
            "ledger", "an erasure was just recorded, and is not sealed yet; try again"
        )
    earlier = _spread(await log.checkpoints(0, newest.size - 1))
    contents = Contents(
        checkpoint=newest.note, keys=await log.keys(), earlier=[one.note for one in earlier]
    )
    proofs = await _proofs(log, [*(one.size for one in earlier), newest.size])
    at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with BundleWriter(folder, contents, proofs) as writer:
            async for batch in log.batches("leaves"):
                for entry in batch:
                    writer.add(_record(entry))
            writer.finish(Export(by=by, at=at, signers=signers))
    except OSError as error:
        raise BadInput(f"cannot write the bundle to {folder}: {error.strerror}") from error
    return newest


def _spread(checkpoints: Sequence[StoredCheckpoint]) -> list[StoredCheckpoint]:
    step = -(-len(checkpoints) // _EARLIER)
    return [*checkpoints[::step]] if step else []


async def _proofs(log: StoredLog, sizes: Sequence[int]) -> _Proofs:
    """All that the paths between these sizes, each to the next, need."""
    plans = [plan_consistency(*pair) for pair in pairwise(sizes)]
    wanted: set[Subtree] = {one for plan in plans for one in plan.subtrees}
    return _Proofs(await log.subtrees(sorted(wanted)))


def _record(entry: StoredEntry) -> BundledRecord:
    """Unavailable where what stands there cannot be exported: `copilot ledger verify` says what is wrong."""
    index: int = entry.row["leaf_index"]
    if entry.row["leaf"] is None:
        raise Unavailable("ledger", f"entry {index} is gone: see `copilot ledger verify`")
    return BundledRecord(
        leaf_index=index,
        leaf=entry.row["leaf"],
        openings={one["name"]: (one["salt"], one["value"]) for one in entry.openings},
        scopes=_scopes(entry.openings),
    )


def _scopes(openings: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    named = ((scopes.digest_in(one), one["scope"]) for one in openings)
    return {digest: scope.value for digest, scope in named if digest and scope}
