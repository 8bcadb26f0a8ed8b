"""Stand-ins that the policy tests decide by themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from policy import (
    Act,
    Allowed,
    Asker,
    Classification,
    Decision,
    Denied,
    Label,
    LabelCatalog,
    Principal,
)


def label(level: str, *compartments: str, tenant: str = "t1") -> Label:
    return Label(
        tenant=tenant,
        classification=Classification(level),
        compartments=frozenset(compartments),
    )


def asker(sub: str = "ann", purpose: str = "investigation") -> Asker:
    principal = Principal(sub=sub, tenant="t1", clearance=Classification.S)
    return Asker(principal=principal, purpose=purpose)


@dataclass
class ListedLabels:
    """An engine that opens the labels it is given, and counts how often it is asked."""

    open_labels: set[Label]
    bundle_hash: str = "r1"
    asked: list[object] = field(default_factory=list)

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> frozenset[int]:
        self.asked.append(asker)
        return frozenset(i for i, label in enumerate(labels) if label in self.open_labels)

    async def may_read(self, asker: Asker, label: Label) -> Decision:
        self.asked.append(label)
        return Allowed() if label in self.open_labels else Denied(reason="label")

    async def permits(self, asker: Asker, act: Act) -> Decision:
        return Denied(reason="role")

    async def fields(self, asker: Asker) -> frozenset[str]:
        return frozenset()


@dataclass
class Catalog:
    """Interned labels of one tenant."""

    labels: Mapping[int, Label]
    epoch: int = 1

    async def catalog(self, tenant: str) -> LabelCatalog:
        return LabelCatalog(epoch=self.epoch, labels=self.labels)
