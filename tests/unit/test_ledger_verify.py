"""Whatever is changed in a stored log afterwards, verification names it."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest
from psycopg import sql

from copilot.ledger import log
from copilot.ledger import verify as module
from copilot.ledger.log import Ledger, Record, StoredAnswer, high_water
from copilot.ledger.records import Kind
from copilot.ledger.verify import Checkpoint, Verification, checkpoint, export, verify
from policy.errors import BadInput, Unavailable
from policy.labels import Label
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.fences import Fences
from tests.unit.governed import asker

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
Entry = tuple[Row, list[Row]]
FILTERS = ("kind", "sub", "purpose", "outcome", "policy_revision")
URL = "postgresql://ann:secret@db/copilot"


@dataclass(frozen=True)
class Done:
    """What a statement has come to."""

    rowcount: int


class Tables:
    """A database for the ledger alone: links each entry to the one before, as its trigger does."""

    def __init__(self) -> None:
        self.fences = Fences(self.look)
        self.entries: list[Entry] = []
        self.error: psycopg.Error | None = None
        self.answers: list[Row] = []
        self.scopes: dict[tuple[int, bytes], bytes] = {}

    async def look(self) -> dict[str, int]:
        return {}

    @asynccontextmanager
    async def transaction(
        self, role: Role, label_ids: Sequence[int] = (), *, tenant: str = ""
    ) -> AsyncIterator["Tables"]:
        assert role is Role.LEDGER
        yield self

    async def execute(self, query: sql.SQL, values: Row) -> "Done":
        if self.error is not None:
            raise self.error
        if query == log._SQL["append"]:
            return Done(self._append(values))
        if query == log._SQL["scope"]:
            for label_id, sha256, value in _rows(values, "label_ids", "digests", "values"):
                self.scopes.setdefault((label_id, sha256), value)
        else:
            assert query == log._SQL["answer"]
            self.entries[-1][0]["answer_body"] = json.loads(values["body"])
            self.answers.append(values)
        return Done(1)

    def _append(self, values: Row) -> int:
        named = list(_rows(values, "scope_label_ids", "scopes"))
        if not self.scopes.keys() >= set(named):
            return 0
        for row in _rows(values, "ledger_ids", "tenants", "ats", "leaves"):
            self.entries.append((self._linked(*row), []))
        for ledger_id, *filters in _rows(values, "ledger_ids", *FILTERS):
            self._entry(ledger_id)[0].update(zip(FILTERS, filters, strict=True))
        self._open(values)
        return len(values["ledger_ids"])

    def _entry(self, ledger_id: str) -> Entry:
        return next(one for one in self.entries if one[0]["ledger_id"] == ledger_id)

    def _open(self, values: Row) -> None:
        for ledger_id, name, salt, value in _rows(values, "opened_ids", "names", "salts", "values"):
            row, openings = self._entry(ledger_id)
            openings.append({"name": name, "salt": salt, "value": value})
            if name == "index":
                row["label"] = row["act_label"] = Label.from_json(
                    json.loads(value)["label"], tenant="", where="the test"
                ).canonical()
        for row, openings in self.entries:
            openings[:] = [one | {"label": row["label"]} for one in openings]

    def _linked(self, ledger_id: str, tenant: str, at: datetime, leaf: bytes) -> Row:
        previous = self.entries[-1][0]["chain_hash"] if self.entries else bytes(32)
        leaf_hash = hashlib.sha256(leaf).digest()
        return {
            "position": len(self.entries) + 1,
            "ledger_id": ledger_id,
            "tenant": tenant,
            "recorded_at": at,
            "leaf": leaf,
            "leaf_hash": leaf_hash,
            "previous_hash": previous,
            "chain_hash": hashlib.sha256(previous + leaf_hash).digest(),
            "answer_body": None,
            "has_act": True,
            "label": "",
        }


def _rows(values: Row, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Of a statement that takes columns."""
    return zip(*(values[column] for column in columns), strict=True)


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    tables = Tables()

    async def entries(url: str) -> AsyncIterator[Entry]:
        for entry in tables.entries:
            yield entry

    async def intern(connection: object, label: Label) -> int:
        return 7

    monkeypatch.setattr(module, "_entries", entries)
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
    assert (result.entries, result.erased) == (3, 0)
    assert result.head == written.entries[-1][0]["chain_hash"].hex()
    assert result.summary() == f"ledger verified: 3 entries, head {result.head[:16]}…"


async def test_an_empty_log_holds(tables: Tables) -> None:
    result = await verify(URL)
    assert (result.problems, result.entries, result.head) == ([], 0, bytes(32).hex())


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


TAMPERING: list[tuple[Callable[[list[Entry]], object], str]] = [
    (lambda e: e.pop(1), "is out of order"),
    (swap, "does not follow the entry before it"),
    (lambda e: e[1][0].update(leaf=b"{}"), "leaf that does not match its hash"),
    (lambda e: e[1][0].update(leaf=b"{}"), "has an unreadable leaf"),
    (lambda e: e[1][0].update(leaf=b"\xff"), "has an unreadable leaf"),
    (lambda e: e[1][0].update(leaf=b"[]"), "has an unreadable leaf"),
    (lambda e: e[1][0].update(chain_hash=bytes(32)), "is not linked by its hash"),
    (lambda e: e[1][0].update(previous_hash=bytes(32)), "does not follow"),
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
    assert problem.startswith("entry 2:")


async def test_an_erased_opening_is_counted_and_no_problem(written: Tables) -> None:
    drop(written.entries[0], "question")
    drop(written.entries[2], "act")
    written.entries[2][0]["has_act"] = False
    result = await verify(URL)
    assert (result.problems, result.erased) == ([], 2)
    assert "2 openings erased" in result.summary()


async def test_a_log_rewritten_from_the_start_differs_from_a_checkpoint(written: Tables) -> None:
    second = written.entries[1][0]
    kept = Checkpoint(position=2, chain_hash=second["chain_hash"].hex())
    assert (await verify(URL, kept)).problems == []
    other = Checkpoint(position=2, chain_hash="0" * 64)
    assert (await verify(URL, other)).problems == ["entry 2: differs from the checkpoint"]


async def test_a_log_cut_off_before_the_checkpoint_does_not_hold(written: Tables) -> None:
    last = written.entries.pop()[0]
    kept = Checkpoint(position=3, chain_hash=last["chain_hash"].hex())
    assert (await verify(URL)).problems == []
    assert (await verify(URL, kept)).problems == ["the log ends at 2, before the checkpoint"]


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    kept = Checkpoint(position=3, chain_hash="ab")
    assert Checkpoint.from_json(json.dumps(kept.to_json())) == kept


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"position": "x", "chain_hash": ""}'])
def test_a_checkpoint_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="position and chain_hash"):
        Checkpoint.from_json(text)


async def test_an_export_holds_what_an_auditor_needs_to_check_it_alone(written: Tables) -> None:
    lines = [json.loads(json.dumps(line)) async for line in export(URL)]
    assert [line["position"] for line in lines] == [1, 2, 3]
    head = bytes(32)
    for line in lines:
        assert line["previous_hash"] == head.hex()
        head = hashlib.sha256(head + hashlib.sha256(line["leaf"].encode()).digest()).digest()
        assert line["chain_hash"] == head.hex()
        commitments = json.loads(line["leaf"])["commitments"]
        for name, one in line["openings"].items():
            salted = bytes.fromhex(one["salt"]) + one["value"].encode()
            assert commitments[name] == hashlib.sha256(salted).hexdigest()


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
    for question in (verify(URL), checkpoint(URL)):
        with pytest.raises(Unavailable, match="holds the ledger") as raised:
            await question
        assert "secret" not in raised.value.message


def test_a_verification_begins_with_nothing() -> None:
    assert Verification().summary().startswith("ledger verified: 0 entries, head 0000")
