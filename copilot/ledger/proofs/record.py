"""A record in a bundle: one line of canonical JSON, with the leaf as it was hashed and what it opens to.

    {"index":5,"leaf":{"commitments":{"act":"…"},"id":"…","version":2},"openings":{"act":{"salt":"…","value":"…"}}}

and where they are needed `"path"`, the inclusion path of a selected record, and `"scopes"`, the lists of labels that
a record is the first to name, by their digests. There is one line for one record:
what is not it to the byte is refused.
"""

import json
import re
from binascii import unhexlify
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

from copilot.ledger.proofs.keys import utf8
from copilot.ledger.proofs.merkle import hash_leaf
from policy.errors import BadInput

LARGEST_INDEX = 2**53
"""What canonical JSON can write as a number, exclusive."""
SALT_BYTES = 16
"""Always, since commitments hash salt and value one after the other: nobody can shift bytes between them."""
Opening: TypeAlias = tuple[bytes, bytes]
"""Salt and canonical JSON."""

FORMS = (1, 2)
"""Versions of leaves, see `copilot.ledger.proofs.gaps`. A log begins with one of them and never goes back."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ID = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_SALT = re.compile(r"[0-9a-f]{32}")
_MEMBERS = {"index", "leaf", "openings"}
_IF_NEEDED = {"path", "scopes"}
_text = json.JSONEncoder(ensure_ascii=False).encode


class BundledRecord(NamedTuple):
    """A record as it stands in a bundle."""

    leaf_index: int
    """Where its leaf stands in the log, from 0."""
    leaf: bytes
    openings: Mapping[str, Opening]
    """What is left to open, by name; the leaf commits to what is not."""
    scopes: Mapping[str, bytes] = {}
    """By digest (hex): labels in canonical JSON."""
    path: Sequence[bytes] | None = None
    """From the leaf to the root of the bundle's checkpoint; None in a whole log."""


class Leaf(NamedTuple):
    """What a leaf says."""

    ledger_id: str
    commitments: Mapping[str, str]
    """SHA-256 (hex) of salt and value, by name."""
    version: int = FORMS[-1]

    def __bytes__(self) -> bytes:
        committed = ",".join(f'"{name}":"{one}"' for name, one in self.commitments.items())
        return f'{{"commitments":{{{committed}}},"id":"{self.ledger_id}","version":{self.version}}}'.encode()


def commitment(opening: Opening) -> str:
    """SHA-256 (hex) over salt and canonical bytes: binding, and silent once the salt is erased."""
    return sha256(opening[0] + opening[1]).hexdigest()


def write_line(record: BundledRecord) -> bytes:
    """The record's line, without its end. BadInput where none could be read that says the same."""
    read_leaf(record.leaf)
    line = _line(record)
    if b"\n" in line:
        raise BadInput(
            f"the record with the index {record.leaf_index} has a line break in its bytes"
        )
    return line


def read_line(line: bytes) -> tuple[BundledRecord, Leaf]:
    """BadInput says what is malformed; that it is canonical follows from writing it again."""
    members = _members(_json(line))
    leaf = _leaf(members["leaf"])
    record = BundledRecord(
        leaf_index=_index(members["index"]),
        leaf=bytes(leaf),
        openings={name: _opening(name, one) for name, one in members["openings"].items()},
        scopes={_digest(name): _bytes(one) for name, one in members.get("scopes", {}).items()},
        path=_path(members["path"]) if "path" in members else None,
    )
    if _line(record) != line:
        raise BadInput("it is not in canonical form")
    return record, leaf


def read_leaf(data: bytes) -> Leaf:
    """BadInput where it is not the canonical form of a leaf."""
    leaf = _leaf(_json(data))
    if bytes(leaf) != data:
        raise BadInput("its leaf is not in canonical form")
    return leaf


class Plain(NamedTuple):
    """What a plain line says, its commitments compared."""

    leaf_hash: bytes
    values: dict[str, bytes]
    """By name: all that the leaf commits to."""


_TEXT = r'[^"\\\x00-\x1f]*+(?:\\"[^"\\\x00-\x1f]*+)*+'
"""In JSON, with nothing escaped but quotes."""


class Shape:
    """Lines whose openings bear the same names, all that their leaves of one version commit to, with nothing escaped
    but quotes.

    Most lines of a whole log are of a few shapes. Those are matched instead of parsed, in a third of the time. Of the
    leaf nothing is believed either: it is built from the openings, and compared.
    """

    def __init__(self, names: Sequence[str], version: int) -> None:
        """One name at least, as `read_line` takes them."""
        self._names, self.version = sorted(names), version
        committed = ",".join(f'"{name}":"%s"' for name in self._names)
        self._leaf = f'{{"commitments":{{{committed}}},"id":"%s","version":{version}}}'
        leaf = re.escape(self._leaf) % (*[".{64}"] * len(names), "([0-9a-f]{32})")
        opened = ",".join(
            rf'"{re.escape(name)}":\{{"salt":"([0-9a-f]{{32}})","value":"({_TEXT})"\}}'
            for name in self._names
        )
        line = rf'\{{"index":(\d+),"leaf":({leaf}),"openings":\{{{opened}\}}\}}'
        self._line = re.compile(line.encode())

    def read(self, line: bytes, index: int) -> Plain | None:
        """What `read_line` gives once commitments are compared; None where the line is not of this shape, or wrong.

        The line must be UTF-8.
        """
        if (found := self._line.fullmatch(line)) is None:
            return None
        at, leaf, ledger_id, *opened = found.groups()
        values = [text.replace(b"\\", b"") for text in opened[1::2]]
        committed = [
            sha256(unhexlify(salt) + value).hexdigest()
            for salt, value in zip(opened[::2], values, strict=True)
        ]
        if leaf != (self._leaf % (*committed, ledger_id.decode())).encode() or at != b"%d" % index:
            return None
        return Plain(hash_leaf(leaf), dict(zip(self._names, values, strict=True)))


def _line(record: BundledRecord) -> bytes:
    openings = (
        b'"%b":{"salt":"%b","value":%b}'
        % (utf8(name, "a name"), salt.hex().encode(), _escaped(value))
        for name, (salt, value) in sorted(record.openings.items())
    )
    parts = [
        b'{"index":%d,"leaf":%b,"openings":{%b}'
        % (record.leaf_index, record.leaf, b",".join(openings))
    ]
    if record.path is not None:
        parts.append(
            b',"path":[%b]' % b",".join(b'"%b"' % one.hex().encode() for one in record.path)
        )
    if record.scopes:
        scopes = (b'"%b":%b' % (d.encode(), _escaped(v)) for d, v in sorted(record.scopes.items()))
        parts.append(b',"scopes":{%b}' % b",".join(scopes))
    return b"".join([*parts, b"}"])


def _escaped(value: bytes) -> bytes:
    try:
        return _text(value.decode()).encode()
    except UnicodeDecodeError as error:
        raise BadInput(f"a value is not UTF-8 at byte {error.start}") from error


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise BadInput("it is not JSON in UTF-8") from error


def _members(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not _MEMBERS <= value.keys() <= _MEMBERS | _IF_NEEDED:
        raise BadInput("it has not the members index, leaf, openings and perhaps path, scopes")
    for name in ("openings", "scopes"):
        if not isinstance(value.get(name, {}), dict):
            raise BadInput(f"its {name} are not an object")
    return value


def _leaf(value: Any) -> Leaf:
    if not isinstance(value, dict) or value.keys() != {"commitments", "id", "version"}:
        raise BadInput("its leaf has not the members commitments, id and version")
    if type(value["version"]) is not int or value["version"] not in FORMS:
        raise BadInput("its leaf is of an unknown version")
    commitments, ledger_id = value["commitments"], value["id"]
    if not isinstance(commitments, dict) or not all(map(_is_name, commitments)):
        raise BadInput("the commitments of its leaf are not an object with plain names")
    if not _is(_ID, ledger_id) or not all(_is(_HASH, one) for one in commitments.values()):
        raise BadInput("its leaf has an id or a commitment that is not in hexadecimal")
    return Leaf(ledger_id, dict(sorted(commitments.items())), value["version"])


def _index(value: Any) -> int:
    if type(value) is not int or not 0 <= value < LARGEST_INDEX:
        raise BadInput("its index is not a whole number of a leaf")
    return value


def _opening(name: str, value: Any) -> Opening:
    if not _is_name(name) or not isinstance(value, dict) or value.keys() != {"salt", "value"}:
        raise BadInput("an opening has no plain name or has not the members salt and value")
    if not _is(_SALT, value["salt"]):
        raise BadInput(f"the salt of {name} is not {SALT_BYTES} bytes in hexadecimal")
    return bytes.fromhex(value["salt"]), _bytes(value["value"])


def _digest(value: str) -> str:
    if not _is(_HASH, value):
        raise BadInput("a scope is not named by a SHA-256 in hexadecimal")
    return value


def _path(value: Any) -> list[bytes]:
    if not isinstance(value, list) or not all(_is(_HASH, one) for one in value):
        raise BadInput("its path is not a list of hashes in hexadecimal")
    return [bytes.fromhex(one) for one in value]


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        raise BadInput("a value is not a text of JSON")
    return utf8(value, "a value")


def _is_name(value: Any) -> bool:
    return _is(_NAME, value)


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
