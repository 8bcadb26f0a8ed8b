"""Checkpoints of the log that somebody kept outside of the database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.note import Note
from copilot.ledger.proofs.rotation import KeyTerm, open_signed
from policy.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One as it was kept."""

    where: str
    """How it is spoken of: the name of its file."""
    note: bytes
    said: Checkpoint
    """What the note says, whoever signed that."""

    @classmethod
    def parse(cls, note: bytes, where: str) -> "Held":
        """BadInput names it where it is no checkpoint."""
        try:
            return cls(where=where, note=note, said=Checkpoint.parse(Note.parse(note).text))
        except BadInput as error:
            raise BadInput(f"{where}: {error.message}") from error


def opened(
    held: Iterable[Held], terms: Sequence[KeyTerm] | None
) -> tuple[list[Checkpoint], list[str]]:
    """Those that one of these keys signed for a size at which it may, and what is wrong with what is held.

    Without `terms` the files themselves are what is trusted. Two of one size that differ need no log to be a fork.
    """
    checkpoints, problems = list[Checkpoint](), list[str]()
    first = dict[int, Checkpoint]()
    for one in held:
        try:
            checkpoint = _signed(one, terms) if terms is not None else one.said
        except BadInput as error:
            problems.append(f"{one.where}: {error.message}")
            continue
        if first.setdefault(checkpoint.size, checkpoint).root != checkpoint.root:
            problems.append(f"{one.where}: the log was forked at {checkpoint.size}")
        checkpoints.append(checkpoint)
    return checkpoints, problems


def _signed(held: Held, terms: Sequence[KeyTerm]) -> Checkpoint:
    return open_signed(held.note, origin=terms[0].key.name, terms=terms).checkpoint
