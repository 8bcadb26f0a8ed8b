"""The log: one record for each act, written before anything is released."""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import rfc8785

from copilot.ledger.proofs.record import commitment
from copilot.ledger.records import Kind
from copilot.ledger.scopes import name_of
from policy.errors import Unavailable
from policy.labels import Label, join_all
from policy.principal import Asker
from policy.scope import Scope, WrittenScope
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.labels import intern
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "ledger.sql")
_VERSION = 1
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


class Ledger:
    """Appends records. Every method raises Unavailable("ledger", …) where the record is not durable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._labels: dict[str, int] = {}

    async def record(self, record: Record, answer: StoredAnswer | None = None) -> str:
        """Writes the record (and the answer it released) in one transaction; gives the ledger id."""
        label_id = await self.label_id(record.label)
        if answer is None:
            async with self._database.transaction(Role.LEDGER) as connection:
                return await append(connection, record, label_id)
        body = canonical(dict(answer.body))
        stored = {"answer_id": answer.answer_id, "sha256": hashlib.sha256(body).hexdigest()}
        record = replace(record, details={**record.details, "stored_answer": stored})
        async with self._database.transaction(Role.LEDGER) as connection:
            ledger_id = await append(connection, record, label_id)
            await _keep(connection, record, ledger_id, label_id, answer, body)
        return ledger_id

    async def label_id(self, label: Label) -> int:
        """The interned label of a record, in a transaction of its own: labels are never taken back."""
        key = label.canonical()
        if key not in self._labels:
            async with self._database.transaction(Role.LEDGER, tenant=label.tenant) as connection:
                with _durable():
                    label_id = await intern(connection, label)
            self._labels[key] = label_id
            self._database.fences.doubt()
        return self._labels[key]


async def append(connection: Connection, record: Record, label_id: int) -> str:
    """Adds the record to the chain within the caller's transaction."""
    [ledger_id] = await append_all(connection, [(record, label_id)])
    return ledger_id


async def append_all(connection: Connection, records: Sequence[tuple[Record, int]]) -> list[str]:
    """Adds the records, each with the id of its label, in their order; gives the ledger ids.

    A scope that nobody has recorded yet under that label is stored with them.
    """
    entries = [_Entry.of(record, label_id) for record, label_id in records]
    scopes = {
        (one.label_id, scope.sha256): scope.value
        for one in entries
        if (scope := one.record.scope) is not None
    }
    values = _columns(entries) | {
        "scope_label_ids": [label_id for label_id, _ in scopes],
        "scopes": [sha256 for _, sha256 in scopes],
    }
    with _durable():
        if not await _appended(connection, values, len(entries)):
            await _store(connection, scopes)
            if not await _appended(connection, values, len(entries)):
                raise Unavailable("ledger", "the ledger keeps no scopes; nothing was released")
    return [one.ledger_id for one in entries]


async def _appended(connection: Connection, values: Mapping[str, Any], entries: int) -> bool:
    """Whether the entries are in: all of them, or none while one of their scopes is not stored."""
    return (await connection.execute(_SQL["append"], values)).rowcount == entries


async def _store(connection: Connection, scopes: Mapping[tuple[int, bytes], bytes]) -> None:
    """Waits for whoever is just storing the same; in one order, so that nobody waits for one another."""
    keys = sorted(scopes)
    values = {
        "label_ids": [label_id for label_id, _ in keys],
        "digests": [sha256 for _, sha256 in keys],
        "values": [scopes[key] for key in keys],
    }
    await connection.execute(_SQL["scope"], values)


def _columns(entries: Sequence["_Entry"]) -> dict[str, list[Any]]:
    """What the entries put into three tables, column by column."""
    filters = [_filters(one.record) for one in entries]
    openings = [
        (one.ledger_id, one.label_id, name, *opening)
        for one in entries
        for name, opening in one.openings.items()
    ]
    opened = ("opened_ids", "opened_label_ids", "names", "salts", "values")
    return {
        "ledger_ids": [one.ledger_id for one in entries],
        "label_ids": [one.label_id for one in entries],
        "tenants": [one.record.asker.principal.tenant for one in entries],
        "ats": [one.at for one in entries],
        "leaves": [one.leaf for one in entries],
        **{name: [one[name] for one in filters] for name in filters[0]},
        **dict(zip(opened, map(list, zip(*openings, strict=True)), strict=True)),
    }


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record as it is linked to the chain: its leaf commits to each opening, which is a salt and a value."""

    record: Record
    label_id: int
    ledger_id: str
    at: datetime
    leaf: bytes
    openings: Mapping[str, tuple[bytes, bytes]]

    @classmethod
    def of(cls, record: Record, label_id: int) -> "_Entry":
        ledger_id, at = uuid4().hex, datetime.now(UTC)
        openings = {
            name: (secrets.token_bytes(16), canonical(value))
            for name, value in _details(record, at).items()
        }
        commitments = {name: commitment(one) for name, one in openings.items()}
        leaf = canonical({"version": _VERSION, "id": ledger_id, "commitments": commitments})
        return cls(record, label_id, ledger_id, at, leaf, openings)


def canonical(value: Any) -> bytes:
    """RFC 8785. Where json writes the same it is asked, since it takes a tenth of the time."""
    if _plain(value):
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode()
    return rfc8785.dumps(value)


def _plain(value: Any) -> bool:
    """Whether there is no number in it but small whole ones, and no name by which json would sort otherwise."""
    kind = type(value)
    if kind is dict:
        return all(type(name) is str and name.isascii() and _plain(value[name]) for name in value)
    if kind is list:
        return all(map(_plain, value))
    return kind is str or value is None or kind is bool or (kind is int and abs(value) < _SMALL)


@contextmanager
def _durable() -> Iterator[None]:
    try:
        yield
    except psycopg.DatabaseError as error:
        raise Unavailable("ledger", "the ledger takes no records; nothing was released") from error


def body_sha256(body: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a stored answer, over its canonical bytes."""
    return hashlib.sha256(canonical(dict(body))).hexdigest()


async def _keep(
    connection: Connection,
    record: Record,
    ledger_id: str,
    label_id: int,
    answer: StoredAnswer,
    body: bytes,
) -> None:
    """The answer tells of the question as well, so it needs the record's label besides what it was made of."""
    values = {
        "answer_id": answer.answer_id,
        "ledger_id": ledger_id,
        "tenant": record.asker.principal.tenant,
        "sub": record.asker.principal.sub,
        "label_ids": sorted({label_id, *answer.label_ids}),
        "body": body.decode(),
    }
    with _durable():
        await connection.execute(_SQL["answer"], values)


def _filters(record: Record) -> dict[str, str]:
    return {
        "kind": str(record.kind),
        "sub": record.asker.principal.sub,
        "purpose": record.asker.purpose,
        "outcome": record.outcome,
        "policy_revision": record.policy_revision,
    }


def _index(record: Record, at: datetime) -> dict[str, dict[str, Any]]:
    """`act` says who did what, and may be erased; `index`, when and under which label, and may not."""
    index = {
        "tenant": record.asker.principal.tenant,
        "label": record.label.to_json(),
        "recorded_at": at.isoformat(),
    }
    who = {"reason": record.asker.reason, "impersonated_by": record.asker.impersonated_by}
    return {"index": index, "act": _filters(record) | who | _broken_glass(record, at) | index}


def _details(record: Record, at: datetime) -> dict[str, Any]:
    """All that the leaf commits to."""
    named = {"scope": name_of(record.scope)} if record.scope else {}
    return {**_index(record, at), **record.details, **named}


def _broken_glass(record: Record, at: datetime) -> dict[str, list[str]]:
    """The grants under which the act was done, where there are any."""
    grants = record.asker.principal.grants
    used = [one.grant_id for one in grants if at.timestamp() < one.not_after]
    return {"break_glass": used} if used else {}
