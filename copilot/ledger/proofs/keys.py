"""Ed25519 keys with names, written as C2SP signed notes do (https://c2sp.org/signed-note, Go's sumdb/note)."""

import base64
import hashlib
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from policy.errors import BadInput

KEY_BYTES = 32
KEY_ID_BYTES = 4
MOST_SIGNATURES = 100
"""On a note, as in Go, and on a statement; a longer list is refused before anything of it is verified."""
_PRIME = 2**255 - 19
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = frozenset([0, 1, _ORDER_8, _PRIME - _ORDER_8, _PRIME - 1])


class SignatureType(IntEnum):
    """What a key signs, and how: the assigned signature type identifier bytes."""

    ED25519 = 0x01
    """The text of a note, as a log signs its checkpoints."""
    COSIGNATURE = 0x04
    """A checkpoint with a time, as a witness signs (https://c2sp.org/tlog-cosignature, cosignature/v1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key and whose it is."""

    name: str
    public_key: bytes
    """32 bytes, RFC 8032."""
    type: SignatureType = SignatureType.ED25519

    def __post_init__(self) -> None:
        check_name(self.name, "the verifier key")
        if len(self.public_key) != KEY_BYTES:
            raise BadInput(f"the verifier key has {len(self.public_key)} bytes, not {KEY_BYTES}")
        if _anyone_signs(self.public_key):
            raise BadInput("the verifier key is a point with which anyone can make signatures")

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """From `name+hash+base64(type || key)`; BadInput says what is wrong with it."""
        name, key_id, data = _parts(text, "the verifier key")
        type_byte, public_key = data[0], data[1:]
        if type_byte not in {one.value for one in SignatureType}:
            raise BadInput(f"the verifier key is of the unknown signature type {type_byte}")
        key = cls(name=name, public_key=public_key, type=SignatureType(type_byte))
        if key.key_id.hex() != key_id:
            raise BadInput("the verifier key bears a hash that is not that of its name and key")
        return key

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; no more than a hint."""
        named = self.name.encode() + b"\n" + bytes([self.type])
        return hashlib.sha256(named + self.public_key).digest()[:KEY_ID_BYTES]

    @property
    def label(self) -> str:
        """`name+hash`: how the key is spoken of."""
        return f"{self.name}+{self.key_id.hex()}"

    def __str__(self) -> str:
        return f"{self.label}+{encode_base64(bytes([self.type]) + self.public_key)}"

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether the 64 bytes of signature are this key's over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key and whose it is; it shows itself in no repr."""

    name: str
    seed: bytes = field(repr=False)
    """32 bytes, RFC 8032's private key."""

    def __post_init__(self) -> None:
        check_name(self.name, "the signer key")
        if len(self.seed) != KEY_BYTES:
            raise BadInput(f"the signer key has {len(self.seed)} bytes, not {KEY_BYTES}")

    @classmethod
    def generate(cls, name: str) -> "Signer":
        return cls(name=name, seed=Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, secret: str) -> "Signer":
        """From `PRIVATE+KEY+name+hash+base64(0x01 || seed)`; BadInput says what is wrong, and nothing of the key."""
        prefix, _, rest = secret.partition("PRIVATE+KEY+")
        if prefix or not rest:
            raise BadInput("the signer key does not begin with PRIVATE+KEY+")
        name, key_id, data = _parts(rest, "the signer key")
        if data[0] != SignatureType.ED25519:
            raise BadInput(f"the signer key is of the unknown signature type {data[0]}")
        signer = cls(name=name, seed=data[1:])
        if signer.verifier_key.key_id.hex() != key_id:
            raise BadInput("the signer key bears a hash that is not that of its name and key")
        return signer

    def secret(self) -> str:
        """What `parse` reads. Whoever has it signs as this name."""
        data = encode_base64(bytes([SignatureType.ED25519]) + self.seed)
        return f"PRIVATE+KEY+{self.verifier_key.label}+{data}"

    @property
    def verifier_key(self) -> VerifierKey:
        public_key = self._private_key.public_key().public_bytes_raw()
        return VerifierKey(name=self.name, public_key=public_key)

    def sign(self, message: bytes) -> bytes:
        return self._private_key.sign(message)

    @property
    def _private_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def check_name(name: str, where: str) -> None:
    """BadInput unless a key may be called that."""
    if not name or "+" in name or any(one.isspace() or one < " " for one in name):
        raise BadInput(f"{where} has no name, or one with a space, a control character or +")
    utf8(name, f"the name in {where}")


def utf8(text: str, where: str) -> bytes:
    """The text's bytes; BadInput where it has half of a surrogate pair, as JSON may."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"{where} is not Unicode at character {error.start}") from error


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decode_base64(text: str, where: str) -> bytes:
    """RFC 4648 section 4, in the one way that encoding gives: no two texts mean the same bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadInput(f"{where} is not base64") from error
    if encode_base64(data) != text:
        raise BadInput(f"{where} is base64 with bits left over")
    return data


def _anyone_signs(public_key: bytes) -> bool:
    """Whether it is a point of small order, or not written as points are: its owner could disown any signature."""
    y = int.from_bytes(public_key, "little") & (1 << 255) - 1
    return y >= _PRIME or y in _SMALL_ORDER


def _parts(text: str, where: str) -> tuple[str, str, bytes]:
    """Name, hash in hexadecimal, and the bytes of type and key, of which there is at least one."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = decode_base64(encoded, f"the third part of {where}")
    if not data:
        raise BadInput(f"{where} is not of the form name+hash+key")
    return name, key_id, data
