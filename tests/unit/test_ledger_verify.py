"""Whatever is changed in a stored log afterwards, verification names it."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest
from psycopg import sql

from copilot.ledger import append, log
from copilot.ledger import verify as module
from copilot.ledger.log import Ledger, Record, StoredAnswer, high_water
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.merkle import CompactRange, Subtree, hash_leaf
from copilot.ledger.proofs.note import Note
from copilot.ledger.records import Kind
from copilot.ledger.stored import StoredArchive, StoredCheckpoint, StoredEntry
from copilot.ledger.verify import Verification, verify
from policy.errors import Unavailable
from policy.labels import Label
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.fences import Fences
from tests.unit.governed import asker

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
Entry = tuple[Row, list[Row]]
FILTERS = ("kind", "sub", "purpose", "outcome", "policy_revision")
URL = "postgresql://ann:secret@db/copilot"
SIGNER = Signer(name="example.com/log", seed=b"s" * 32)


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
        self.lost: dict[str, list[str]] = {"nowhere": [], "strays": []}
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

    async def archives(self) -> list[StoredArchive]:
        return []

    async def astray(self, block: str, most: int) -> list[str]:
        return self.lost[block]

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


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    tables = Tables()

    @asynccontextmanager
    async def stored_log(url: str) -> AsyncIterator[Tables]:
        yield tables

    async def intern(connection: object, label: Label) -> int:
        return 7

    monkeypatch.setattr(module, "stored_log", stored_log)
    monkeypatch.setattr(log, "intern", intern)
    return tables


@pytest.fixture
async def written(tables: Tables) -> Tables:
    """Three records, the second with an answer."""
    ledger = Ledger(cast(Database, tables))
    for number in (1, 2, 3):
        record = Record(
            kind=Kind.ASK,
            asker=asker(),
            outcome="Answer",
            policy_revision="r1",
            label=high_water(asker()),
            details={"question": f"question {number}"},
        )
        answer = StoredAnswer(answer_id="a", label_ids=(9, 3), body={"text": "Halder signed."})
        await ledger.record(record, answer if number == 2 else None)
    return tables


def opening(entry: Entry, name: str) -> Row:
    return next(one for one in entry[1] if one["name"] == name)


def drop(entry: Entry, name: str) -> None:
    entry[1].remove(opening(entry, name))


async def test_the_log_as_it_was_written_holds(written: Tables) -> None:
    result = await verify(URL)
    assert result.problems == []
    assert (result.entries, result.sealed, result.checkpoints, result.erased) == (3, 3, 3, 0)
    assert result.root == written.tree.root.hex()
    assert result.summary() == (
        "ledger verified: 3 entries, 3 of them sealed under 3 checkpoints, "
        f"root {result.root[:16]}…"
    )


async def test_an_empty_log_holds(tables: Tables) -> None:
    result = await verify(URL)
    assert (result.problems, result.entries, result.sealed) == ([], 0, 0)


async def test_what_waits_to_be_sealed_is_checked_as_well(written: Tables) -> None:
    written.unsealed = [written.entries.pop()]
    written.signed.pop()
    assert (await verify(URL)).problems == []
    opening(written.unsealed[0], "question")["value"] = b'"?"'
    [problem] = (await verify(URL)).problems
    assert problem.startswith("unsealed entry ")


async def test_a_stored_answer_bears_the_records_label_and_those_of_all_that_went_into_it(
    written: Tables,
) -> None:
    [answer] = written.answers
    assert answer["label_ids"] == [3, 7, 9]
    assert answer["sub"] == "ann"


async def test_equal_details_do_not_have_equal_commitments(written: Tables) -> None:
    same = [opening(entry, "act")["salt"] for entry in written.entries]
    assert len(set(same)) == 3


def swap(entries: list[Entry]) -> None:
    entries[0], entries[1] = entries[1], entries[0]


def gone(entry: Entry) -> None:
    entry[0].update(ledger_id=None)


TAMPERING: list[tuple[Callable[[list[Entry]], object], str]] = [
    (lambda e: e.pop(1), "entry 2 stands in place 1"),
    (swap, "entry 1 stands in place 0"),
    (swap, "the checkpoint of 1 entries: its root is not that of the entries"),
    (lambda e: gone(e[1]), "entry 1: its entry is gone"),
    (lambda e: e[1][0].update(leaf=b"{}"), "leaf that does not match its hash"),
    (lambda e: e[1][0].update(leaf=b"{}"), "has an unreadable leaf"),
    (lambda e: e[1][0].update(leaf=b"\xff"), "has an unreadable leaf"),
    (lambda e: e[1][0].update(leaf=b"[]"), "has an unreadable leaf"),
    (lambda e: e[1][0].update(hash=bytes(32)), "leaf that does not match its hash"),
    (lambda e: e[1][0].update(hash=bytes(32)), "its root is not that of the entries"),
    (lambda e: e[1][0].update(leaf_label="{}"), "another label than its leaf's place"),
    (lambda e: e[1][0].update(ledger_id="x"), "bears another id than its leaf"),
    (lambda e: e[0][0].update(answer_body={}), "an answer that it does not commit to"),
    (lambda e: e[1][0].update(answer_body={"text": "No."}), "not the one that was given"),
    (lambda e: drop(e[1], "act"), "filter columns stand although the act was erased"),
    (lambda e: drop(e[1], "index"), "its index is gone"),
    (lambda e: opening(e[1], "question").update(label="{}"), "question bears another label"),
    (lambda e: opening(e[1], "question").update(value=b'"?"'), "question does not match"),
    (lambda e: opening(e[1], "question").update(salt=b"0"), "question does not match"),
    (lambda e: e[1][1].append(opening(e[1], "act") | {"name": "new"}), "new does not match"),
    (lambda e: e[1][0].update(tenant="t2"), "columns differ from the recorded index"),
    (lambda e: e[1][0].update(recorded_at=datetime(2020, 1, 1, tzinfo=UTC)), "recorded index"),
    (lambda e: e[1][0].update(sub="bob"), "filter columns differ from the recorded act"),
    (lambda e: e[1][0].update(outcome="Denied"), "filter columns differ"),
    (lambda e: e[1][0].update(act_label="{}"), "filter columns differ"),
]


@pytest.mark.parametrize(("tamper", "problem"), TAMPERING)
async def test_what_was_changed_is_named(
    written: Tables, tamper: Callable[[list[Entry]], object], problem: str
) -> None:
    tamper(written.entries)
    result = await verify(URL)
    assert [one for one in result.problems if problem in one]
    assert result.summary().startswith(f"ledger NOT verified: {len(result.problems)} problems")


async def test_the_entry_that_was_changed_is_the_one_that_is_named(written: Tables) -> None:
    opening(written.entries[1], "question")["value"] = b'"?"'
    [problem] = (await verify(URL)).problems
    assert problem.startswith("entry 1:")


async def test_an_erased_opening_is_counted_and_no_problem(written: Tables) -> None:
    drop(written.entries[0], "question")
    drop(written.entries[2], "act")
    written.entries[2][0]["has_act"] = False
    result = await verify(URL)
    assert (result.problems, result.erased) == ([], 2)
    assert "2 openings erased" in result.summary()


async def test_a_log_rewritten_from_the_start_differs_from_a_checkpoint(written: Tables) -> None:
    kept = Checkpoint(origin=SIGNER.name, size=2, root=written.signed[1].root)
    assert (await verify(URL, [kept])).problems == []
    other = replace(kept, root=bytes(32))
    assert (await verify(URL, [kept, other])).problems == [
        "the log of 2 entries differs from the checkpoint held outside"
    ]


async def test_a_log_cut_off_before_a_checkpoint_does_not_hold(written: Tables) -> None:
    kept = Checkpoint(origin=SIGNER.name, size=3, root=written.tree.root)
    written.entries.pop()
    assert (await verify(URL)).problems == ["the log ends at 2, before its checkpoint of 3"]
    written.signed.pop()
    assert (await verify(URL)).problems == []
    assert (await verify(URL, [kept])).problems == [
        "the log ends at 2, before the checkpoint held outside, 3"
    ]


SEALS: list[tuple[Callable[[Tables], object], str]] = [
    (lambda t: t.signed.pop(), "entry 2 is sealed under no checkpoint"),
    (lambda t: t.signed.clear(), "entry 2 is sealed under no checkpoint"),
    (lambda t: t.born.pop((1, 0)), "subtree 0 of level 1 is not that of its entries"),
    (lambda t: t.born.update({(1, 0): bytes(32)}), "subtree 0 of level 1"),
    (lambda t: t.known.clear(), "the checkpoint of 3 entries: the note bears no signature"),
    (lambda t: resign(t, Signer(name=SIGNER.name, seed=b"o" * 32)), "bears no signature"),
    (lambda t: reword(t, size=1), "what was signed differs from its columns"),
    (lambda t: t.lost["nowhere"].append("x7"), "entry x7 is neither sealed nor waiting for it"),
    (lambda t: t.lost["strays"].append("x7"), "there are pieces of x7, and no such entry"),
]


def resign(tables: Tables, signer: Signer) -> None:
    last = tables.signed[-1]
    text = Note.parse(last.note).text
    tables.signed[-1] = replace(last, note=bytes(Note.sign(text, [signer])))


def reword(tables: Tables, *, size: int) -> None:
    last = tables.signed[-1]
    said = replace(Checkpoint.parse(Note.parse(last.note).text), size=size)
    tables.signed[-1] = replace(last, note=bytes(Note.sign(str(said), [SIGNER])))


@pytest.mark.parametrize(("tamper", "problem"), SEALS)
async def test_what_was_changed_in_the_seals_is_named(
    written: Tables, tamper: Callable[[Tables], object], problem: str
) -> None:
    tamper(written)
    assert [one for one in (await verify(URL)).problems if problem in one]


async def test_a_key_from_elsewhere_must_be_one_that_signed(written: Tables) -> None:
    assert (await verify(URL, trusted=SIGNER.verifier_key)).problems == []
    other = Signer(name=SIGNER.name, seed=b"o" * 32).verifier_key
    assert (await verify(URL, trusted=other)).problems == [
        f"{other.label} is none of the keys that signed this log"
    ]


async def test_a_record_that_is_not_durable_is_unavailable(tables: Tables) -> None:
    tables.error = psycopg.errors.DiskFull("no space")
    record = Record(
        kind=Kind.ASK,
        asker=asker(),
        outcome="Opened",
        policy_revision="r1",
        label=high_water(asker()),
    )
    with pytest.raises(Unavailable, match="nothing was released") as raised:
        await Ledger(cast(Database, tables)).record(record)
    assert raised.value.dependency == "ledger"


async def test_a_database_that_does_not_answer_is_said_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def connect(*values: object, **options: object) -> None:
        raise psycopg.OperationalError(f"no route to {URL}")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    with pytest.raises(Unavailable, match="holds the ledger") as raised:
        await verify(URL)
    assert "secret" not in raised.value.message


def test_a_verification_begins_with_nothing() -> None:
    assert Verification().summary().startswith("ledger verified: 0 entries, 0 of them sealed")
