"""What the ledger records: one value for each act, and how it looks to an auditor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The acts that leave a record. `denied` and `failed` name the act they were."""

    ASK = "ask"
    SEARCH = "search"
    READ = "read"
    INGEST = "ingest"
    DELETE = "delete"
    ERASURE = "erasure"
    HOLD = "hold"
    RETENTION = "retention"
    RELABEL = "relabel"
    REVOCATION = "revocation"
    BREAK_GLASS = "break_glass"
    REEMBEDDING = "reembedding"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record as an auditor sees it. Hashes are lower-case hex SHA-256."""

    ledger_id: str
    kind: Kind
    recorded_at: datetime
    tenant: str
    sub: str
    purpose: str
    outcome: str
    """The kind of result that was given: Answer, NotFound, SearchResult, Denied …"""
    policy_revision: str
    leaf_hash: str
    details: Mapping[str, Any] | None = field(default=None)
    """What the commitments open to; None where erased or above the auditor's own attributes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Entries, newest first, and the cursor that continues after them."""

    entries: tuple[Entry, ...]
    next_cursor: str | None
