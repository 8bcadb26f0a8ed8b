"""Erasure: what a deletion takes out of the ledger's openings and stored answers, and the records that say so."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from psycopg.types.json import Jsonb

from copilot.ingest.addressed import Addressed, described, part_ids
from copilot.ledger.log import Ledger, Record, append_all
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.records import Kind
from policy.errors import BadInput
from policy.labels import Label
from policy.scope import Scope
from retrieval.stores.postgres.database import Connection
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.ingest", "erasure.sql")
_JSON = json.JSONEncoder(ensure_ascii=False).encode
_LATE = timedelta(minutes=5)
"""Records say when they were made by the clock of their process, which may be that much behind."""

Row = Mapping[str, Any]
Time = datetime | Literal["-infinity", "infinity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An erasure that its transaction has begun: nothing of it stands before `finish`."""

    erasure_id: str
    counts: Row
    """Table → how many rows of it go with the parts."""
    groups: tuple["Group", ...]
    """The first one is recorded with the erasure itself, even where it is empty."""
    texts: list[str]
    searched: Mapping[str, int]
    """Where eight words of the texts were looked for once they were gone, and how often they stood there."""
    since: datetime
    """From when on the ledger is still to be searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Openings that went, and the label of the record that names them: it covers them and who erased them."""

    label: Label
    label_id: int
    erased: tuple[Row, ...]

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"ledger_id": one["ledger_id"], "names": one["names"], "answers": one["answers"]}
            for one in self.erased
        ]


async def require_other_words(
    connection: Connection, found: Sequence[Addressed], reason: str
) -> None:
    """BadInput where the reason for a deletion repeats what is deleted: its record would keep that."""
    heads = [one.head for one in found if one.head]
    texts = [f"{one.title} {one.source} {_JSON(one.metadata)}" for one in heads]
    texts += [part.text for one in found for part in one.parts]
    if (await _one(connection, "repeats", {"texts": texts, "reason": reason}))["repeats"]:
        raise BadInput(
            "the reason repeats eight words in a row of what is deleted, and would keep them; word it otherwise"
        )


async def begin(
    connection: Connection,
    scope: Scope,
    ledger: Ledger,
    given_id: str,
    found: Sequence[Addressed],
    record: Record,
) -> Erasure:
    """Takes out what was made of the parts, while they are still there.

    The whole ledger is gone through, twice, before others have to wait; then once more what came in meanwhile.
    """
    erasure_id, label_id = uuid4().hex, await ledger.label_id(record.label)
    texts = [part.text for one in found for part in one.parts]
    values = {
        "erasure_id": erasure_id,
        "tenant": scope.tenant,
        "label_id": label_id,
        "document_id": given_id,
        "sub": record.asker.principal.sub,
        "part_ids": part_ids(found),
        "texts": texts,
    }
    row = await _one(connection, "begin", values)
    since = row["begun_at"] - _LATE
    erased = await _traces(connection, erasure_id, "-infinity", since)
    searched = await _searched(connection, erasure_id, texts, "-infinity", since)
    await connection.execute(_SQL.scoped("others", scope.label_ids), values)
    await connection.execute(_SQL["keep_runs"], values)
    await connection.execute(_SQL["close"], values)
    erased += await _traces(connection, erasure_id, since, "infinity")
    return Erasure(
        erasure_id=erasure_id,
        counts=row["counts"],
        groups=await _grouped(connection, scope.tenant, ledger, record.label, label_id, erased),
        texts=texts,
        searched=searched,
        since=since,
    )


async def finish(
    connection: Connection,
    erasure: Erasure,
    given_id: str,
    found: Sequence[Addressed],
    record: Record,
    signers: Sequence[Signer],
) -> str:
    """Searches what is left, and appends the deletion's record and those of the erasure; gives the former's id.

    The signers vouch for what was erased: keys of the log.
    """
    left = await _searched(connection, erasure.erasure_id, erasure.texts, erasure.since, "infinity")
    searched = {place: hits + erasure.searched[place] for place, hits in left.items()}
    first, *more = erasure.groups
    said = described(given_id, found) | {"erasure_id": erasure.erasure_id}
    body = {**said, "tables": dict(erasure.counts), "searched": searched}
    if archived := await (await connection.execute(_SQL["archived"])).fetchall():
        body["not_searched"] = [row["month"] for row in archived]
    records = [
        (_record(record, group, body if group is first else said, signers), group.label_id)
        for group in (first, *more)
    ]
    ids = await append_all(connection, [(record, first.label_id), *records])
    for group, recorded in zip(erasure.groups, ids[1:], strict=True):
        await _note(connection, erasure.erasure_id, group, recorded)
    await connection.execute(_SQL["forget_former"], {"keys": [one.key for one in found]})
    values = {
        "erasure_id": erasure.erasure_id,
        "recorded": ids[1],
        "body": Jsonb({**body, "deleted_by_record": ids[0], "reason": record.asker.reason}),
    }
    await connection.execute(_SQL["finish"], values)
    return ids[0]


def _record(record: Record, group: Group, said: Row, signers: Sequence[Signer]) -> Record:
    details = {"erasure": dict(said), "erased": group.to_json()}
    erased = replace(record, kind=Kind.ERASURE, outcome="Erased", label=group.label)
    return replace(erased, details=details, signers=signers)


async def _traces(connection: Connection, erasure_id: str, since: Time, until: Time) -> list[Row]:
    values = {"erasure_id": erasure_id, "since": since, "until": until}
    return [*await (await connection.execute(_SQL["traces"], values)).fetchall()]


async def _grouped(
    connection: Connection,
    tenant: str,
    ledger: Ledger,
    label: Label,
    label_id: int,
    erased: Sequence[Row],
) -> tuple[Group, ...]:
    """By who may know of them: whoever erased need not be one who may read what others asked."""
    values = {"label_ids": sorted({row["label_id"] for row in erased})}
    rows = await (await connection.execute(_SQL["labels"], values)).fetchall()
    joined = {
        row["label_id"]: label.join(Label.from_json(row["value"], tenant=tenant, where="label"))
        for row in rows
    }
    by_label: dict[Label, list[Row]] = {label: []}
    for row in erased:
        by_label.setdefault(joined[row["label_id"]], []).append(row)
    return tuple(
        [
            Group(
                label=one,
                label_id=label_id if one == label else await ledger.label_id(one),
                erased=tuple(rows),
            )
            for one, rows in by_label.items()
        ]
    )


async def _note(connection: Connection, erasure_id: str, group: Group, recorded: str) -> None:
    merged: dict[str, tuple[list[str], int]] = {}
    for row in group.erased:
        names, answers = merged.get(row["ledger_id"], ([], 0))
        merged[row["ledger_id"]] = (sorted({*names, *row["names"]}), answers + row["answers"])
    values = {
        "erasure_id": erasure_id,
        "label_id": group.label_id,
        "recorded": recorded,
        "ids": list(merged),
        "names": Jsonb({ledger_id: names for ledger_id, (names, _) in merged.items()}),
        "answers": [answers for _, answers in merged.values()],
    }
    await connection.execute(_SQL["note"], values)


async def _searched(
    connection: Connection, erasure_id: str, texts: list[str], since: Time, until: Time
) -> dict[str, int]:
    values = {"erasure_id": erasure_id, "texts": texts, "since": since, "until": until}
    rows = await (await connection.execute(_SQL["search"], values)).fetchall()
    return {row["place"]: row["hits"] for row in rows}


async def _one(connection: Connection, block: str, values: Row) -> dict[str, Any]:
    row = await (await connection.execute(_SQL[block], values)).fetchone()
    assert row is not None  # each gives one row
    return row
