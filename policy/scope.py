"""Scopes: the labels that one asker may read, decided once and carried into every search."""

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Protocol

from policy.engine import PolicyEngine
from policy.labels import Label
from policy.principal import Asker, Grant

_MADE_BY_POLICY = object()
_CACHED_SCOPES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCatalog:
    """Every label of a tenant, interned, and its people's standing, as of one epoch."""

    epoch: int
    labels: Mapping[int, Label]
    revoked: frozenset[str] = frozenset()
    """Subs whose access has been revoked."""
    grants: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    """Break-glass, by sub."""


class LabelSource(Protocol):
    """Where interned labels come from: the system of record."""

    async def catalog(self, tenant: str) -> LabelCatalog:
        """All labels of the tenant with their ids, and the epoch they belong to; under a second old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenScope:
    """The labels of a scope as they are recorded."""

    value: bytes
    """Their canonical texts, sorted, as RFC 8785 writes a list of texts."""
    sha256: bytes
    labels: int


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The label ids that a search may touch. Only `Scoper` makes one; the ids stay inside."""

    tenant: str
    labels: Mapping[int, Label]
    revision: str
    epoch: int
    made_by: InitVar[object]
    """Not kept, so that neither a copy with other labels nor a reader of a Scope can forge one."""
    label_ids: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """Ascending, so that the same scope always writes the same query."""

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _MADE_BY_POLICY:
            raise TypeError("a Scope is made by policy.scope.Scoper only")
        object.__setattr__(self, "label_ids", tuple(sorted(self.labels)))

    def canonical_labels(self) -> list[str]:
        """What is recorded: canonical texts, sorted, without the internal ids."""
        return sorted(label.canonical() for label in self.labels.values())

    @cached_property
    def written(self) -> WrittenScope:
        """What records name by its digest, made once for all acts within the scope."""
        labels = self.canonical_labels()
        value = json.dumps(labels, ensure_ascii=False, separators=(",", ":")).encode()
        return WrittenScope(value=value, sha256=hashlib.sha256(value).digest(), labels=len(labels))

    @cached_property
    def releasable_to(self) -> frozenset[str] | None:
        """The countries to which every one of its labels may be released; None is unrestricted."""
        given = [label.releasable_to for label in self.labels.values()]
        limited = [countries for countries in given if countries is not None]
        return frozenset.intersection(*limited) if limited else None


@dataclass(frozen=True, slots=True)
class _Kept:
    scope: Scope
    until_s: int | None


class Scoper:
    """Asks Rego once for each principal, purpose, reason, policy revision and label epoch."""

    def __init__(
        self,
        engine: PolicyEngine,
        source: LabelSource,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._source = source
        self._clock = clock
        self._cache: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()

    async def standing(self, asker: Asker) -> Asker:
        """The asker with what the tenant's records say of them now: revoked, or granted more."""
        return _standing(asker, await self._source.catalog(asker.principal.tenant))

    async def scope(self, asker: Asker) -> Scope:
        """The asker's scope now. The epoch is looked at each time, so a cached scope is never stale."""
        catalog = await self._source.catalog(asker.principal.tenant)
        asker = _standing(asker, catalog)
        revision = self._engine.revision(asker.principal.tenant)
        key = (revision, catalog.epoch, asker.principal, asker.purpose, asker.reason)
        kept = self._cache.get(key)
        if kept is None or (kept.until_s is not None and self._clock() >= kept.until_s):
            kept = self._cache[key] = await self._decide(asker, catalog, revision)
            if len(self._cache) > _CACHED_SCOPES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return kept.scope

    async def _decide(self, asker: Asker, catalog: LabelCatalog, revision: str) -> _Kept:
        ids = sorted(catalog.labels)
        opened = await self._engine.readable(asker, [catalog.labels[i] for i in ids])
        visible = {ids[position]: catalog.labels[ids[position]] for position in opened.positions}
        scope = Scope(
            tenant=asker.principal.tenant,
            labels=MappingProxyType(visible),
            revision=revision,
            epoch=catalog.epoch,
            made_by=_MADE_BY_POLICY,
        )
        return _Kept(scope, opened.until_s)


def _standing(asker: Asker, catalog: LabelCatalog) -> Asker:
    sub = asker.principal.sub
    revoked, grants = sub in catalog.revoked, catalog.grants.get(sub, ())
    if (revoked, grants) == (asker.principal.revoked, asker.principal.grants):
        return asker
    return replace(asker, principal=replace(asker.principal, revoked=revoked, grants=grants))
