"""Changes of the log's key, each stated by the old key and the new one; and which keys to believe from any one."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from copilot.ledger.proofs.bundle import canonical_json
from copilot.ledger.proofs.checkpoint import LARGEST, SignedCheckpoint, open_checkpoint
from copilot.ledger.proofs.dsse import Envelope
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.statement import open_exactly
from policy.errors import BadInput

PAYLOAD_TYPE = "application/vnd.copilot.ledger-rotation+json"
_MEMBERS = {"new", "old", "origin", "size", "version"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """From a size of the log on the new key signs; up to it, the old one did."""

    origin: str
    """Which log's key it is."""
    old: VerifierKey
    new: VerifierKey
    size: int
    """The last that the old key may sign alone, and the first that the new one may."""

    def __post_init__(self) -> None:
        if not 0 <= self.size <= LARGEST:
            raise BadInput(f"the size of a rotation is not between 0 and {LARGEST}")
        if self.old == self.new:
            raise BadInput("a rotation names one key as the old and the new")

    @classmethod
    def open(cls, data: bytes) -> "Rotation":
        """From an envelope that both keys signed; whether either is to be believed is for `trusted` to say."""
        payload = Envelope.parse(data).payload
        rotation = cls._from_json(payload)
        keys = (rotation.old, rotation.new)
        if open_exactly(data, PAYLOAD_TYPE, keys)[1] != keys:
            raise BadInput("a rotation is not signed by the old key and then the new one")
        return rotation

    def sign(self, old: Signer, new: Signer) -> bytes:
        """The envelope, on one line. BadInput where the signers are others than it names."""
        if (old.verifier_key, new.verifier_key) != (self.old, self.new):
            raise BadInput("a rotation is signed by the two keys that it names")
        return bytes(Envelope.sign(PAYLOAD_TYPE, self._payload(), [old, new]))

    def _payload(self) -> bytes:
        value = {
            "new": str(self.new),
            "old": str(self.old),
            "origin": self.origin,
            "size": self.size,
            "version": 1,
        }
        return canonical_json(value)

    @classmethod
    def _from_json(cls, payload: bytes) -> "Rotation":
        try:
            value = json.loads(payload)
            texts = [value["origin"], value["old"], value["new"]]
            if not all(isinstance(one, str) for one in texts) or type(value["size"]) is not int:
                raise TypeError("a member is of the wrong type")
            keys = {name: VerifierKey.parse(value[name]) for name in ("old", "new")}
            rotation = cls(origin=value["origin"], size=value["size"], **keys)
            same = rotation._payload() == payload
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadInput("the payload is no rotation") from error
        if not same:
            raise BadInput("the rotation is not in canonical form")
        return rotation


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerm:
    """A key of the log, and the sizes for which it may sign."""

    key: VerifierKey
    first: int = 0
    last: int = LARGEST

    def covers(self, size: int) -> bool:
        return self.first <= size <= self.last


def trusted(held: VerifierKey, rotations: Iterable[Rotation]) -> tuple[KeyTerm, ...]:
    """The keys to believe for who holds one of them, oldest first: each vouches for the one before and after it.

    BadInput where the rotations are not one line of keys through the held one: two that follow, or precede, the
    same; a key that comes back; one that ends before it began; one that has nothing to do with the held key; two logs.
    """
    line = tuple(rotations)
    if len({one.origin for one in line}) > 1:
        raise BadInput("the rotations are of more than one log")
    following, preceding = ({one.old: one for one in line}, {one.new: one for one in line})
    if not len(line) == len(following) == len(preceding):
        raise BadInput("two rotations lead from one key, or to one key")
    rows = _line(held, following, preceding)
    if len(rows) != len(line):
        raise BadInput("a rotation is not in one line with the key that is held")
    sizes = [0, *(one.size for one in rows), LARGEST]
    if sizes != sorted(sizes):
        raise BadInput("a key of the rotations ends before it began")
    keys = [rows[0].old, *(one.new for one in rows)] if rows else [held]
    return tuple(
        KeyTerm(key=key, first=first, last=last)
        for key, first, last in zip(keys, sizes, sizes[1:], strict=False)
    )


def who_may_sign(terms: Sequence[KeyTerm], size: int) -> tuple[VerifierKey, ...]:
    """The keys of which one at least must have signed a checkpoint of that size."""
    return tuple(one.key for one in terms if one.covers(size))


def open_signed(data: bytes, *, origin: str, terms: Sequence[KeyTerm]) -> SignedCheckpoint:
    """Reads a checkpoint as `open_checkpoint` does; BadInput also where none of these keys may sign for its size."""
    opened = open_checkpoint(data, origin=origin, keys=[one.key for one in terms])
    size = opened.checkpoint.size
    allowed = who_may_sign(terms, size)
    if not any(one.key in allowed for one in opened.signed):
        names = ", ".join(one.key.label for one in opened.signed)
        raise BadInput(f"at the size {size} the log has other keys than {names}, which signed")
    return opened


def _line(
    held: VerifierKey,
    following: dict[VerifierKey, Rotation],
    preceding: dict[VerifierKey, Rotation],
) -> list[Rotation]:
    """The rotations through the held key in order; a circle ends where it began, one short of being whole."""
    first, seen = held, {held}
    while (before := preceding.get(first)) and before.old not in seen:
        first = before.old
        seen.add(first)
    rows, last, seen = list[Rotation](), first, {first}
    while (after := following.get(last)) and after.new not in seen:
        rows.append(after)
        last = after.new
        seen.add(last)
    return rows
