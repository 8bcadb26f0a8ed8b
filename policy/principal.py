"""Principals: who asks, by the attributes that policy decides on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policy.errors import BadInput
from policy.labels import Classification, is_name

ROLES = frozenset(["analyst", "ingester", "auditor", "admin"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person (or service) with the attributes that Rego sees."""

    sub: str
    tenant: str
    clearance: Classification
    compartments: frozenset[str] = frozenset()
    nationality: str = ""
    authorities: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    purposes: tuple[str, ...] = ()
    """In order of preference: the first is taken where a request names none."""
    acr: str = "strong"
    auth_time: int | None = None
    """Seconds since the epoch; None counts as just now."""

    def to_json(self) -> dict[str, Any]:
        """The attributes in a canonical order: the input of Rego and of the cache key."""
        return {
            "sub": self.sub,
            "tenant": self.tenant,
            "clearance": str(self.clearance),
            "compartments": sorted(self.compartments),
            "nationality": self.nationality,
            "authorities": sorted(self.authorities),
            "roles": sorted(self.roles),
            "purposes": list(self.purposes),
            "acr": self.acr,
            "auth_time": self.auth_time,
        }

    def digest(self) -> str:
        """SHA-256 (hex) of the attributes: two principals share a cached scope only if equal."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_json(cls, sub: str, value: object, *, where: str) -> "Principal":
        """Reads the attributes that a principals file or a token gives; refuses malformed ones."""
        if not isinstance(value, Mapping):
            raise BadInput(f"{where}: the principal {sub!r} must be an object of attributes")
        clearance = value.get("clearance")
        if clearance not in list(Classification):
            raise BadInput(
                f"{where}: {sub!r} needs a clearance of U, C, S or TS, not {clearance!r}"
            )
        roles = _names(value, "roles", sub, where)
        if unknown := sorted(set(roles) - ROLES):
            raise BadInput(
                f"{where}: {sub!r} has an unknown role {unknown[0]!r}; known: {sorted(ROLES)}"
            )
        return cls(
            sub=sub,
            tenant=_text(value, "tenant", sub, where),
            clearance=Classification(clearance),
            compartments=frozenset(_names(value, "compartments", sub, where)),
            nationality=_text(value, "nationality", sub, where),
            authorities=frozenset(_names(value, "authorities", sub, where)),
            roles=frozenset(roles),
            purposes=tuple(_names(value, "purposes", sub, where)),
            acr=_strength(value.get("acr", "strong"), sub, where),
            auth_time=_seconds(value.get("auth_time"), sub, where),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A principal in one request: for what purpose, for what stated reason."""

    principal: Principal
    purpose: str
    reason: str = ""
    impersonated_by: str | None = None
    """The operator who acts as this principal from the command line, where somebody does."""


def _text(value: Mapping[str, Any], field: str, sub: str, where: str) -> str:
    text = value.get(field)
    if not is_name(text):
        raise BadInput(f"{where}: {sub!r} needs a {field}")
    return text


def _names(value: Mapping[str, Any], field: str, sub: str, where: str) -> list[str]:
    names = value.get(field, [])
    if not isinstance(names, list) or not all(map(is_name, names)):
        raise BadInput(f"{where}: {field} of {sub!r} must be a list of names")
    return names


def _strength(value: object, sub: str, where: str) -> str:
    # The empty text is what a token says that does not tell how its bearer was authenticated.
    if isinstance(value, str):
        return value
    raise BadInput(f"{where}: acr of {sub!r} must be a text, not {value!r}")


def _seconds(value: object, sub: str, where: str) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BadInput(f"{where}: auth_time of {sub!r} must be whole seconds since 1970, not {value!r}")
