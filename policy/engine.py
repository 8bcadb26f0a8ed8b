"""The port to Rego: what the rest of the product asks of a policy engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from policy.labels import Label
from policy.principal import Asker


class Act(StrEnum):
    """What a person may try to do; Rego decides by role and purpose."""

    ASK = "ask"
    SEARCH = "search"
    READ = "read"
    INGEST = "ingest"
    AUDIT = "audit"
    ADMINISTER = "administer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The act or the label is open to the asker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """It is closed; `reason` tells only what principal and policy alone determine."""

    reason: str


Decision = Allowed | Denied


class PolicyEngine(Protocol):
    """Evaluates the bundle in `policy/rego`. What is undefined, slow or malformed never allows.

    Every method raises `Unavailable("policy", …)` when the engine cannot decide.
    """

    @property
    def bundle_hash(self) -> str:
        """SHA-256 (hex) over the Rego sources: the policy revision that is shown and recorded."""

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> frozenset[int]:
        """The positions in `labels` that the asker may read, from one evaluation over all."""

    async def may_read(self, asker: Asker, label: Label) -> Decision:
        """The double check: one label, decided by itself."""

    async def permits(self, asker: Asker, act: Act) -> Decision:
        """Whether the asker's roles and purpose allow the act at all."""

    async def fields(self, asker: Asker) -> frozenset[str]:
        """The restricted output fields that the asker's roles open, such as "explanation"."""
