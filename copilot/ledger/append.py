"""Appending: entries go into the log in the transaction of what they tell of."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from copilot.ledger.entry import Entry, Record
from policy.errors import Unavailable
from retrieval.stores.postgres.database import Connection, why
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ledger", "ledger.sql")
_JSON = json.JSONEncoder(ensure_ascii=False)


async def append(connection: Connection, record: Record, label_id: int) -> str:
    """Adds the record to the log within the caller's transaction; gives the ledger id."""
    [ledger_id] = await append_all(connection, [(record, label_id)])
    return ledger_id


async def append_all(connection: Connection, records: Sequence[tuple[Record, int]]) -> list[str]:
    """Adds the records, each with the id of its label, in their order; gives the ledger ids.

    A scope that nobody has recorded yet under that label is stored with them.
    """
    entries = [Entry.of(record, label_id) for record, label_id in records]
    await append_entries(connection, entries)
    return [one.ledger_id for one in entries]


async def append_entries(connection: Connection, entries: Sequence[Entry]) -> None:
    """All of them, with the answers that they keep. Raises Unavailable("ledger", …) where they are not taken."""
    scopes = {
        (one.label_id, scope.sha256): scope.value
        for one in entries
        if (scope := one.record.scope) is not None
    }
    values = {
        "entries": _JSON.encode([_row(one) for one in entries]),
        "scope_label_ids": [label_id for label_id, _ in scopes],
        "scopes": [sha256 for _, sha256 in scopes],
    }
    with durable():
        if not await _appended(connection, values):
            await _store(connection, scopes)
            if not await _appended(connection, values):
                raise Unavailable("ledger", "the ledger keeps no scopes; nothing was released")
        for one in entries:
            await _keep(connection, one)


@contextmanager
def durable() -> Iterator[None]:
    """Says of whatever the database does not take that the ledger did not take it."""
    try:
        yield
    except psycopg.DatabaseError as error:
        raise Unavailable(
            "ledger",
            f"the ledger takes no records{why(error)}; nothing was released",
            refused=not isinstance(error, psycopg.OperationalError),
        ) from error


async def _appended(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Whether the entries are in: all of them, or none while one of their scopes is not stored."""
    return (await connection.execute(_SQL["append"], values)).rowcount == 1


async def _store(connection: Connection, scopes: Mapping[tuple[int, bytes], bytes]) -> None:
    """Waits for whoever is just storing the same; in one order, so that nobody waits for one another."""
    keys = sorted(scopes)
    values = {
        "label_ids": [label_id for label_id, _ in keys],
        "digests": [sha256 for _, sha256 in keys],
        "values": [scopes[key] for key in keys],
    }
    await connection.execute(_SQL["scope"], values)


def _row(entry: Entry) -> dict[str, Any]:
    """What is stored of the entry. Leaves and values are JSON in UTF-8, so that they can be told as texts."""
    openings = [
        {"name": name, "salt": salt.hex(), "value": value.decode()}
        for name, (salt, value) in entry.openings.items()
    ]
    return entry.filters | {
        "ledger_id": entry.ledger_id,
        "tenant": entry.record.asker.principal.tenant,
        "label_id": entry.label_id,
        "at": entry.at.isoformat(),
        "leaf": entry.leaf.decode(),
        "openings": openings,
    }


async def _keep(connection: Connection, entry: Entry) -> None:
    if entry.kept is None:
        return
    principal = entry.record.asker.principal
    values = {
        "answer_id": entry.kept.answer.answer_id,
        "ledger_id": entry.ledger_id,
        "tenant": principal.tenant,
        "sub": principal.sub,
        "label_ids": entry.kept.label_ids,
        "body": entry.kept.body,
    }
    await connection.execute(_SQL["answer"], values)
