"""Labels: what content carries, so that policy can decide about it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeGuard

from policy.errors import BadInput


class Classification(StrEnum):
    """Sensitivity levels; compare them by `rank`, never as text."""

    U = "U"
    C = "C"
    S = "S"
    TS = "TS"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Classification)}
_FIELDS = frozenset(
    ["tenant", "classification", "compartments", "releasable_to", "authorities", "handling"]
)
PERSONAL = frozenset(["PII", "PHI"])
"""Handling of personal data."""
ORIGINATOR_CONTROLLED = "ORCON"
"""What is made of it may be read again by whoever asked, and goes no further."""
HANDLING = PERSONAL | {"SOURCE", ORIGINATOR_CONTROLLED, "PROPIN", "LES", "CUI", "FOUO"}
"""Every caveat that the rules know. SOURCE protects one; the last four are notices. A new one is a change of policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Who may read a part: an element of a lattice in each tenant, and never across tenants."""

    tenant: str
    classification: Classification
    compartments: frozenset[str] = frozenset()
    releasable_to: frozenset[str] | None = None
    """Countries; None is unrestricted, the empty set is nobody."""
    authorities: frozenset[str] = frozenset()
    handling: frozenset[str] = frozenset()

    def join(self, other: "Label") -> "Label":
        """The least label that is at least as strict as both; BadInput across tenants."""
        if self.tenant != other.tenant:
            raise BadInput("labels of two tenants have no join; keep one tenant in a document")
        return Label(
            tenant=self.tenant,
            classification=max(self.classification, other.classification, key=lambda c: c.rank),
            compartments=self.compartments | other.compartments,
            releasable_to=_narrower(self.releasable_to, other.releasable_to),
            authorities=self.authorities | other.authorities,
            handling=self.handling | other.handling,
        )

    def dominates(self, other: "Label") -> bool:
        """True where everyone who may read this may also read `other`."""
        return self == other or (self.tenant == other.tenant and self.join(other) == self)

    def to_json(self) -> dict[str, Any]:
        """The label as DESIGN.md writes it; lists are sorted, `releasable_to` only where given."""
        value: dict[str, Any] = {
            "tenant": self.tenant,
            "classification": str(self.classification),
            "compartments": sorted(self.compartments),
            "authorities": sorted(self.authorities),
            "handling": sorted(self.handling),
        }
        if self.releasable_to is not None:
            value["releasable_to"] = sorted(self.releasable_to)
        return value

    def canonical(self) -> str:
        """One text for each distinct label: what is interned, hashed and recorded."""
        return _canonical(self)

    @classmethod
    def from_json(cls, value: object, *, tenant: str, where: str) -> "Label":
        """Reads a label written in JSON; whatever is missing, unknown or malformed is refused.

        `tenant` is the ingester's, taken where the label names none; `where` places errors.
        """
        if not isinstance(value, Mapping):
            raise BadInput(f'{where}: a label must be an object like {{"classification": "U"}}')
        unknown = sorted(set(map(str, value)) - _FIELDS)
        if unknown:
            raise BadInput(f"{where}: unknown label field {unknown[0]!r}; known: {sorted(_FIELDS)}")
        return cls(
            tenant=_text(value.get("tenant", tenant), "tenant", where),
            classification=_classification(value.get("classification"), where),
            compartments=_names(value.get("compartments", []), "compartments", where),
            releasable_to=_names(value["releasable_to"], "releasable_to", where)
            if "releasable_to" in value
            else None,
            authorities=_names(value.get("authorities", []), "authorities", where),
            handling=_handling(value.get("handling", []), where),
        )


def join_all(labels: Iterable[Label]) -> Label:
    """The least upper bound of at least one label."""
    first, *rest = labels
    for label in rest:
        first = first.join(label)
    return first


def _narrower(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    if a is None or b is None:
        return b if a is None else a
    return a & b


def _classification(value: object, where: str) -> Classification:
    if not isinstance(value, str) or value not in _RANKS:
        raise BadInput(f"{where}: classification must be one of U, C, S, TS, not {value!r}")
    return Classification(value)


def _names(value: object, field: str, where: str) -> frozenset[str]:
    if not isinstance(value, list):
        raise BadInput(f"{where}: {field} must be a list of names, not {value!r}")
    return frozenset(_text(name, field, where) for name in value)


def _handling(value: object, where: str) -> frozenset[str]:
    names = _names(value, "handling", where)
    if unknown := sorted(names - HANDLING):
        raise BadInput(
            f"{where}: unknown handling {unknown[0]!r}; known: {', '.join(sorted(HANDLING))}"
        )
    return names


def is_name(value: object) -> TypeGuard[str]:
    """True for visible text without blanks around it: what two people write alike is alike."""
    return isinstance(value, str) and value.isprintable() and bool(value) and value == value.strip()


def _text(value: object, field: str, where: str) -> str:
    if not is_name(value):
        raise BadInput(f"{where}: {field} must be a name, not {value!r}")
    return value


@lru_cache(maxsize=16_384)
def _canonical(label: Label) -> str:
    return json.dumps(label.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
