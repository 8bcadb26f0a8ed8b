"""Signed statements in DSSE envelopes (https://github.com/secure-systems-lab/dsse, version 1), with Ed25519."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from copilot.ledger.proofs.keys import (
    MOST_SIGNATURES,
    Signer,
    VerifierKey,
    decode_base64,
    encode_base64,
    utf8,
)
from policy.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeSignature:
    key_id: str
    """A hint that nothing rests on; here `name+hash` of the verifier key."""
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A statement's bytes, what they are, and signatures over both; not to be believed before `verify`."""

    payload_type: str
    """A media type or URI that says how to read the payload."""
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]

    @classmethod
    def sign(cls, payload_type: str, payload: bytes, signers: Iterable[Signer]) -> "Envelope":
        message = pre_authentication_encoding(payload_type, payload)
        signatures = [
            EnvelopeSignature(key_id=signer.verifier_key.label, value=signer.sign(message))
            for signer in signers
        ]
        return cls(payload_type=payload_type, payload=payload, signatures=tuple(signatures))

    @classmethod
    def parse(cls, data: bytes) -> "Envelope":
        """From the JSON envelope; BadInput names the member that is malformed. Unknown members are passed over."""
        value = _object(_json(data), "the envelope")
        signatures = value.get("signatures")
        if not isinstance(signatures, list) or not 0 < len(signatures) <= MOST_SIGNATURES:
            raise BadInput(f"signatures of the envelope is not a list of 1 to {MOST_SIGNATURES}")
        return cls(
            payload_type=_text(value, "payloadType", "the envelope"),
            payload=_bytes(value, "payload", "the envelope"),
            signatures=tuple(_signature(one, at) for at, one in enumerate(signatures)),
        )

    def __bytes__(self) -> bytes:
        signatures = [
            {"keyid": one.key_id, "sig": encode_base64(one.value)} for one in self.signatures
        ]
        envelope = {
            "payload": encode_base64(self.payload),
            "payloadType": self.payload_type,
            "signatures": signatures,
        }
        return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()

    def verify(self, payload_type: str, keys: Collection[VerifierKey]) -> tuple[VerifierKey, ...]:
        """Who of these signed it, at least one; what others signed is passed over, as the protocol has it.

        BadInput where nobody did, or where it is not of the expected type.
        """
        message = pre_authentication_encoding(self.payload_type, self.payload)
        values = [one.value for one in self.signatures]
        signed = [key for key in keys if any(key.verifies(message, value) for value in values)]
        if not signed:
            raise BadInput("the envelope bears no signature by a known key over its payload")
        if self.payload_type != payload_type:
            raise BadInput("payloadType of the envelope is not the one expected")
        return tuple(signed)


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """PAE of the protocol: what is signed."""
    kind = utf8(payload_type, "the payload type")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise BadInput("the envelope is not JSON in UTF-8, or has a member twice") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def _signature(value: Any, at: int) -> EnvelopeSignature:
    where = f"signatures[{at}] of the envelope"
    members = _object(value, where)
    key_id = _text(members, "keyid", where) if members.get("keyid") is not None else ""
    return EnvelopeSignature(key_id=key_id, value=_bytes(members, "sig", where))


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"{where} is not an object")
    return value


def _text(members: dict[str, Any], name: str, where: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise BadInput(f"{name} of {where} is not a text")
    return value


def _bytes(members: dict[str, Any], name: str, where: str) -> bytes:
    """Base64 in the standard alphabet or the one for URLs: verifiers must take both."""
    value = _text(members, name, where)
    standard = value.replace("-", "+").replace("_", "/")
    return decode_base64(standard, f"{name} of {where}")
