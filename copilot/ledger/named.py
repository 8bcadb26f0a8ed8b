"""What the records of a bundle name besides themselves: the schemas they follow, the policies that decided."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from copilot.ledger.proofs.bundle import SCHEMAS as FOLDER
from copilot.ledger.proofs.bundle import UNREADABLE
from copilot.ledger.proofs.policies import policy_files
from copilot.ledger.proofs.verify_contents import policies_named
from copilot.ledger.schemas import SCHEMAS
from copilot.ledger.stored import StoredLog
from policy.errors import Unavailable

_NAMING = frozenset(["index", "decided", "policy"])
"""Openings that name something."""


class Named:
    """Collects the names, and fetches what they stand for."""

    def __init__(self) -> None:
        self._schemas: set[tuple[str, str]] = set()
        self._policies: set[str] = set()

    def take(self, openings: Sequence[Mapping[str, Any]]) -> None:
        """From what is left of a record; what cannot be read was changed, as whoever verifies it will see."""
        with suppress(*UNREADABLE):
            values = {
                one["name"]: json.loads(one["value"]) for one in openings if one["name"] in _NAMING
            }
            self._policies.update(policies_named(values))
            if schema := values["index"].get("schema"):
                self._schemas.add((schema["name"], schema["sha256"]))

    async def files(self, log: StoredLog) -> list[tuple[str, bytes]]:
        """By their names in a bundle. Unavailable where one is not as records name it: nobody could check it."""
        found = [(f"{FOLDER}/{name}.json", _schema(name, digest)) for name, digest in self._schemas]
        for digest in self._policies:
            built = await log.policy(digest)
            if built is None:
                raise Unavailable(
                    "policy",
                    f"the policy bundle {digest}, which records name, is not kept as it was; restore "
                    "policy_bundles from a backup",
                )
            found += policy_files(built).items()
        return sorted(found)


def _schema(name: str, digest: str) -> bytes:
    schema = SCHEMAS.get(name)
    if schema is None or schema.sha256 != digest:
        raise Unavailable(
            "ledger",
            f"records follow the schema {name} with the SHA-256 {digest}, which this release does not have; "
            "export with the release that wrote them, or a later one",
        )
    return schema.data
