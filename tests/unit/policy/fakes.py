"""Stand-ins that the policy tests decide by themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policy import (
    Act,
    Allowed,
    Asker,
    Call,
    Classification,
    Decision,
    Denied,
    Grant,
    Label,
    LabelCatalog,
    PolicyEngine,
    Principal,
    Readable,
    Release,
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
    hash: str = "r1"
    until_s: int | None = None
    asked: list[object] = field(default_factory=list)

    def revision(self, tenant: str) -> str:
        return self.hash

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> Readable:
        self.asked.append(asker)
        opened = frozenset(i for i, label in enumerate(labels) if label in self.open_labels)
        return Readable(positions=opened, until_s=self.until_s)

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        self.asked += labels
        return [
            Allowed() if label in self.open_labels else Denied(reason="label") for label in labels
        ]

    async def permits(
        self, asker: Asker, act: Act, subject: Mapping[str, Any] | None = None
    ) -> Decision:
        return Denied(reason="role")

    async def fields(self, asker: Asker) -> frozenset[str]:
        return frozenset()

    async def may_route(self, asker: Asker, call: Call) -> Decision:
        return Denied(reason="provider")

    async def may_release(
        self, asker: Asker, *, cited: bool, findings: Sequence[str], strict: bool
    ) -> Release:
        return Release.REFUSE


def _is_an_engine(engine: ListedLabels) -> PolicyEngine:
    return engine  # for the type checker


@dataclass
class Catalog:
    """Interned labels of one tenant, and what its records say of its people."""

    labels: Mapping[int, Label]
    epoch: int = 1
    revoked: frozenset[str] = frozenset()
    grants: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)

    async def catalog(self, tenant: str) -> LabelCatalog:
        return LabelCatalog(
            epoch=self.epoch, labels=self.labels, revoked=self.revoked, grants=self.grants
        )
