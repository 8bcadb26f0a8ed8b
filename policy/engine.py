"""The port to Rego: what the rest of the product asks of a policy engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from policy.labels import Label
from policy.principal import Asker


class Act(StrEnum):
    """What a person may try to do; Rego decides by role and purpose."""

    ASK = "ask"
    SEARCH = "search"
    READ = "read"
    INGEST = "ingest"
    RELABEL = "relabel"
    DELETE = "delete"
    AUDIT = "audit"
    ADMINISTER = "administer"
    REQUEST_ACCESS = "request_access"
    APPROVE_ACCESS = "approve_access"
    HOLD = "hold"
    RETAIN = "retain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The act or the label is open to the asker."""

    step_up: bool = False
    """Of acts: whether a stronger or more recent sign-in could open more, by principal and policy alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """It is closed; `reason` tells only what principal and policy alone determine."""

    reason: str


Decision = Allowed | Denied


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """Which of some labels are open, and how long that can be kept."""

    positions: frozenset[int]
    until_s: int | None = None
    """Seconds since the epoch from which time alone may have changed the answer; None is never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a language model that is about to be made, for `intelgraph.llm.route`."""

    provider: str
    model: str
    label: Label
    """The join of all that the model would be given."""
    purpose: str = "synthesis"
    requires_citations: bool = True


class Release(StrEnum):
    """What becomes of an answer, for `intelgraph.llm.output`."""

    RELEASE = "release"
    REDACT = "redact"
    REFUSE = "refuse"


class PolicyEngine(Protocol):
    """Evaluates the bundle in `policy/rego`. What is undefined, slow or malformed never allows.

    Every method raises `Unavailable("policy", …)` when the engine cannot decide.
    """

    def revision(self, tenant: str) -> str:
        """SHA-256 (hex) over the rules that decide for a tenant: what is shown and recorded."""

    async def readable(self, asker: Asker, labels: Sequence[Label]) -> Readable:
        """Which of `labels` the asker may read, from one evaluation over all."""

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        """The double check: each label decided by itself, in their order."""

    async def permits(
        self, asker: Asker, act: Act, subject: Mapping[str, Any] | None = None
    ) -> Decision:
        """Whether the asker's roles, purpose and stated reason allow the act, on what it is about."""

    async def fields(self, asker: Asker) -> frozenset[str]:
        """The restricted output fields that the asker's roles open, such as "explanation"."""

    async def may_route(self, asker: Asker, call: Call) -> Decision:
        """Whether the provider may be given what the call would give it."""

    async def may_release(
        self, asker: Asker, *, cited: bool, findings: Sequence[str], strict: bool
    ) -> Release:
        """What becomes of an answer in which the output scan found these kinds."""
