"""Whatever is changed in a stored log afterwards, verification names it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import psycopg
import pytest

from copilot.ledger.log import Ledger
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.merkle import hash_leaf
from copilot.ledger.proofs.note import Note
from copilot.ledger.proofs.record import commitment
from copilot.ledger.verify import Verification, verify
from policy.errors import Unavailable
from retrieval.stores.postgres.database import Database
from tests.unit import logged
from tests.unit.logged import (
    OTHER,
    SIGNER,
    URL,
    Entry,
    Tables,
    drop,
    erasure,
    held,
    opening,
    patched,
    record,
    three_records,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    return patched(monkeypatch)


@pytest.fixture
async def written(tables: Tables) -> Tables:
    return await three_records(tables)


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


@pytest.mark.parametrize(
    ("name", "value"), [("question", b"{not json"), ("act", b"[]"), ("stored_answer", b"{}")]
)
async def test_what_cannot_be_read_is_named_although_it_was_committed_to(
    written: Tables, name: str, value: bytes
) -> None:
    last = next(one for one in reversed(written.entries) if any(o["name"] == name for o in one[1]))
    written.unsealed = [last]
    written.entries[written.entries.index(last) :] = []
    written.signed[len(written.entries) :] = []
    row, one = last[0], opening(last, name)
    one["value"] = value
    leaf = json.loads(row["leaf"])
    leaf["commitments"][name] = commitment((one["salt"], value))
    row["leaf"] = json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()
    row["hash"] = hash_leaf(row["leaf"])
    problems = (await verify(URL)).problems
    assert any(problem.endswith(f": {name} cannot be read") for problem in problems), problems


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


async def test_an_opening_that_is_gone_is_counted_and_no_problem_where_a_later_erasure_says_so(
    written: Tables,
) -> None:
    drop(written.entries[0], "question")
    drop(written.entries[2], "question")
    gone = ["entry 0: question is gone", "entry 2: question is gone"]
    problems = [f"{one}, and no erasure says why" for one in gone]
    assert (await verify(URL)).problems == problems
    first, _, third = (row["ledger_id"] for row, _ in written.entries)
    await erasure(written, (first, "question"), (third, "question"))
    result = await verify(URL)
    assert (result.problems, result.erased) == ([], 2)
    assert "2 openings erased (2 by ann)" in result.summary()


async def test_an_erasure_that_no_key_of_the_log_vouches_for_explains_nothing(
    written: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(written.entries[0], "question")
    with monkeypatch.context() as patch:
        patch.setattr(logged, "SIGNER", OTHER)
        await erasure(written, (written.entries[0][0]["ledger_id"], "question"))
        written.signed[-1] = replace(
            written.signed[-1], note=bytes(Note.sign(_head(written), [SIGNER]))
        )
    vouched, gone = (await verify(URL)).problems
    assert vouched.startswith("entry 3: no key of the log vouches for what it says was erased")
    assert gone == "entry 0: question is gone, and no erasure says why"


def _head(tables: Tables) -> str:
    tree = tables.tree
    return str(Checkpoint(origin=SIGNER.name, size=tree.size, root=tree.root))


async def test_who_did_what_is_never_erased(written: Tables) -> None:
    drop(written.entries[2], "act")
    written.entries[2][0]["has_act"] = False
    await erasure(written, (written.entries[2][0]["ledger_id"], "act"))
    assert (await verify(URL)).problems == ["entry 2: its act is gone, which no erasure takes"]


async def test_an_erasure_that_waits_to_be_sealed_explains_what_is_sealed(written: Tables) -> None:
    drop(written.entries[1], "question")
    await erasure(written, (written.entries[1][0]["ledger_id"], "question"))
    written.unsealed = [written.entries.pop()]
    written.unsealed[0][0]["leaf_index"] = 0  # its number in the queue
    written.signed.pop()
    result = await verify(URL)
    assert (result.problems, result.erased) == ([], 1)
    drop(written.unsealed[0], "erased")
    waits = written.unsealed[0][0]["ledger_id"]
    assert (await verify(URL)).problems == [
        f"unsealed entry {waits}: its erased is gone, which no erasure takes",
        "entry 1: question is gone, and no erasure says why",
    ]


async def test_an_erasure_that_cannot_be_read_is_a_problem(written: Tables) -> None:
    await erasure(written, said=[7])
    [problem] = (await verify(URL)).problems
    assert problem == "entry 3: what it says was erased cannot be read"


async def test_a_log_rewritten_from_the_start_differs_from_a_checkpoint(written: Tables) -> None:
    kept = Checkpoint(origin=SIGNER.name, size=2, root=written.signed[1].root)
    assert (await verify(URL, [held(kept)])).problems == []
    other = replace(kept, root=bytes(32))
    assert (await verify(URL, [held(other)])).problems == [
        "the log of 2 entries differs from the checkpoint held outside"
    ]


async def test_a_log_cut_off_before_a_checkpoint_does_not_hold(written: Tables) -> None:
    kept = Checkpoint(origin=SIGNER.name, size=3, root=written.tree.root)
    written.entries.pop()
    assert (await verify(URL)).problems == ["the log ends at 2, before its checkpoint of 3"]
    written.signed.pop()
    assert (await verify(URL)).problems == []
    assert (await verify(URL, [held(kept)])).problems == [
        "the log ends at 2, before the checkpoint held outside, 3"
    ]


async def test_a_record_that_is_not_durable_is_unavailable(tables: Tables) -> None:
    tables.error = psycopg.errors.DiskFull("no space")
    with pytest.raises(Unavailable, match="nothing was released") as raised:
        await Ledger(cast(Database, tables)).record(record(outcome="Opened"))
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
