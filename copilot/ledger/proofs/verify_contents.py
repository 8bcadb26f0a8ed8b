"""The later stage of a verification: whether what records say fits the schemas that they name, and what they rest on
is there. Hashes say that it is what was written; this, that it is what whoever reads it takes it for.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from copilot.ledger.proofs import policies
from copilot.ledger.proofs.batches import Report, side_by_side, whole_lines
from copilot.ledger.proofs.bundle import MOST_LISTED, UNREADABLE
from copilot.ledger.proofs.gaps import INDEX
from copilot.ledger.proofs.json_schema import GONE, Check, compiled
from copilot.ledger.proofs.lines import place
from policy.errors import BadInput

Documents = Mapping[str, bytes]
"""Schemas by name."""


@dataclass(slots=True, kw_only=True)
class ContentsReport:
    """What this stage has come to. The contents are as they should be where `problems` is empty."""

    fitted: int = 0
    """Records that were compared with the schema they name."""
    unnamed: int = 0
    """Records of before there were schemas."""
    seconds: float = field(default=0.0, compare=False)
    problems: list[str] = field(default_factory=list)
    """Each with its place, up to `MOST_LISTED`."""

    def summary(self) -> str:
        """One line for whoever ran it."""
        if self.problems:
            return f"contents NOT as they should be: {len(self.problems)} problems, first: {self.problems[0]}"
        older = f", {self.unnamed} older ones name none" if self.unnamed else ""
        return f"contents: {self.fitted} records fit the schemas that they name{older}"


class _Batch(NamedTuple):
    """Whole lines, from the number `first` on."""

    first: int
    data: bytes
    documents: Documents


@dataclass(slots=True)
class _Fitted:
    """What a batch came to."""

    fitted: int = 0
    unnamed: int = 0
    problems: list[str] = field(default_factory=list)
    policies: dict[str, int] = field(default_factory=dict)
    """Digests that records name, and the first line that does."""


def verify_contents(
    blocks: Iterable[bytes], *, documents: Documents, names: frozenset[str], processes: int
) -> ContentsReport:
    """Looks at all lines; `names` are those of the bundle's files. The caller says how long it took."""
    found, named = ContentsReport(), dict[str, int]()
    for one in side_by_side(_fit, _batches(blocks, documents, lambda _: None), processes):
        found.fitted += one.fitted
        found.unnamed += one.unnamed
        found.problems += one.problems[: MOST_LISTED - len(found.problems)]
        named = one.policies | named
    there = policies.held(names)
    found.problems += [
        f"{place(number)}: the policy {digest} by which it was decided is not there"
        for digest, number in named.items()
        if digest not in there
    ]
    return found


def policies_named(values: Mapping[str, Any]) -> Iterator[str]:
    """The digests of the policies by which the record says that was, or is from now on, decided."""
    for stated in (_member(values, "decided", "policy"), _member(values, "policy", "after")):
        yield from (one for name in ("release", "own") if isinstance(one := stated.get(name), str))


def _member(value: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _batches(blocks: Iterable[bytes], documents: Documents, report: Report) -> Iterator[_Batch]:
    first = 0
    for data in whole_lines(blocks, report):
        yield _Batch(first, data, documents)
        first += data.count(b"\n")


def _fit(batch: _Batch) -> _Fitted:
    found = _Fitted()
    for number, line in enumerate(batch.data.split(b"\n")[:-1], batch.first):
        try:
            committed, openings = _read(line)
        except UNREADABLE:
            continue  # the hashes have been compared before, and have said so
        try:
            values = {name: json.loads(value) for name, value in openings.items()}
            named = _schema_named(values)
        except UNREADABLE:
            if INDEX in openings:
                found.problems.append(f"{place(number)}: an opening of it cannot be read")
            continue
        for one in policies_named(values):
            found.policies.setdefault(one, number)
        if named is None:
            found.unnamed += 1
            continue
        found.fitted += 1
        if fault := _fault(named, batch.documents, committed | values):
            found.problems.append(f"{place(number)}: {fault}")
    return found


def _read(line: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """What the leaf commits to, each as gone, and what is there of it, as JSON."""
    record = json.loads(line)
    openings = {name: one["value"] for name, one in record["openings"].items()}
    return dict.fromkeys(record["leaf"]["commitments"], GONE), openings


def _schema_named(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name and digest; None where the record is of before."""
    index = values[INDEX]
    return (
        (str(index["schema"]["name"]), str(index["schema"]["sha256"]))
        if "schema" in index
        else None
    )


def _fault(named: tuple[str, str], documents: Documents, values: Mapping[str, Any]) -> str | None:
    name, digest = named
    if name not in documents:
        return f"its schema {name!r:.80} is not there"
    check = _checking(documents[name], digest)
    if check is None:
        return f"its schema {name} is another than it was written by, or is none"
    try:
        fault = check(values)
    except RecursionError:
        fault = ": it is nested too deeply"
    return f"it does not fit {name}: {fault}" if fault else None


@lru_cache(256)
def _checking(document: bytes, digest: str) -> Check | None:
    if sha256(document).hexdigest() != digest:
        return None
    try:
        return compiled(json.loads(document))
    except (BadInput, ValueError, RecursionError):
        return None
