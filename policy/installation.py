"""What the operator of an installation states for policy: tenants' settings, providers' accreditations.

Both come from JSON files that the settings name; what is malformed is refused at start.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from policy.errors import Misconfigured
from policy.labels import HANDLING, Classification, Label, is_name

PROVIDERS = frozenset(["anthropic", "openai", "azure", "google", "perplexity", "offline"])
"""The names by which providers are known here and to `intelgraph.llm.route`."""
_FLAGS = ("reason_required", "graph_required", "decompose", "filter_facts")
_TENANT = frozenset([*_FLAGS, "policy", "retention"])
_MOST_DAYS = 36_500
_RETENTION = frozenset(["days", "source", "classification"])
_ACCREDITATION = frozenset(["residency", "classification", "compartments", "handling"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long some of a tenant's documents are kept, counted from when they were last taken in."""

    days: int
    source: str = "*"
    """A pattern such as `mail/*.eml`, for the file or place that they came from."""
    classification: Classification | None = None
    """None is every one."""

    def about(self, source: str, label: Label) -> bool:
        """Whether the rule is about such a document."""
        return fnmatchcase(source, self.source) and self.classification in {
            None,
            label.classification,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One tenant's settings."""

    reason_required: bool = False
    """Whether whoever reads has to say why."""
    graph_required: bool = False
    """Whether no answer is better than one without the graph."""
    decompose: bool = False
    """Whether a model may split their questions."""
    filter_facts: bool = False
    """Whether a model may mark which passages bear on their questions."""
    policy: Path | None = None
    """The folder of a bundle of their own, which can only narrow (`policy.narrowed`)."""
    retention: tuple[Retention, ...] = ()
    """The first one that is about a document holds for it; what none is about is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What has been stated; tenants and providers that are not named have the defaults of the rules."""

    tenants: Mapping[str, Tenant] = field(default_factory=dict)
    accreditations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By provider, as `intelgraph.llm.route` takes it."""

    def reason_required(self, tenant: str) -> bool:
        return tenant in self.tenants and self.tenants[tenant].reason_required

    def graph_required(self, tenant: str) -> bool:
        return tenant in self.tenants and self.tenants[tenant].graph_required

    def retention(self, tenant: str) -> tuple[Retention, ...]:
        return self.tenants[tenant].retention if tenant in self.tenants else ()

    @property
    def graph_required_by_any(self) -> bool:
        """Whether there is a tenant that gets no answer without the graph."""
        return any(one.graph_required for one in self.tenants.values())

    def decompose(self, tenant: str) -> bool:
        return tenant in self.tenants and self.tenants[tenant].decompose

    def filter_facts(self, tenant: str) -> bool:
        return tenant in self.tenants and self.tenants[tenant].filter_facts

    @classmethod
    def read(cls, tenants: Path | None, accreditations: Path | None) -> "Installation":
        """Reads the files, where they are given; Misconfigured names the file and the fault."""
        return cls(
            tenants={
                name: _tenant(value, name, tenants)
                for name, value in _objects(tenants).items()
                if tenants is not None
            },
            accreditations={
                provider: _accreditation(value, provider, accreditations)
                for provider, value in _objects(accreditations).items()
            },
        )


def _objects(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        value = json.loads(path.read_text("utf-8"), object_pairs_hook=_once)
    except OSError as error:
        raise Misconfigured(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Misconfigured(f"{path} is not JSON that can be read: {error}") from error
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise Misconfigured(f'{path} must be an object of names to objects, like {{"t1": {{}}}}')
    for name in value:
        if not is_name(name):
            raise Misconfigured(f"{path}: {name!r} is no name; write it without blanks around it")
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Of two statements under one name the stricter might be the one that is lost."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{max(names, key=names.count)!r} stands there twice; keep one")
    return value


def _tenant(value: Mapping[str, Any], name: str, file: Path) -> Tenant:
    _only(value, _TENANT, f"{file}: {name!r}")
    folder = value.get("policy")
    flags = {key: value.get(key, False) for key in _FLAGS}
    for key, flag in flags.items():
        if not isinstance(flag, bool):
            raise Misconfigured(f"{file}: {key} of {name!r} must be true or false")
    if folder is not None and not (isinstance(folder, str) and folder):
        raise Misconfigured(f"{file}: policy of {name!r} must be the path of a folder, or null")
    # Beside the file that names it, so that the two can be moved together.
    return Tenant(
        **flags,
        policy=file.parent / folder if folder else None,
        retention=_retention(value.get("retention", []), f"{file}: retention of {name!r}"),
    )


def _retention(value: object, where: str) -> tuple[Retention, ...]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Misconfigured(f'{where} must be a list of rules, like [{{"days": 365}}]')
    for one in value:
        _only(one, _RETENTION, where)
        days, level = one.get("days"), one.get("classification")
        if type(days) is not int or not 1 <= days <= _MOST_DAYS:
            raise Misconfigured(f"{where}: days must be a whole number from 1 to {_MOST_DAYS}")
        if not isinstance(one.get("source", "*"), str):
            raise Misconfigured(f"{where}: source must be a pattern, such as mail/*.eml")
        if level is not None and level not in list(Classification):
            raise Misconfigured(f"{where}: classification must be one of U, C, S, TS")
    return tuple(
        Retention(
            days=one["days"],
            source=one.get("source", "*"),
            classification=Classification(one["classification"])
            if one.get("classification")
            else None,
        )
        for one in value
    )


def _accreditation(value: Mapping[str, Any], provider: str, file: Path | None) -> Mapping[str, Any]:
    where = f"{file}: {provider!r}"
    # Under a name that nobody asks by it would silently not hold.
    if provider not in PROVIDERS:
        raise Misconfigured(f"{where} is no provider; known: {sorted(PROVIDERS)}")
    _only(value, _ACCREDITATION, where)
    if missing := sorted(_ACCREDITATION - set(value)):
        raise Misconfigured(f"{where} must also say {missing[0]}")
    if value["classification"] not in list(Classification):
        raise Misconfigured(f"{where}: classification must be one of U, C, S, TS")
    if value["residency"] != "" and not is_name(value["residency"]):
        raise Misconfigured(f'{where}: residency must be a country, such as "USA", or ""')
    if value["compartments"] != "*":
        _names(value["compartments"], f"{where}: compartments")
    if unknown := sorted(set(_names(value["handling"], f"{where}: handling")) - HANDLING):
        raise Misconfigured(f"{where}: unknown handling {unknown[0]!r}; known: {sorted(HANDLING)}")
    return value


def _names(value: object, what: str) -> list[str]:
    if not isinstance(value, list) or not all(map(is_name, value)):
        raise Misconfigured(f"{what} must be a list of names")
    return value


def _only(value: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := sorted(set(value) - known):
        raise Misconfigured(f"{where}: unknown key {unknown[0]!r}; known: {sorted(known)}")
