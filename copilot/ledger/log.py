"""The log: one record for each act, written before anything is released."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import rfc8785

from copilot.ledger.records import Kind
from policy.errors import Unavailable
from policy.labels import Label, join_all
from policy.principal import Asker
from policy.scope import Scope
from retrieval.stores.postgres.database import Connection, Database, Role
from retrieval.stores.postgres.labels import intern
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "ledger.sql")
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An act as it goes into the log. Everything in `details` is committed to with a salt of its own."""

    kind: Kind
    asker: Asker
    outcome: str
    policy_revision: str
    label: Label
    """Who may read the details: the join of the asker's high-water mark and all that was read."""
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
        releasable_to=_released(scope) if scope and scope.labels and asker.fresh else own,
        authorities=principal.authority_names,
    )
    return join_all([label, *granted])


def _released(scope: Scope) -> frozenset[str] | None:
    limited = [one.releasable_to for one in scope.labels.values() if one.releasable_to is not None]
    return frozenset.intersection(*limited) if limited else None


class Ledger:
    """Appends records. Every method raises Unavailable("ledger", …) where the record is not durable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._labels: dict[str, int] = {}

    async def record(self, record: Record, answer: StoredAnswer | None = None) -> str:
        """Writes the record (and the answer it released) in one transaction; gives the ledger id."""
        label_id = await self.label_id(record.label)
        if answer is not None:
            stored = {"answer_id": answer.answer_id, "sha256": body_sha256(answer.body)}
            record = replace(record, details={**record.details, "stored_answer": stored})
        async with self._database.transaction(Role.LEDGER) as connection:
            ledger_id = await append(connection, record, label_id)
            if answer is not None:
                await _keep(connection, record, ledger_id, label_id, answer)
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
    ledger_id, at = uuid4().hex, datetime.now(UTC)
    openings = {
        name: (secrets.token_bytes(16), rfc8785.dumps(value))
        for name, value in {**_index(record, at), **record.details}.items()
    }
    commitments = {name: commitment(salt, value) for name, (salt, value) in openings.items()}
    leaf = rfc8785.dumps({"version": _VERSION, "id": ledger_id, "commitments": commitments})
    head = {"ledger_id": ledger_id, "tenant": record.asker.principal.tenant, "label_id": label_id}
    salts, values = zip(*openings.values(), strict=True)
    rows = {"names": list(openings), "salts": list(salts), "values": list(values)}
    with _durable():
        await connection.execute(_SQL["append"], head | {"at": at, "leaf": leaf})
        await connection.execute(_SQL["open"], head | rows)
        await connection.execute(_SQL["act"], head | _filters(record))
    return ledger_id


@contextmanager
def _durable() -> Iterator[None]:
    try:
        yield
    except psycopg.DatabaseError as error:
        raise Unavailable("ledger", "the ledger takes no records; nothing was released") from error


def commitment(salt: bytes, value: bytes) -> str:
    """SHA-256 (hex) over salt and canonical bytes: binding, and silent once the salt is erased."""
    return hashlib.sha256(salt + value).hexdigest()


def body_sha256(body: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a stored answer, over its canonical bytes."""
    return hashlib.sha256(rfc8785.dumps(dict(body))).hexdigest()


async def _keep(
    connection: Connection, record: Record, ledger_id: str, label_id: int, answer: StoredAnswer
) -> None:
    """The answer tells of the question as well, so it needs the record's label besides what it was made of."""
    values = {
        "answer_id": answer.answer_id,
        "ledger_id": ledger_id,
        "tenant": record.asker.principal.tenant,
        "sub": record.asker.principal.sub,
        "label_ids": sorted({label_id, *answer.label_ids}),
        "body": rfc8785.dumps(dict(answer.body)).decode(),
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


def _broken_glass(record: Record, at: datetime) -> dict[str, list[str]]:
    """The grants under which the act was done, where there are any."""
    grants = record.asker.principal.grants
    used = [one.grant_id for one in grants if at.timestamp() < one.not_after]
    return {"break_glass": used} if used else {}
