"""Openings that are gone, and erasures that say so: which of the ones are explained by the others."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from copilot.ledger.proofs.bundle import UNREADABLE
from policy.errors import BadInput

NEVER_ERASED = "index"
"""When, for which tenant and under which label: an erasure that takes it explains nothing."""
_ERASURE = b'"kind":"erasure"'


class Gone(NamedTuple):
    """An opening that is not there."""

    leaf_index: int
    ledger_id: str
    name: str
    at: datetime | None = None
    """When its record was made, as far as that says so."""


class Erasure(NamedTuple):
    """What one record says went."""

    leaf_index: int
    names: tuple[tuple[str, str], ...]
    """Ledger id and name of each opening."""
    at: datetime | None = None


@dataclass(slots=True)
class Gaps:
    """Of any number of records; takes as much memory as there are openings gone and erasures that name them."""

    gone: list[Gone] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)

    def add(self, other: "Gaps") -> None:
        self.gone += other.gone
        self.erasures += other.erasures

    def read(self, leaf_index: int, opened: Mapping[str, bytes]) -> list[str]:
        """Takes in what the record, of which these values open, says was erased; gives what is wrong with that."""
        try:
            said = erasure(leaf_index, opened)
        except BadInput as error:
            return [error.message]
        self.erasures += [said] if said else []
        return []

    def unexplained(self) -> Iterator[Gone]:
        """Those that no erasure names which came later in the log."""
        last = dict[tuple[str, str], int]()
        for one in self.erasures:
            last.update((name, max(one.leaf_index, last.get(name, -1))) for name in one.names)
        for gap in self.gone:
            erased_at = last.get((gap.ledger_id, gap.name), -1)
            if gap.name == NEVER_ERASED or erased_at <= gap.leaf_index:
                yield gap


def is_erasure(opened: Mapping[str, bytes]) -> bool:
    """Whether it may be one: cheaply, and without reading it."""
    return _ERASURE in opened.get("act", b"")


def erasure(leaf_index: int, opened: Mapping[str, bytes]) -> Erasure | None:
    """What the record, of which these values open, says went; None of other kinds. BadInput where it cannot be read."""
    if "erased" not in opened:
        return None
    try:
        if not _is_erasure(opened):
            return None
        erased = json.loads(opened["erased"])
        names = tuple((str(one["ledger_id"]), str(name)) for one in erased for name in one["names"])
    except UNREADABLE as error:
        raise BadInput("what it says was erased cannot be read") from error
    return Erasure(leaf_index, names, recorded_at(opened))


def _is_erasure(opened: Mapping[str, bytes]) -> bool:
    """By its act; or where that was erased, as its reason may have to be, by the schema that its index names."""
    if "act" in opened:
        return is_erasure(opened) and json.loads(opened["act"])["kind"] == "erasure"
    schema = json.loads(opened.get(NEVER_ERASED, b"{}")).get("schema", {})
    return str(schema.get("name")).startswith("erasure-")


def recorded_at(opened: Mapping[str, bytes]) -> datetime | None:
    """When the record was made, by its index; None where that does not say so in the form of this ledger."""
    try:
        found = datetime.fromisoformat(json.loads(opened[NEVER_ERASED])["recorded_at"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if found.tzinfo else None
