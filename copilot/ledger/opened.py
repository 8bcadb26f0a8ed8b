"""An entry's openings, held against the commitments of its leaf."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from copilot.ledger.proofs.record import commitment
from policy.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a leaf commits to, by name, and what of it opens: the rest has been erased, or should have been."""

    commitments: Mapping[str, str]
    """SHA-256 (hex) over salt and canonical bytes."""
    details: Mapping[str, Any]


def opened(ledger_id: str, leaf: bytes, openings: Iterable[Mapping[str, Any]]) -> Opened:
    """Of rows with `name`, `salt` and `value`; Unavailable where one is not what the leaf commits to."""
    try:
        commitments = json.loads(leaf)["commitments"]
        details = {}
        for one in openings:
            if commitment((one["salt"], one["value"])) != commitments[one["name"]]:
                raise ValueError(one["name"])
            details[one["name"]] = json.loads(one["value"])
    except (KeyError, TypeError, ValueError) as error:
        raise changed(ledger_id) from error
    return Opened(commitments=commitments, details=details)


def stated_reason(details: Mapping[str, Any]) -> str:
    """As the person stated it; empty where they did not, or it was erased. Earlier acts held it themselves."""
    reason: str = details.get("reason", details.get("act", {}).get("reason", ""))
    return reason


def changed(ledger_id: str) -> Unavailable:
    """What is said of an entry that is not what was written."""
    return Unavailable(
        "ledger",
        f"the entry {ledger_id} is not what was recorded; see `copilot ledger verify`",
    )
