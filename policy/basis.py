"""What a decision rests on besides the asker and the label: the rules, and what an operator has stated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policy.bundle import Built


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """All that decides for one tenant: with an asker and a moment it decides again as it did."""

    revision: str
    """As `PolicyEngine.revision` names it."""
    release: Built
    own: Built | None = None
    """The tenant's own rules, which can only narrow."""
    reason_required: bool = False
    accreditations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of providers of language models, as the operator stated them."""

    @property
    def bundles(self) -> tuple[Built, ...]:
        """The release's, then the tenant's own where there is one."""
        return (self.release,) if self.own is None else (self.release, self.own)

    def to_json(self) -> dict[str, Any]:
        """As a record holds it: the bundles by their digests."""
        return {
            "release": self.release.sha256,
            "own": self.own and self.own.sha256,
            "reason_required": self.reason_required,
            "accreditations": {name: dict(one) for name, one in self.accreditations.items()},
        }
