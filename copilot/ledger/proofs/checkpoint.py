"""Checkpoints: how large the log is and what its root is, signed (https://c2sp.org/tlog-checkpoint)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from copilot.ledger.proofs.keys import VerifierKey, decode_base64, encode_base64
from copilot.ledger.proofs.merkle import HASH_BYTES
from copilot.ledger.proofs.note import Note, Verified
from policy.errors import BadInput

LARGEST = 2**63 - 1
"""The most leaves of a log, as signed 64-bit numbers of Go and Postgres have it."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log says of itself: the text of a note."""

    origin: str
    """Which log this is, such as `example.com/log42`."""
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin:
            raise BadInput("line 1 of the checkpoint, its origin, is empty or has a line break")
        if not 0 <= self.size <= LARGEST:
            raise BadInput(f"line 2 of the checkpoint, its size, is not between 0 and {LARGEST}")
        if len(self.root) != HASH_BYTES:
            raise BadInput(f"line 3 of the checkpoint, its root, is not of {HASH_BYTES} bytes")
        if any(not one or "\n" in one for one in self.extensions):
            raise BadInput("an extension line of the checkpoint is empty or has a line break")

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """BadInput names the line that is malformed."""
        *lines, end = text.split("\n")
        if end or len(lines) < 3:
            raise BadInput("the checkpoint has fewer than three lines, each ended by a newline")
        origin, size, root, *extensions = lines
        if not _SIZE.fullmatch(size):
            raise BadInput("line 2 of the checkpoint is not a number of leaves in plain decimal")
        return cls(
            origin=origin,
            size=int(size),
            root=decode_base64(root, "line 3 of the checkpoint"),
            extensions=tuple(extensions),
        )

    def __str__(self) -> str:
        lines = [self.origin, str(self.size), encode_base64(self.root), *self.extensions]
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint that the log signed, and who else vouches for it."""

    checkpoint: Checkpoint
    signed: tuple[Verified, ...]
    """By the log's keys: one, or two while keys change."""
    witnessed: tuple[Verified, ...]
    """By witnesses: how many there must be is for the reader to say."""


def open_checkpoint(
    data: bytes, *, origin: str, keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()
) -> SignedCheckpoint:
    """Reads a checkpoint of the log `origin`, whose keys are `keys`; a witness alone does not make one.

    BadInput where it is malformed, another log's, not signed by the log, or wrongly signed by a known key.
    """
    note = Note.parse(data)
    verified = note.verify([*keys, *witnesses])
    signed = tuple(one for one in verified if one.key in keys)
    if not signed:
        raise BadInput("the checkpoint bears no signature by a key of the log")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != origin:
        raise BadInput("line 1 of the checkpoint names another log than the one expected")
    witnessed = tuple(one for one in verified if one.key not in keys)
    return SignedCheckpoint(checkpoint=checkpoint, signed=signed, witnessed=witnessed)
