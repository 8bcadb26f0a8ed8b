"""A stored log of the ledger without a database, for whoever verifies it."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import psycopg
import pytest
from psycopg import sql

from copilot.ledger import append, log
from copilot.ledger import verify as module
from copilot.ledger.held import Held
from copilot.ledger.log import Ledger, Record, StoredAnswer, high_water
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.merkle import CompactRange, Subtree, hash_leaf
from copilot.ledger.proofs.note import Note
from copilot.ledger.proofs.rotation import Rotation
from copilot.ledger.records import Kind
from copilot.ledger.stored import StoredArchive, StoredCheckpoint, StoredEntry
from policy.labels import Label
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.fences import Fences
from tests.unit.governed import asker

Row = dict[str, Any]
Entry = tuple[Row, list[Row]]
FILTERS = ("kind", "sub", "purpose", "outcome", "policy_revision")
URL = "postgresql://ann:secret@db/copilot"
SIGNER, OTHER = (Signer(name="example.com/log", seed=one * 32) for one in (b"s", b"o"))


@dataclass(frozen=True)
class Done:
    """What a statement has come to."""

    rowcount: int


class Tables:
    """A database for the ledger alone, whose log is sealed after each entry, and read as StoredLog is."""

    def __init__(self) -> None:
        self.fences = Fences(self.look)
        self.entries: list[Entry] = []
        self.unsealed: list[Entry] = []
        self.signed: list[StoredCheckpoint] = []
        self.born: dict[Subtree, bytes] = {}
        self.known = [SIGNER.verifier_key]
        self.stated: list[bytes] = []
        self.lost: dict[str, list[str]] = {
            block: [] for block in ("nowhere", "strays", "timeline", "touched")
        }
        self.misleading: list[Row] = []
        self.tree = CompactRange()
        self.error: psycopg.Error | None = None
        self.answers: list[Row] = []
        self.scopes: dict[tuple[int, bytes], bytes] = {}

    async def look(self) -> dict[str, int]:
        return {}

    async def batches(self, block: str) -> AsyncIterator[Sequence[StoredEntry]]:
        entries = self.entries if block == "leaves" else self.unsealed
        for begin in range(0, len(entries), 2):
            yield [StoredEntry(*one) for one in entries[begin : begin + 2]]

    async def checkpoints(self, after: int, to: int) -> list[StoredCheckpoint]:
        return [one for one in self.signed if after < one.size <= to]

    async def newest(self) -> StoredCheckpoint | None:
        return self.signed[-1] if self.signed else None

    async def keys(self) -> list[VerifierKey]:
        return self.known

    async def rotations(self) -> list[bytes]:
        return self.stated

    async def archives(self) -> list[StoredArchive]:
        return []

    async def astray(self, block: str, most: int) -> list[str]:
        return self.lost[block]

    async def misled(self, entries: Sequence[StoredEntry]) -> list[Row]:
        ids = {one.row["ledger_id"] for one in entries}
        return [one for one in self.misleading if one["ledger_id"] in ids]

    async def subtrees(self, wanted: Sequence[Subtree]) -> dict[Subtree, bytes]:
        return {one: self.born[one] for one in wanted if one in self.born}

    @asynccontextmanager
    async def transaction(
        self, role: Role, label_ids: Sequence[int] = (), *, tenant: str = ""
    ) -> AsyncIterator["Tables"]:
        assert role is Role.LEDGER
        yield self

    statements = transaction

    async def execute(self, query: sql.SQL, values: Row) -> "Done":
        if self.error is not None:
            raise self.error
        if query == append._SQL["append"]:
            return Done(self._append(values))
        if query == append._SQL["scope"]:
            for label_id, sha256, value in _rows(values, "label_ids", "digests", "values"):
                self.scopes.setdefault((label_id, sha256), value)
        else:
            assert query == append._SQL["answer"]
            self.entries[-1][0]["answer_body"] = json.loads(values["body"])
            self.answers.append(values)
        return Done(1)

    def _append(self, values: Row) -> int:
        named = list(_rows(values, "scope_label_ids", "scopes"))
        if not self.scopes.keys() >= set(named):
            return 0
        for given in json.loads(values["entries"]):
            at = datetime.fromisoformat(given["at"])
            row = self._sealed(given["ledger_id"], given["tenant"], at, given["leaf"].encode())
            openings = [_opened(one, at) for one in given["openings"]]
            [index] = [json.loads(one["value"]) for one in openings if one["name"] == "index"]
            label = Label.from_json(index["label"], tenant="", where="the test").canonical()
            row |= {name: given[name] for name in FILTERS}
            row |= dict.fromkeys(("label", "act_label", "leaf_label"), label)
            self.entries.append((row, [one | {"label": label} for one in openings]))
        return 1

    def _sealed(self, ledger_id: str, tenant: str, at: datetime, leaf: bytes) -> Row:
        self.tree, born = self.tree.append([hash_leaf(leaf)])
        self.born |= born
        checkpoint = Checkpoint(origin=SIGNER.name, size=self.tree.size, root=self.tree.root)
        note = bytes(Note.sign(str(checkpoint), [SIGNER]))
        self.signed.append(StoredCheckpoint(self.tree.size, self.tree.root, note))
        return {
            "leaf_index": self.tree.size - 1,
            "leaf_id": ledger_id,
            "ledger_id": ledger_id,
            "tenant": tenant,
            "recorded_at": at,
            "act_at": at,
            "leaf": leaf,
            "hash": hash_leaf(leaf),
            "answer_body": None,
            "has_act": True,
        }


def _opened(given: Row, at: datetime) -> Row:
    salt, value = bytes.fromhex(given["salt"]), given["value"].encode()
    return {"name": given["name"], "salt": salt, "value": value, "recorded_at": at}


def _rows(values: Row, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Of a statement that takes columns."""
    return zip(*(values[column] for column in columns), strict=True)


def patched(monkeypatch: pytest.MonkeyPatch) -> Tables:
    """They stand in for the database."""
    tables = Tables()

    @asynccontextmanager
    async def stored_log(url: str) -> AsyncIterator[Tables]:
        yield tables

    async def intern(connection: object, label: Label) -> int:
        return 7

    monkeypatch.setattr(module, "stored_log", stored_log)
    monkeypatch.setattr(log, "intern", intern)
    return tables


def held(checkpoint: Checkpoint, *signers: Signer, where: str = "kept") -> Held:
    """As somebody kept it who had it from these."""
    return Held.parse(bytes(Note.sign(str(checkpoint), signers or [SIGNER])), where)


def record(kind: Kind = Kind.ASK, outcome: str = "Answer", **details: object) -> Record:
    """Of an act of somebody who may read what they ask for."""
    return Record(
        kind=kind,
        asker=asker(),
        outcome=outcome,
        policy_revision="r1",
        label=high_water(asker()),
        details=details,
    )


async def three_records(tables: Tables) -> Tables:
    """The second with an answer."""
    ledger = Ledger(cast(Database, tables))
    for number in (1, 2, 3):
        asked = record(question=f"question {number}")
        answer = StoredAnswer(answer_id="a", label_ids=(9, 3), body={"text": "Halder signed."})
        await ledger.record(asked, answer if number == 2 else None)
    return tables


async def erasure(tables: Tables, *gone: tuple[str, str], said: object = None) -> None:
    """Records that these openings went, or whatever else is said."""
    erased = [{"ledger_id": ledger_id, "names": [name]} for ledger_id, name in gone]
    taken = record(Kind.ERASURE, "Erased", erased=said or erased)
    await Ledger(cast(Database, tables)).record(replace(taken, signers=[SIGNER]))


def listed(tables: Tables, signer: Signer) -> None:
    tables.known.append(signer.verifier_key)


def resign(tables: Tables, signer: Signer, size: int = 3) -> None:
    one = tables.signed[size - 1]
    text = Note.parse(one.note).text
    tables.signed[size - 1] = replace(one, note=bytes(Note.sign(text, [signer])))


def rotate(tables: Tables, size: int, origin: str = SIGNER.name) -> None:
    """From SIGNER to OTHER, as both state it."""
    old, new = SIGNER.verifier_key, OTHER.verifier_key
    stated = Rotation(origin=origin, old=old, new=new, size=size)
    tables.stated.append(stated.sign(SIGNER, OTHER))
    if OTHER.verifier_key not in tables.known:
        listed(tables, OTHER)


def opening(entry: Entry, name: str) -> Row:
    return next(one for one in entry[1] if one["name"] == name)


def drop(entry: Entry, name: str) -> None:
    entry[1].remove(opening(entry, name))
