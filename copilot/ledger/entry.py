"""Records and what becomes of them: a leaf that commits to everything, and openings that may be erased."""

import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import rfc8785

from copilot.ledger.proofs.erasures import signature
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.record import FORMS, commitment
from copilot.ledger.records import Kind
from copilot.ledger.schemas import schema_of
from copilot.ledger.scopes import name_of
from policy.labels import Label, join_all
from policy.principal import Asker
from policy.scope import Scope, WrittenScope

_SMALL = 2**53
"""Whole numbers below it are written alike by everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An act as it goes into the log. Everything in `details` is committed to with a salt of its own."""

    kind: Kind
    asker: Asker
    outcome: str
    policy_revision: str
    label: Label
    """Who may read the details: the join of the asker's high-water mark and all that was read."""
    scope: WrittenScope | None = None
    """What was open to the asker, for the details to name; None where the act was not about a scope."""
    details: Mapping[str, Any] = field(default_factory=dict)
    signers: Sequence[Signer] = ()
    """Keys of the log, which vouch for what the record says was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """An answer that is kept with its record; `label_ids` are those of all that went into it."""

    answer_id: str
    label_ids: tuple[int, ...]
    body: Mapping[str, Any]


def high_water(asker: Asker, scope: Scope | None = None) -> Label:
    """The label of what the asker typed: as strict as the most they could be writing about.

    The scope says how far that may be released. Without one, with nothing in it, or with one that a weak
    sign-in has narrowed, no further than to the asker's own nation: they may still write of what they know.
    """
    principal = asker.principal
    own = frozenset([principal.nationality])
    granted = [
        Label(
            tenant=principal.tenant,
            classification=grant.clearance,
            compartments=grant.compartments,
            authorities=grant.authorities,
        )
        for grant in principal.grants
    ]
    label = Label(
        tenant=principal.tenant,
        classification=principal.clearance,
        compartments=principal.compartments,
        releasable_to=scope.releasable_to if scope and scope.labels and asker.fresh else own,
        authorities=principal.authority_names,
    )
    return join_all([label, *granted])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer as it is stored: with whose it is, under which labels it may be read again."""

    answer: StoredAnswer
    label_ids: list[int]
    body: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it goes into the log: its leaf commits to each opening, which is a salt and a value."""

    record: Record
    label_id: int
    ledger_id: str
    at: datetime
    leaf: bytes
    openings: Mapping[str, tuple[bytes, bytes]]
    kept: KeptAnswer | None = None
    """The answer that the record released, where it is kept: it commits to that one too."""

    @classmethod
    def of(cls, record: Record, label_id: int, answer: StoredAnswer | None = None) -> "Entry":
        ledger_id, at = _new_id(), datetime.now(UTC)
        kept = None
        if answer is not None:
            record, kept = _with_answer(record, label_id, answer)
        values = {name: canonical(value) for name, value in _details(record, at).items()}
        if record.signers:
            values["signed"] = canonical(signature(ledger_id, values, record.signers))
        openings = {name: (secrets.token_bytes(16), value) for name, value in values.items()}
        commitments = {name: commitment(opening) for name, opening in openings.items()}
        leaf = canonical({"version": FORMS[-1], "id": ledger_id, "commitments": commitments})
        return cls(record, label_id, ledger_id, at, leaf, openings, kept)

    @property
    def filters(self) -> dict[str, str]:
        """What auditors filter by."""
        return _filters(self.record)


def _new_id() -> str:
    """Grows with time, so that what is written together stands together in every index; 80 bits are random."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def _with_answer(record: Record, label_id: int, answer: StoredAnswer) -> tuple[Record, KeptAnswer]:
    """The answer tells of the question as well, so it needs the record's label besides what it was made of."""
    body = canonical(dict(answer.body))
    stored = {"answer_id": answer.answer_id, "sha256": hashlib.sha256(body).hexdigest()}
    kept = KeptAnswer(
        answer=answer, label_ids=sorted({label_id, *answer.label_ids}), body=body.decode()
    )
    return replace(record, details={**record.details, "stored_answer": stored}), kept


def canonical(value: Any) -> bytes:
    """RFC 8785. Where json writes the same it is asked, since it takes a tenth of the time."""
    return _JSON.encode(value).encode() if _plain(value) else rfc8785.dumps(value)


_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> bool:
    """Whether there is no number in it but small whole ones, and no name by which json would sort otherwise."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is dict:
        named = all(type(name) is str and name.isascii() for name in value)
        return named and all(map(_plain, value.values()))
    if kind is list:
        return all(map(_plain, value))
    return kind is int and abs(value) < _SMALL


def body_sha256(body: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a stored answer, over its canonical bytes."""
    return hashlib.sha256(canonical(dict(body))).hexdigest()


def _filters(record: Record) -> dict[str, str]:
    return {
        "kind": str(record.kind),
        "sub": record.asker.principal.sub,
        "purpose": record.asker.purpose,
        "outcome": record.outcome,
        "policy_revision": record.policy_revision,
    }


def _index(record: Record, at: datetime) -> dict[str, Any]:
    """`act` says who did what, `index` when, under which label and in which form; neither is ever erased.

    `reason` is theirs to word, and may have to be: who had the words of others erased would take out the act with it.
    """
    when = {
        "tenant": record.asker.principal.tenant,
        "label": record.label.to_json(),
        "recorded_at": at.isoformat(),
    }
    index = when | {"schema": schema_of(record.kind).reference()}
    who = {"impersonated_by": record.asker.impersonated_by}
    act = _filters(record) | who | _broken_glass(record, at) | when
    reason = {"reason": record.asker.reason} if record.asker.reason else {}
    return {"index": index, "act": act, **reason}


def _details(record: Record, at: datetime) -> dict[str, Any]:
    """All that the leaf commits to."""
    named = {"scope": name_of(record.scope)} if record.scope else {}
    return {**_index(record, at), **record.details, **named}


def _broken_glass(record: Record, at: datetime) -> dict[str, list[str]]:
    """The grants under which the act was done, where there are any."""
    grants = record.asker.principal.grants
    used = [one.grant_id for one in grants if at.timestamp() < one.not_after]
    return {"break_glass": used} if used else {}
