"""What a bundle says of itself: an in-toto statement with the hash of each file, signed by the log's key."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from copilot.ledger.proofs.bundle import canonical_json
from copilot.ledger.proofs.dsse import Envelope, pre_authentication_encoding
from copilot.ledger.proofs.keys import Signer, VerifierKey
from policy.errors import BadInput

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_TYPE = "https://in-toto.io/Statement/v1"
_PREDICATE = "urn:copilot:ledger-bundle:v1"
_HASH = re.compile(r"[0-9a-f]{64}")
_SIZES = ("records", "size")
_TEXTS = ("exported_at", "exported_by", "origin", "root")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Who exported what, when, and the bundle's files."""

    origin: str
    size: int
    root: bytes
    """Of the bundle's checkpoint, as the size."""
    whole: bool
    """Whether all leaves up to that size are there, or a selection of them."""
    records: int
    exported_by: str
    exported_at: str
    """ISO 8601, UTC."""
    files: Mapping[str, str]
    """SHA-256 (hex) of each file but the statement's own, by name."""

    def sign(self, signers: Iterable[Signer]) -> bytes:
        return bytes(Envelope.sign(PAYLOAD_TYPE, canonical_json(self.to_json()), signers))

    @classmethod
    def open(cls, data: bytes, keys: Collection[VerifierKey]) -> "Statement":
        """What one of the keys signed; BadInput as `open_exactly`, or where it is no statement on a bundle."""
        payload, _ = open_exactly(data, PAYLOAD_TYPE, keys)
        try:
            statement = cls._from_json(json.loads(payload))
            same = canonical_json(statement.to_json()) == payload
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadInput("the statement is not one on a bundle of a ledger") from error
        if not same:
            raise BadInput("the statement is not in canonical form, or names a file twice")
        return statement

    def to_json(self) -> dict[str, Any]:
        predicate = {name: getattr(self, name) for name in (*_SIZES, *_TEXTS, "whole")}
        files = sorted(self.files.items())
        return {
            "_type": _TYPE,
            "predicate": predicate | {"root": self.root.hex()},
            "predicateType": _PREDICATE,
            "subject": [{"digest": {"sha256": sha256}, "name": name} for name, sha256 in files],
        }

    @classmethod
    def _from_json(cls, value: Any) -> "Statement":
        said = value["predicate"]
        files = {one["name"]: one["digest"]["sha256"] for one in value["subject"]}
        are_hashes = all(_HASH.fullmatch(one) for one in files.values())
        are_texts = all(isinstance(one, str) for one in [*files, *(said[name] for name in _TEXTS)])
        are_sizes = all(type(said[name]) is int and said[name] >= 0 for name in _SIZES)
        if not (are_hashes and are_texts and are_sizes and type(said["whole"]) is bool):
            raise ValueError("a member is of the wrong type")
        return cls(
            **{name: said[name] for name in (*_SIZES, *_TEXTS, "whole") if name != "root"},
            root=bytes.fromhex(said["root"]),
            files=files,
        )


def open_exactly(
    data: bytes, payload_type: str, keys: Collection[VerifierKey]
) -> tuple[bytes, tuple[VerifierKey, ...]]:
    """The payload of an envelope as we write them, and who signed it, each a known key under its own name.

    DSSE passes over what it does not know. Here nothing may be changed without being noticed, hints included:
    BadInput where a byte is not the one that was written, or a signature not one of these keys'.
    """
    envelope = Envelope.parse(data)
    envelope.verify(payload_type, keys)
    message = pre_authentication_encoding(payload_type, envelope.payload)
    named = {key.label: key for key in keys}
    signed = [named.get(one.key_id) for one in envelope.signatures]
    for key, one in zip(signed, envelope.signatures, strict=True):
        if key is None or not key.verifies(message, one.value):
            raise BadInput("the envelope bears a signature that is not by the known key it names")
    if bytes(envelope) != data:
        raise BadInput("the envelope is not written as it is by whoever exports")
    return envelope.payload, tuple(key for key in signed if key is not None)
