"""Schemas of records: for each kind one for each version, as JSON Schema that whoever gets a bundle reads with it.

A record names the schema it follows, and commits to its bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from copilot.ledger.proofs.bundle import canonical_json
from copilot.ledger.proofs.json_schema import DIALECT
from copilot.ledger.records import Kind
from copilot.ledger.schemas.kinds import HELD, Holds
from copilot.ledger.schemas.parts import LABEL, SHARED
from copilot.ledger.schemas.shapes import ID, SHA256, TEXT, Shape, each, of, or_null, referred

__all__ = ["SCHEMAS", "Schema", "schema_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One version of the schema of a kind."""

    name: str
    """Kind and version, as `ask-1`."""
    data: bytes
    """Canonical JSON."""
    sha256: str = field(init=False)
    """Hex, of the data."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", sha256(self.data).hexdigest())

    def reference(self) -> dict[str, str]:
        """How a record names it."""
        return {"name": self.name, "sha256": self.sha256}


def schema_of(kind: Kind) -> Schema:
    """The one that records of this kind follow now."""
    return _CURRENT[kind]


def _document(name: str, kind: Kind, holds: Holds) -> dict[str, Any]:
    when: Shape = {"tenant": TEXT, "label": LABEL, "recorded_at": TEXT}
    named: Shape = of({"name": {"const": name}, "sha256": SHA256})
    reason: Shape = {"reason": TEXT}
    filters = dict.fromkeys(("sub", "purpose", "outcome", "policy_revision"), TEXT)
    who: Shape = {"kind": {"const": str(kind)}, **filters, "impersonated_by": or_null(TEXT)}
    within, beside = ({}, reason) if holds.reason_apart else (reason, {})
    act = of({**when, **who, **within}, optional={"break_glass": each(ID)})
    openings = of(
        {"index": of({**when, "schema": named}), "act": act, **holds.always},
        optional={**holds.perhaps, **beside},
    )
    head = {"$schema": DIALECT, "$id": f"urn:copilot:ledger:{name}"}
    return {**head, **openings, "$defs": _reached(openings)}


def _reached(shape: Shape) -> dict[str, Shape]:
    """What the shape refers to, and what that does."""
    found: dict[str, Shape] = {}
    waiting = list(referred(shape))
    while waiting:
        if (name := waiting.pop()) not in found:
            found[name] = SHARED[name]
            waiting += referred(SHARED[name])
    return found


def _made(kind: Kind, version: int, holds: Holds) -> Schema:
    name = f"{kind}-{version}"
    return Schema(name=name, data=canonical_json(_document(name, kind, holds)))


SCHEMAS: Mapping[str, Schema] = {
    made.name: made
    for kind, versions in HELD.items()
    for version, holds in enumerate(versions, 1)
    for made in [_made(kind, version, holds)]
}
"""All versions of all kinds, by name."""
_CURRENT = {kind: SCHEMAS[f"{kind}-{len(versions)}"] for kind, versions in HELD.items()}
