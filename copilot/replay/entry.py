"""A recorded decision, read as an auditor may read it, and held against its commitments."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from copilot.ledger.opened import changed, opened, stated_reason
from policy.engine import Act
from policy.errors import BadInput, CopilotError
from policy.labels import Label
from policy.principal import Asker, Principal
from policy.scope import Scope
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.replay", "replay.sql")
_ACTS = ("ask", "search")
_NO_DECISION = "Consulting"
"""The outcome of a record that says what a model is about to be given, and decides nothing."""
_NEEDED = frozenset(
    [
        "act",
        "decided",
        "scope",
        "contexts",
        "reason",
        "recheck_dropped",
        "routing",
        "scan",
        "stopped",
    ]
)
"""What a decision cannot be made again without, as far as its record had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedContext:
    """A passage as the record names it, and whether the double check let it pass."""

    document_id: str
    part_id: str
    chunk_id: str
    sha256: str
    label: Label
    arms: tuple[str, ...]
    shown: bool
    why: str = ""
    """Of one that was not shown: "policy" closed it, or the "scope" did not hold it under this label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPolicy:
    """By what was decided; the bundles by their digests."""

    revision: str
    release: str
    own: str | None
    reason_required: bool
    accreditations: Mapping[str, Mapping[str, Any]]
    strict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was decided, on whom, by what, and when."""

    ledger_id: str
    label: Label
    recorded_at: datetime
    act: Act
    denied: str | None
    """Why the act itself was refused, where it was."""
    outcome: str
    asker: Asker
    policy: RecordedPolicy
    between_ns: tuple[int, int]
    """Nanoseconds since the epoch: every decision was made between the two."""
    scope: frozenset[Label]
    """The labels that were open to the asker."""
    contexts: tuple[RecordedContext, ...]
    routing: Mapping[str, Any] | None
    findings: tuple[str, ...]
    stopped: str | None
    dropped: tuple[Mapping[str, str], ...]


async def read(database: Database, scope: Scope, ledger_id: str) -> Entry | None:
    """None where the scope shows no such entry.

    BadInput where it is no decision that can be made again, Unavailable where it is not what was written.
    """
    values: dict[str, Any] = {"ledger_id": ledger_id, "tenant": scope.tenant}
    async with database.transaction(Role.AUDITOR, scope.label_ids) as connection:
        cursor = await connection.execute(_SQL.scoped("entry", scope.label_ids), values)
        row = await cursor.fetchone()
        if row is None:
            return None
        cursor = await connection.execute(_SQL.scoped("openings", scope.label_ids), values)
        details = _opened(ledger_id, bytes(row["leaf"]), await cursor.fetchall())
        _check_decision(ledger_id, details)
        if "scope" in details:
            digest = details["scope"]["sha256"]
            values = {"label_id": row["label_id"], "sha256": bytes.fromhex(digest)}
            cursor = await connection.execute(_SQL.scoped("scope", scope.label_ids), values)
            details["scope"] = _labels(ledger_id, digest, await cursor.fetchone())
    try:
        return _entry(ledger_id, row["recorded_at"], details)
    except (KeyError, TypeError, ValueError, AttributeError, CopilotError) as error:
        raise BadInput(
            f"the entry {ledger_id} is written in a form that this release cannot replay"
        ) from error


def _opened(ledger_id: str, leaf: bytes, openings: list[dict[str, Any]]) -> dict[str, Any]:
    """What the commitments of the leaf open to.

    Unavailable where one does not open, BadInput where something that it takes has been erased.
    """
    found = opened(ledger_id, leaf, openings)
    if erased := sorted(_NEEDED & set(found.commitments) - set(found.details)):
        raise BadInput(
            f"of the entry {ledger_id} {' and '.join(erased)} have been erased; it cannot be replayed"
        )
    return dict(found.details)


def _check_decision(ledger_id: str, details: Mapping[str, Any]) -> None:
    """BadInput says what they are, where they are not those of a decision that can be made again."""
    act = details["act"]
    if act["outcome"] == _NO_DECISION or not (act["kind"] in _ACTS or "denied_act" in details):
        raise BadInput(
            f"the entry {ledger_id} is no decision but a record of {act['kind']!r} with the outcome "
            f"{act['outcome']!r}; give that of an ask or a search"
        )
    if "decided" not in details:
        raise BadInput(
            f"the entry {ledger_id} does not say by what was decided: it was recorded by an earlier "
            "release"
        )


def _labels(ledger_id: str, digest: str, stored: dict[str, Any] | None) -> list[str]:
    if stored is None or hashlib.sha256(stored["value"]).hexdigest() != digest:
        raise changed(ledger_id)
    labels: list[str] = json.loads(stored["value"])
    return labels


def _entry(ledger_id: str, recorded_at: datetime, details: Mapping[str, Any]) -> Entry:
    act, decided = details["act"], details["decided"]
    policy = decided["policy"]
    first, last = decided["between_us"]
    return Entry(
        ledger_id=ledger_id,
        label=_label(act["label"]),
        recorded_at=recorded_at,
        act=Act(details.get("denied_act", act["kind"])),
        denied=details.get("denied_reason"),
        outcome=act["outcome"],
        asker=Asker(
            principal=Principal.from_input(decided["principal"], where=ledger_id),
            purpose=act["purpose"],
            reason=stated_reason(details),
        ),
        policy=RecordedPolicy(
            revision=act["policy_revision"],
            release=policy["release"],
            own=policy["own"],
            reason_required=policy["reason_required"],
            accreditations=policy["accreditations"],
            strict=decided["strict"],
        ),
        between_ns=(first * 1000, last * 1000),
        scope=frozenset(_label(json.loads(one)) for one in details.get("scope", [])),
        contexts=(
            *(_context(one, shown=True) for one in details.get("contexts", [])),
            *(_context(one, shown=False) for one in details.get("recheck_dropped", [])),
        ),
        routing=details.get("routing"),
        findings=tuple(sorted(details.get("scan", {}))),
        stopped=details.get("stopped"),
        dropped=tuple(details.get("dropped", [])),
    )


def _context(value: Mapping[str, Any], *, shown: bool) -> RecordedContext:
    return RecordedContext(
        document_id=value["document_id"],
        part_id=value["part_id"],
        chunk_id=value["chunk_id"],
        sha256=value["sha256"],
        label=_label(value["label"]),
        arms=tuple(one["arm"] for one in value["arms"]),
        shown=shown,
        why="" if shown else value["why"],
    )


def _label(value: object) -> Label:
    return Label.from_json(value, tenant="", where="a recorded label")
