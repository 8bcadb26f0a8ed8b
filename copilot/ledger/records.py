"""What the ledger records: one value for each act, and how it looks to an auditor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from policy.labels import Label


class Kind(StrEnum):
    """The acts that leave a record. `denied` and `failed` name the act they were."""

    LOGIN = "login"
    ASK = "ask"
    SEARCH = "search"
    READ = "read"
    FEEDBACK = "feedback"
    INGEST = "ingest"
    DELETE = "delete"
    ERASURE = "erasure"
    HOLD = "hold"
    RETENTION = "retention"
    ARCHIVE = "archive"
    RELABEL = "relabel"
    REVOCATION = "revocation"
    BREAK_GLASS = "break_glass"
    APPROVAL = "approval"
    TOOL_CALL = "tool_call"
    REEMBEDDING = "reembedding"
    POLICY_CHANGE = "policy_change"
    FLAG_CHANGE = "flag_change"
    KEY_ROTATION = "key_rotation"
    VERIFICATION = "verification"
    EXPORT = "export"
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
    labels: tuple[Label, ...] = ()
    """Those of the entries: who may be told of these may be told what this page says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Acts of one person or of one kind, under its name."""

    name: str
    acts: int
    more: bool
    """Whether there are more than were counted; the times hold for all of them."""
    first_at: datetime
    last_at: datetime
    labels: tuple[Label, ...] = ()
    """Those of the acts that were counted, and of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoSaw:
    """The people to whom something was shown, by name, and the newest entries that showed it."""

    people: tuple[Tally, ...]
    next_person: str | None
    """The name after which the next page of people goes on."""
    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatDid:
    """What somebody did, by kind in alphabetical order, and their newest entries."""

    kinds: tuple[Tally, ...]
    page: Page
