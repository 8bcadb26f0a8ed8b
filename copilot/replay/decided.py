"""What a decision rested on, as the record of its act keeps it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from copilot.replay.bundles import PolicyBundles
from policy.basis import Basis
from policy.decision_log import gathered
from policy.errors import Unavailable
from policy.principal import Asker

_MOST = 2**53 - 1
"""The largest whole number in canonical JSON. A sign-in at or after it is as far ahead as any other."""


class Deciding(Protocol):
    """An engine that can say what it decides by."""

    def basis(self, tenant: str) -> Basis: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Who was decided on, by what, and since when."""

    principal: Mapping[str, Any]
    """As Rego saw it, with what the tenant's records said of the person."""
    basis: Basis
    strict: bool
    began_us: int
    """Microseconds since the epoch, just before the first decision."""
    logged: list[str] = field(default_factory=list, compare=False)
    """The ids under which the engine keeps a log of them, where it does; more with each decision."""

    def to_json(self) -> dict[str, Any]:
        """For a record that is made now: every decision of the act lies between the two times."""
        return {
            "principal": dict(self.principal),
            "policy": self.basis.to_json(),
            "strict": self.strict,
            "between_us": [self.began_us, -(-time.time_ns() // 1000)],
        }


class Decisions:
    """Says of each decision what it rests on, and keeps the policy that makes it."""

    def __init__(
        self,
        engine: Deciding,
        bundles: PolicyBundles,
        *,
        strict: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._engine = engine
        self._bundles = bundles
        self._strict = strict
        self._clock = clock

    async def begun(self, asker: Asker) -> Decided:
        """Before the first decision; Unavailable unless what decides is kept."""
        began_us = self._clock() // 1000
        basis = self._engine.basis(asker.principal.tenant)
        await self._bundles.keep(asker.principal.tenant, basis)
        return Decided(
            principal=principal_of(asker),
            basis=basis,
            strict=self._strict,
            began_us=began_us,
            logged=gathered(),
        )

    def finished(self, asker: Asker, decided: Decided, revision: str) -> Decided:
        """After the last one: Unavailable where another policy came in between, since no record could name both."""
        if {revision, self._engine.basis(asker.principal.tenant).revision} != {
            decided.basis.revision
        }:
            raise Unavailable("policy", "the policy was changed meanwhile; ask again")
        return decided


def principal_of(asker: Asker) -> dict[str, Any]:
    """The principal as Rego sees it, in numbers that canonical JSON can write."""
    seen = asker.principal.to_input()
    if seen["auth_time"] is not None:
        seen["auth_time"] = max(-_MOST, min(_MOST, seen["auth_time"]))
    return seen
