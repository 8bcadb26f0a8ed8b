"""Checking lines of records, many at a time: what they say, what of it is wrong, and what is to be compared later."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from copilot.ledger.proofs.bundle import RECORDS
from copilot.ledger.proofs.erasures import Filed, may_be_erasure
from copilot.ledger.proofs.gaps import INDEX, Gaps, Gone
from copilot.ledger.proofs.merkle import hash_leaf, verify_inclusion
from copilot.ledger.proofs.record import (
    BundledRecord,
    Leaf,
    Plain,
    Shape,
    commitment,
    read_line,
)
from policy.errors import BadInput

_MOST_SHAPES, _MOST_NAMES = 8, 64
_LONGEST_NAMING = 200
"""Bytes of a value that names a scope; what is longer lists labels."""


class Tree(NamedTuple):
    """The signed tree of which the records are; None of a bundle whose checkpoint cannot be believed."""

    size: int
    root: bytes


class Batch(NamedTuple):
    """Whole lines of a file, each ended by a newline."""

    first: int
    """The number of the first of them, from 0."""
    data: bytes
    whole: bool
    tree: Tree | None


@dataclass(slots=True)
class Checked:
    """What a batch came to. Scopes are (digest, number of labels)."""

    indices: list[int] = field(default_factory=list)
    """Of a selection, in the order of the lines."""
    leaf_hashes: list[bytes] = field(default_factory=list)
    records: int = 0
    gaps: Gaps = field(default_factory=Gaps)
    brought: dict[tuple[str, int], int] = field(default_factory=dict)
    """Scopes that records bring, and the first line that does."""
    named: dict[tuple[str, int], int] = field(default_factory=dict)
    """Scopes that records name, and the first line that does."""
    problems: list[str] = field(default_factory=list)


def check(batch: Batch) -> Checked:
    """Checks each line by itself; the tree of a whole log, scopes and erasures are for `verify_records`."""
    found, lines = Checked(), batch.data.split(b"\n")[:-1]
    is_text = _is_text(batch.data)
    shapes = list[Shape]()
    for number, line in enumerate(lines, batch.first):
        plain = None
        for shape in shapes:
            if plain := shape.read(line, number):
                break
        if plain is None or not _take_plain(plain, number, shape.version, found):
            names, version = _take(line, number, batch, found)
            if is_text and 0 < len(names) <= _MOST_NAMES and len(shapes) < _MOST_SHAPES:
                shapes.append(Shape(names, version))
    found.records += len(lines)
    return found


def place(number: int) -> str:
    """How a line is spoken of, as editors count."""
    return f"{RECORDS} line {number + 1}"


def _is_text(data: bytes) -> bool:
    """Whether shapes may be asked."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _take_plain(plain: Plain, number: int, version: int, found: Checked) -> bool:
    """Whether that was all there is to the record."""
    if may_be_erasure(plain.values):
        return False
    found.gaps.note(number, version)
    if (named := scope_named(plain.values.get("scope"))) is not None:
        found.named.setdefault(named, number)
    found.leaf_hashes.append(plain.leaf_hash)
    return True


def _take(line: bytes, number: int, batch: Batch, found: Checked) -> tuple[Sequence[str], int]:
    """The names of its openings and the version of its leaf; no names where no others can be of its shape."""
    where = place(number)
    try:
        record, leaf = read_line(line)
    except BadInput as error:
        found.problems.append(f"{where}: {error.message}")
        return (), 0
    found.indices.append(record.leaf_index)
    found.leaf_hashes.append(leaf_hash := hash_leaf(record.leaf))
    found.problems += [f"{where}: {one}" for one in _misplaced(record, leaf_hash, number, batch)]
    opened = dict(_opened(record, leaf, where, found))
    _note_gaps(record, leaf, opened, where, found)
    named = scope_named(opened.get("scope"))
    if named is not None:
        found.named.setdefault(named, number)
    _bring(record.scopes, named, number, found)
    if INDEX not in leaf.commitments:
        found.problems.append(f"{where}: its leaf commits to no {INDEX}")
        return (), 0
    all_there = batch.whole and opened.keys() == leaf.commitments.keys()
    return list(opened) if all_there else (), leaf.version


def _misplaced(record: BundledRecord, leaf_hash: bytes, number: int, batch: Batch) -> Iterator[str]:
    if batch.whole:
        if record.leaf_index != number:
            yield f"its index is {record.leaf_index} instead of {number}"
        if record.path is not None:
            yield "it has a path, and the bundle is of a whole log"
    elif record.path is None:
        yield "it has no path, and the bundle is of a selection"
    elif batch.tree and not verify_inclusion(
        leaf_index=record.leaf_index,
        tree_size=batch.tree.size,
        leaf_hash=leaf_hash,
        inclusion_path=record.path,
        root_hash=batch.tree.root,
    ):
        yield f"its path does not lead from the leaf {record.leaf_index} to the root of the checkpoint"


def _opened(
    record: BundledRecord, leaf: Leaf, where: str, found: Checked
) -> Iterator[tuple[str, bytes]]:
    """The values that the leaf commits to; the others are reported."""
    for name, opening in record.openings.items():
        if leaf.commitments.get(name) == commitment(opening):
            yield name, opening[1]
        else:
            found.problems.append(f"{where}: {name} does not match its commitment")


def _note_gaps(
    record: BundledRecord, leaf: Leaf, opened: Mapping[str, bytes], where: str, found: Checked
) -> None:
    gone = [name for name in leaf.commitments if name not in record.openings]
    at, ledger_id, version = record.leaf_index, leaf.ledger_id, leaf.version
    filed = Filed.of(opened) if gone else Filed()
    found.gaps.gone += [Gone(at, ledger_id, name, filed, version) for name in gone]
    problems = found.gaps.read(at, ledger_id, version, opened)
    found.problems += [f"{where}: {one}" for one in problems]


def scope_named(value: bytes | None) -> tuple[str, int] | None:
    """Digest and number of labels of a scope that an opening names; None where it lists the labels itself."""
    return _scope_named(value) if value is not None and len(value) <= _LONGEST_NAMING else None


@lru_cache(1024)
def _scope_named(value: bytes) -> tuple[str, int] | None:
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    return str(said.get("sha256")), said["labels"] if type(said.get("labels")) is int else -1


def _bring(
    scopes: Mapping[str, bytes], named: tuple[str, int] | None, number: int, found: Checked
) -> None:
    for digest, value in scopes.items():
        if sha256(value).hexdigest() != digest:
            found.problems.append(f"{place(number)}: its scope {digest} was changed")
        elif named is None or digest != named[0]:
            found.problems.append(f"{place(number)}: it does not name the scope {digest}")
        elif (labels := _labels(value)) != named[1]:
            found.problems.append(f"{place(number)}: its scope {digest} has {labels} labels")
        else:
            found.brought.setdefault(named, number)


def _labels(value: bytes) -> int:
    try:
        return len(json.loads(value))
    except (ValueError, TypeError, RecursionError):
        return -1
