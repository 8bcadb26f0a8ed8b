"""Scopes: the labels that one asker may read, decided once and carried into every search."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from types import MappingProxyType
from typing import Protocol

from policy.engine import PolicyEngine
from policy.labels import Label
from policy.principal import Asker

_MADE_BY_POLICY = object()
_CACHED_SCOPES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCatalog:
    """Every label of a tenant, interned, as of one label epoch."""

    epoch: int
    labels: Mapping[int, Label]


class LabelSource(Protocol):
    """Where interned labels come from: the system of record."""

    async def catalog(self, tenant: str) -> LabelCatalog:
        """All labels of the tenant with their ids, and the epoch they belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The label ids that a search may touch. Only `Scoper` makes one; the ids stay inside."""

    tenant: str
    labels: Mapping[int, Label]
    bundle_hash: str
    epoch: int
    made_by: InitVar[object]
    """Not kept, so that neither a copy with other labels nor a reader of a Scope can forge one."""

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _MADE_BY_POLICY:
            raise TypeError("a Scope is made by policy.scope.Scoper only")

    @property
    def label_ids(self) -> list[int]:
        """Ascending, so that the same scope always writes the same query."""
        return sorted(self.labels)

    def canonical_labels(self) -> list[str]:
        """What is recorded: canonical texts, sorted, without the internal ids."""
        return sorted(label.canonical() for label in self.labels.values())


class Scoper:
    """Asks Rego once for each principal, purpose, policy revision and label epoch."""

    def __init__(self, engine: PolicyEngine, source: LabelSource) -> None:
        self._engine = engine
        self._source = source
        self._cache: OrderedDict[tuple[object, ...], Scope] = OrderedDict()

    async def scope(self, asker: Asker) -> Scope:
        """The asker's scope now. The epoch is read each time, so a cached scope is never stale."""
        catalog = await self._source.catalog(asker.principal.tenant)
        key = (
            self._engine.bundle_hash,
            asker.principal.tenant,
            catalog.epoch,
            asker.principal.digest(),
            asker.purpose,
        )
        if key not in self._cache:
            self._cache[key] = await self._decide(asker, catalog)
            if len(self._cache) > _CACHED_SCOPES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]

    async def _decide(self, asker: Asker, catalog: LabelCatalog) -> Scope:
        ids = sorted(catalog.labels)
        open_positions = await self._engine.readable(asker, [catalog.labels[i] for i in ids])
        visible = {ids[position]: catalog.labels[ids[position]] for position in open_positions}
        return Scope(
            tenant=asker.principal.tenant,
            labels=MappingProxyType(visible),
            bundle_hash=self._engine.bundle_hash,
            epoch=catalog.epoch,
            made_by=_MADE_BY_POLICY,
        )
