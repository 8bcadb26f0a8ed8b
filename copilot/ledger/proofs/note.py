"""Signed notes: a text, and below it who signed it (https://c2sp.org/signed-note, Go's sumdb/note)."""

from collections.abc import Iterable
from dataclasses import dataclass

from copilot.ledger.proofs.keys import (
    KEY_ID_BYTES,
    MOST_SIGNATURES,
    SignatureType,
    Signer,
    VerifierKey,
    check_name,
    decode_base64,
    encode_base64,
    utf8,
)
from policy.errors import BadInput

_DASH = "— "
_TIMESTAMP_BYTES = 8
_LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A line below a note, which nobody has verified yet."""

    name: str
    key_id: bytes
    value: bytes

    @classmethod
    def parse(cls, line: str, where: str) -> "Signature":
        """From `— name base64(key id || value)`, as notes have it and witnesses answer; `where` is for the error."""
        if not line.startswith(_DASH):
            raise BadInput(f"{where} does not begin with an em dash and a space")
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        check_name(name, where)
        data = decode_base64(encoded, f"the signature in {where}")
        if len(data) <= KEY_ID_BYTES:
            raise BadInput(f"the signature in {where} has {len(data)} bytes, too few")
        return cls(name=name, key_id=data[:KEY_ID_BYTES], value=data[KEY_ID_BYTES:])

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A signature that holds."""

    key: VerifierKey
    at: int | None
    """When a witness cosigned, in seconds since 1970; None for other keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text and its signatures; the text is not to be believed before `verify`."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """BadInput names the line that is malformed."""
        text, separator, signed = _decoded(data).rpartition("\n\n")
        if not separator:
            raise BadInput("the note has no empty line between text and signatures")
        if not signed.endswith("\n"):
            raise BadInput("the note does not end with a signature and a newline")
        lines = signed.removesuffix("\n").split("\n")
        if len(lines) > MOST_SIGNATURES:
            raise BadInput(f"the note has more than {MOST_SIGNATURES} signatures")
        parsed = [Signature.parse(line, f"signature line {at}") for at, line in enumerate(lines, 1)]
        return cls(text=text + "\n", signatures=tuple(parsed))

    @classmethod
    def sign(cls, text: str, signers: Iterable[Signer]) -> "Note":
        """Signed by each: by the old and the new key while keys change."""
        message = _checked(text)
        signatures = [
            Signature(
                name=signer.name, key_id=signer.verifier_key.key_id, value=signer.sign(message)
            )
            for signer in signers
        ]
        return cls(text=text, signatures=tuple(signatures))

    def __bytes__(self) -> bytes:
        return "".join([self.text, "\n", *(f"{one}\n" for one in self.signatures)]).encode()

    def verify(self, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
        """Who of these signed, each once. Signatures of keys that are not among them are passed over.

        BadInput where a signature of one of them is wrong, or none of them signed.
        """
        known, verified = _by_name_and_id(keys), dict[VerifierKey, Verified]()
        for line, signature in enumerate(self.signatures, 1):
            key = known.get((signature.name, signature.key_id))
            if key is not None:
                one = _verified(key, self.text.encode(), signature.value)
                if one is None:
                    raise BadInput(f"signature line {line} is not a signature by {key.label}")
                verified.setdefault(key, one)
        if not verified:
            raise BadInput("the note bears no signature by a known key")
        return tuple(verified.values())


def cosigned_message(text: bytes, at: int) -> bytes:
    """What a witness signs of a checkpoint's text at a time, in seconds since 1970."""
    return b"cosignature/v1\ntime %d\n" % at + text


def _verified(key: VerifierKey, text: bytes, value: bytes) -> Verified | None:
    if key.type is SignatureType.ED25519:
        return Verified(key=key, at=None) if key.verifies(text, value) else None
    at, signature = int.from_bytes(value[:_TIMESTAMP_BYTES], "big"), value[_TIMESTAMP_BYTES:]
    holds = at <= _LATEST and key.verifies(cosigned_message(text, at), signature)
    return Verified(key=key, at=at) if holds else None


def _by_name_and_id(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known = dict[tuple[str, bytes], VerifierKey]()
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise BadInput(f"two of the known keys are called {key.label}; leave one out")
    return known


def _decoded(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"the note is not UTF-8 at byte {error.start}") from error
    _refuse_control_characters(text)
    return text


def _checked(text: str) -> bytes:
    """The bytes of a text that may be signed."""
    if not text.endswith("\n"):
        raise BadInput("the text of a note must end with a newline")
    _refuse_control_characters(text)
    return utf8(text, "the text of the note")


def _refuse_control_characters(text: str) -> None:
    for line, content in enumerate(text.split("\n"), 1):
        if any(one < " " for one in content):
            raise BadInput(f"the note has a control character in line {line}")
