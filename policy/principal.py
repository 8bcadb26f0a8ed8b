"""Principals: who asks, by the attributes that policy decides on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from policy.errors import BadInput
from policy.labels import Classification, is_name
from policy.times import instant

ROLES = frozenset(["analyst", "ingester", "auditor", "admin"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A legal authority that somebody holds, and when: seconds since the epoch, the end exclusive."""

    name: str
    not_before: int | None = None
    not_after: int | None = None

    def to_json(self) -> str | dict[str, Any]:
        if self.not_before is None and self.not_after is None:
            return self.name
        return {"name": self.name, "not_before": self.not_before, "not_after": self.not_after}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Break-glass: what two people opened to somebody for a time. Never made from a token or a file."""

    grant_id: str
    clearance: Classification
    compartments: frozenset[str]
    authorities: frozenset[str]
    not_after: int
    """Seconds since the epoch."""

    def to_json(self) -> dict[str, Any]:
        return {
            "grant_id": self.grant_id,
            "clearance": str(self.clearance),
            "compartments": sorted(self.compartments),
            "authorities": sorted(self.authorities),
            "not_after": self.not_after,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person (or service) with the attributes that Rego sees."""

    sub: str
    tenant: str
    clearance: Classification
    compartments: frozenset[str] = frozenset()
    nationality: str = ""
    authorities: frozenset[Authority] = frozenset()
    roles: frozenset[str] = frozenset()
    purposes: tuple[str, ...] = ()
    """In order of preference: the first is taken where a request names none."""
    acr: str = "strong"
    auth_time: int | None = None
    """Seconds since the epoch; None counts as just now."""
    revoked: bool = False
    grants: tuple[Grant, ...] = ()
    """Like `revoked`, what the tenant's own records say of the person now: see `policy.scope`."""

    def to_json(self) -> dict[str, Any]:
        """The attributes in a canonical order, as a principals file or a token has them."""
        return {
            "sub": self.sub,
            "tenant": self.tenant,
            "clearance": str(self.clearance),
            "compartments": sorted(self.compartments),
            "nationality": self.nationality,
            "authorities": [one.to_json() for one in sorted(self.authorities, key=_in_order)],
            "roles": sorted(self.roles),
            "purposes": list(self.purposes),
            "acr": self.acr,
            "auth_time": self.auth_time,
        }

    def to_input(self) -> dict[str, Any]:
        """What Rego sees: the attributes, and what the tenant's own records say of the person."""
        standing = {"revoked": self.revoked, "grants": [one.to_json() for one in self.grants]}
        return self.to_json() | standing

    @property
    def authority_names(self) -> frozenset[str]:
        """Valid now or not."""
        return frozenset(authority.name for authority in self.authorities)

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
            authorities=_authorities(value, sub, where),
            roles=frozenset(roles),
            purposes=tuple(_names(value, "purposes", sub, where)),
            acr=_strength(value.get("acr", "strong"), sub, where),
            auth_time=_seconds(value.get("auth_time"), sub, where),
        )

    @classmethod
    def from_input(cls, value: Mapping[str, Any], *, where: str) -> "Principal":
        """Reads what `to_input` wrote, as a record of our own holds it; BadInput where it is malformed."""
        try:
            read = cls.from_json(value["sub"], value, where=where)
            grants = tuple(map(_grant, value["grants"]))
            return replace(read, revoked=bool(value["revoked"]), grants=grants)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{where}: it is not a principal that was decided on") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A principal in one request: for what purpose, for what stated reason."""

    principal: Principal
    purpose: str
    reason: str = ""
    impersonated_by: str | None = None
    """The operator who acts as this principal from the command line, where somebody does."""
    fresh: bool = True
    """Whether policy found no stronger sign-in wanting; what others write of, their scope does not tell."""


def _grant(value: Mapping[str, Any]) -> Grant:
    return Grant(
        grant_id=value["grant_id"],
        clearance=Classification(value["clearance"]),
        compartments=frozenset(value["compartments"]),
        authorities=frozenset(value["authorities"]),
        not_after=value["not_after"],
    )


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


def _authorities(value: Mapping[str, Any], sub: str, where: str) -> frozenset[Authority]:
    given = value.get("authorities", [])
    if not isinstance(given, list):
        raise BadInput(f"{where}: authorities of {sub!r} must be a list of names")
    return frozenset(_authority(one, f"{where}: an authority of {sub!r}") for one in given)


def _authority(value: object, what: str) -> Authority:
    fields = {"name": value} if isinstance(value, str) else value
    if not isinstance(fields, Mapping) or set(fields) - {"name", "not_before", "not_after"}:
        raise BadInput(f"{what} must be a name or name, not_before and not_after, not {value!r}")
    name = fields.get("name")
    if not is_name(name):
        raise BadInput(f"{what} needs a name")
    return Authority(
        name=name,
        not_before=instant(fields.get("not_before"), f"{what}: not_before"),
        not_after=instant(fields.get("not_after"), f"{what}: not_after"),
    )


def _in_order(authority: Authority) -> tuple[str, str, str]:
    return authority.name, str(authority.not_before), str(authority.not_after)


def _strength(value: object, sub: str, where: str) -> str:
    # The empty text is what a token says that does not tell how its bearer was authenticated.
    if isinstance(value, str):
        return value
    raise BadInput(f"{where}: acr of {sub!r} must be a text, not {value!r}")


def _seconds(value: object, sub: str, where: str) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BadInput(f"{where}: auth_time of {sub!r} must be whole seconds since 1970, not {value!r}")
