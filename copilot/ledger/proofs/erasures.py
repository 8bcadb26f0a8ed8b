"""What records say was erased, and which key of the log vouches for it: else whoever owns the database could say it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from copilot.ledger.proofs.bundle import UNREADABLE, canonical_json
from copilot.ledger.proofs.dsse import Envelope
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.rotation import KeyTerm
from policy.errors import BadInput
from policy.labels import Classification, Label

PAYLOAD_TYPE = "application/vnd.copilot.ledger-erasure+json"
SIGNED = ("act", "erased", "index", "late")
"""By whom, of what, when and under which label, and how: openings, as far as the record has them."""
UNSIGNED_FORM = 1
"""Leaves of that version were written before erasures were signed."""
_IN_FLIGHT = 100_000
"""Records that may come between a change of the log's key and an erasure that the old one signed before."""
_SETS = ("authorities", "compartments", "handling")
_KIND = b'"kind":"erasure"'


class Filed(NamedTuple):
    """When a record was made and who may read it, by its index; None for what that does not say as this ledger does."""

    at: datetime | None = None
    label: Label | None = None
    kind: str = ""
    """Empty for records of before there were schemas."""

    @classmethod
    def of(cls, opened: Mapping[str, bytes]) -> "Filed":
        try:
            index = json.loads(opened["index"])
            at = datetime.fromisoformat(index["recorded_at"])
            kind = index["schema"]["name"].rpartition("-")[0] if "schema" in index else ""
            return cls(at if at.tzinfo else None, _label(index["tenant"], index["label"]), kind)
        except UNREADABLE:
            return cls()


def _label(tenant: str, said: Mapping[str, Any]) -> Label:
    """By its sets alone: whoever verifies need not know each caveat that there was, or will be."""
    sets = {name: frozenset(said.get(name, [])) for name in _SETS}
    to = frozenset(said["releasable_to"]) if "releasable_to" in said else None
    level = Classification(said["classification"])
    return Label(tenant=tenant, classification=level, releasable_to=to, **sets)


class Erasure(NamedTuple):
    """What one record says went."""

    leaf_index: int
    names: tuple[tuple[str, str], ...]
    """Ledger id and name of each opening."""
    filed: Filed = Filed()
    by: str = ""
    """Who erased it."""
    late: bool = False
    """Whether it names what was not kept of records that came after the erasure."""
    form: int = UNSIGNED_FORM
    payload: bytes = b""
    """What must have been signed."""
    signed: bytes = b""
    """The envelope; see `signature`."""

    def require_signed(self, terms: Sequence[KeyTerm]) -> None:
        """BadInput where no key of the log that could sign then vouches for it, although one should.

        A log of no keys has signed nothing yet.
        """
        if self.form == UNSIGNED_FORM or not terms:
            return
        keys = [one.key for one in terms if self.leaf_index <= one.last + _IN_FLIGHT]
        envelope = Envelope.parse(self.signed)
        envelope.verify(PAYLOAD_TYPE, keys)
        if envelope.payload != self.payload:
            raise BadInput("it was signed for another record")


def signature(
    ledger_id: str, opened: Mapping[str, bytes], signers: Sequence[Signer]
) -> dict[str, Any]:
    """A DSSE envelope by keys of the log for the record that these values are of: for no other does it hold."""
    envelope = Envelope.sign(PAYLOAD_TYPE, _payload(ledger_id, opened), signers)
    signed: dict[str, Any] = json.loads(bytes(envelope))
    return signed


def _payload(ledger_id: str, opened: Mapping[str, bytes]) -> bytes:
    hashes = {name: sha256(opened[name]).hexdigest() for name in SIGNED if name in opened}
    return canonical_json({"id": ledger_id, "sha256": hashes, "version": 1})


def may_be_erasure(opened: Mapping[str, bytes]) -> bool:
    """Cheaply, and without reading it."""
    return _KIND in opened.get("act", b"")


def erasure(
    leaf_index: int, ledger_id: str, form: int, opened: Mapping[str, bytes]
) -> Erasure | None:
    """What the record, of which these values open, says went; None of other kinds. BadInput where it cannot be read."""
    if "erased" not in opened:
        return None
    try:
        act = json.loads(opened["act"]) if "act" in opened else None
        if not _is_erasure(act, opened):
            return None
        erased = json.loads(opened["erased"])
        names = tuple((str(one["ledger_id"]), str(name)) for one in erased for name in one["names"])
        return Erasure(
            leaf_index,
            names,
            filed=Filed.of(opened),
            by=str(act["sub"]) if act else "",
            late=json.loads(opened.get("late", b"false")) is True,
            form=form,
            payload=_payload(ledger_id, opened),
            signed=opened.get("signed", b""),
        )
    except UNREADABLE as error:
        raise BadInput("what it says was erased cannot be read") from error


def _is_erasure(act: Mapping[str, Any] | None, opened: Mapping[str, bytes]) -> bool:
    """By its act; or where that was erased, as in the first form it could be, by the schema that its index names."""
    if act is not None:
        return bool(act["kind"] == "erasure")
    schema = json.loads(opened.get("index", b"{}")).get("schema", {})
    return str(schema.get("name")).startswith("erasure-")
