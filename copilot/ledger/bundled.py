"""The log as a bundle: what an outsider checks without our database, our network or our word."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from copilot.ledger import scopes
from copilot.ledger.month import Month
from copilot.ledger.named import Named
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.merkle import Subtree, SubtreeHashes, plan_consistency, plan_inclusion
from copilot.ledger.proofs.record import BundledRecord
from copilot.ledger.proofs.write_bundle import BundleWriter, Contents, Export
from copilot.ledger.stored import StoredArchive, StoredCheckpoint, StoredEntry, StoredLog
from policy.errors import BadInput, Misconfigured, Unavailable

_EARLIER = 100
"""Earlier checkpoints that a bundle holds at most, spread over the log, besides those that it was asked for. Where it
is whole, one of any other size is checked against the records themselves."""


@dataclass(frozen=True, slots=True)
class _Proofs:
    """Paths from hashes that were fetched before."""

    hashes: SubtreeHashes

    def inclusion(self, leaf_index: int, tree_size: int) -> Sequence[bytes]:
        return plan_inclusion(leaf_index, tree_size).proof(self.hashes)

    def consistency(self, first: int, second: int) -> Sequence[bytes]:
        return plan_consistency(first, second).proof(self.hashes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A bundle that is whole, and not given to anybody yet."""

    checkpoint: bytes
    """The signed note up to which it goes."""
    size: int
    """Records, as the checkpoint says."""
    root: bytes
    length: int
    """Bytes of all files."""
    statement_sha256: str
    """Hex, of the signed statement, which names the hash of every other file."""


Given = Callable[[Exported], Awaitable[None]]
"""Records that the bundle is about to be given; where it raises, nothing is."""
Told = Callable[[StoredEntry], bytes | None]
"""One entry as a line of a further file; None where that has none of it."""


async def export(
    log: StoredLog,
    folder: Path,
    *,
    by: str,
    signers: Sequence[Signer],
    month: Month | None = None,
    held: Collection[int] = (),
    given: Given | None = None,
    told: Mapping[str, Told] = MappingProxyType({}),
) -> Exported:
    """Writes all sealed records to a new folder, or nothing, with what they name: schemas, policies, keys.

    Of a month, and where some were archived, it is a selection: each record with its path.
    `held`: sizes of checkpoints that somebody kept, to each of which it then brings a path.
    `told`: further files of lines, by their names as `BundleWriter.append` takes them.
    BadInput where the folder is there already or cannot be written, or the log has no entries, or has never been
    signed at a size that is held. Misconfigured where
    none of the signers is the log's newest. Unavailable where
    something was erased of which no sealed record says so yet: a bundle would show a gap without its reason; and where
    what records name is not kept.
    """
    newest = await log.newest()
    if newest is None:
        raise BadInput("the ledger has no entries yet, so there is nothing to export")
    if await log.astray("erasing", 1) or await log.astray("late", 1):
        raise Unavailable(
            "ledger", "an erasure was just recorded, and is not sealed yet; try again"
        )
    earlier = _earlier(await log.checkpoints(0, newest.size), newest.size, held)
    keys = await log.keys()
    archives = await log.archives()
    whole = month is None and not archives
    contents = Contents(
        whole=whole,
        checkpoint=newest.note,
        keys=keys,
        earlier=[one.note for one in earlier],
        rotations=await log.rotations(),
    )
    proofs = await _proofs(log, [*(one.size for one in earlier), newest.size])
    at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with BundleWriter(folder, contents, proofs) as writer:
            named = Named()
            async for batch in log.batches("leaves") if month is None else log.month(month):
                there = [one for one in batch if not _archived(one, archives)]
                paths = {} if whole else await _paths(log, there, newest.size)
                for entry in there:
                    writer.add(_record(entry)._replace(path=paths.get(entry.row["leaf_index"])))
                    named.take(entry.openings)
                    for name, tell in told.items():
                        if (line := tell(entry)) is not None:
                            writer.append(name, line)
            for name, data in await named.files(log):
                writer.attach(name, data)
            digest = writer.finish(Export(by=by, at=at, signers=_now(keys, signers)))
            exported = Exported(
                checkpoint=newest.note,
                size=newest.size,
                root=newest.root,
                length=writer.length,
                statement_sha256=digest,
            )
            if given is not None:
                await given(exported)
            writer.give()
    except OSError as error:
        raise BadInput(f"cannot write the bundle to {folder}: {error.strerror}") from error
    return exported


def _now(keys: Sequence[VerifierKey], signers: Sequence[Signer]) -> list[Signer]:
    """Who may sign today: the log's newest key."""
    found = [one for one in signers if keys and one.verifier_key == keys[-1]]
    if not found:
        raise Misconfigured(
            "the log's newest key is not at hand: set COPILOT_LEDGER_KEY to the log's key"
        )
    return found


def _earlier(
    checkpoints: Sequence[StoredCheckpoint], size: int, held: Collection[int]
) -> list[StoredCheckpoint]:
    """Those of before this size that are held, and some of the others."""
    if missing := set(held) - {0, *(one.size for one in checkpoints)}:
        raise BadInput(
            f"the log has no checkpoint of {min(missing)}, which is held: it is of another log, or this"
            " one was rewritten; `copilot ledger verify --checkpoint` tells"
        )
    before = [one for one in checkpoints if one.size < size]
    spread = before[:: -(-len(before) // _EARLIER) or 1]
    wanted = {*held, *(one.size for one in spread)}
    return [one for one in before if one.size in wanted]


async def _proofs(log: StoredLog, sizes: Sequence[int]) -> _Proofs:
    """All that the paths between these sizes, each to the next, need."""
    plans = [plan_consistency(*pair) for pair in pairwise(sizes)]
    wanted: set[Subtree] = {one for plan in plans for one in plan.subtrees}
    return _Proofs(await log.subtrees(sorted(wanted)))


async def _paths(
    log: StoredLog, entries: Sequence[StoredEntry], size: int
) -> dict[int, Sequence[bytes]]:
    """By leaf index, from the leaf to the root of this size."""
    plans = {one.row["leaf_index"]: plan_inclusion(one.row["leaf_index"], size) for one in entries}
    wanted = {one for plan in plans.values() for one in plan.subtrees}
    hashes = await log.subtrees(sorted(wanted))
    try:
        return {index: plan.proof(hashes) for index, plan in plans.items()}
    except KeyError as error:
        raise Unavailable("ledger", f"the log of {size} leaves lacks a subtree") from error


def _archived(entry: StoredEntry, archives: Sequence[StoredArchive]) -> bool:
    index = entry.row["leaf_index"]
    return entry.row["leaf"] is None and any(one.holds(index) for one in archives)


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
