"""Whoever asks before a deletion and is recorded after it: what is kept is what would be left of an earlier record."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import uuid4

import anyio
import pytest

from copilot.acts import Copilot
from copilot.ledger.log import Ledger, Record, StoredAnswer
from copilot.ledger.records import Kind
from copilot.ledger.verify import verify
from copilot.results import SearchResult
from policy.labels import Label
from retrieval.stores.postgres.database import Database
from tests.integration.audited import record
from tests.integration.erased import found, said
from tests.integration.test_erasure import (
    ANN,
    LOW,
    OTHER,
    QUESTION,
    TEXT,
    TITLE,
    U,
    answered,
    deleted,
    document,
    some_seconds_pass,
    somebody_waits,
)
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio

NAMES = "SELECT name FROM ledger_openings WHERE ledger_id = %s"


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def deleting_first(copilot: Copilot, monkeypatch: pytest.MonkeyPatch, outcome: str) -> list[str]:
    """The document goes just before the first record of that outcome, whose id it gives then."""
    records, ids = copilot._pipeline._ledger, list[str]()
    write = records.record

    async def late(one: Record, answer: Any = None) -> str:
        first = one.outcome == outcome and not ids
        if first:
            await deleted(copilot)
        ids.extend([await write(one, answer)] if first else [])
        return ids[0] if first else await write(one, answer)

    monkeypatch.setattr(records, "record", late)
    return ids


def asked(began: float | None = None, kind: Kind = Kind.ASK, **told: Any) -> Record:
    """A record of an act that began then, in seconds since the epoch, or does not say when."""
    when = {} if began is None else {"decided": {"between_us": [int(began * 1e6)] * 2}}
    return record(ANN, kind, "BrokenOff", **{"question": QUESTION, **told}, **when)


def kept() -> StoredAnswer:
    body = {"text": "Elsa Vance.", "rests_on": []}
    return StoredAnswer(answer_id=uuid4().hex, label_ids=(), body=body)


def names(owner: Owner, ledger_id: str) -> set[str]:
    return {row["name"] for row in owner.execute(NAMES, [ledger_id]).fetchall()}


@pytest.mark.parametrize("outcome", ["Opened", "Answer", "BrokenOff"])
async def test_nothing_of_it_is_left_whichever_record_comes_late(
    copilot: Copilot,
    database_url: str,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
    outcome: str,
) -> None:
    await copilot.ingest(ANN, [document("a"), document("b", OTHER, title="")])
    late = deleting_first(copilot, monkeypatch, outcome)
    given = copilot.ask_stream(ANN, QUESTION)
    assert isinstance(given, AsyncGenerator)
    async with aclosing(given) as stream:
        async for _ in stream:
            if outcome == "BrokenOff":
                break
    [ledger_id] = late
    assert not {"question", "plan", "answer"} & names(owner, ledger_id)
    assert found(said(database_url), TEXT, TITLE) == set()
    assert (await verify(database_url)).problems == []


async def test_nothing_of_it_is_left_of_a_search(
    copilot: Copilot, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await copilot.ingest(ANN, [document("a")])
    assert deleting_first(copilot, monkeypatch, "SearchResult") == []
    assert isinstance(await copilot.search(ANN, QUESTION), SearchResult)
    assert found(said(database_url), TEXT, TITLE) == set()


async def test_a_question_that_is_asked_anew_keeps_its_words(
    copilot: Copilot, owner: Owner, database_url: str
) -> None:
    await copilot.ingest(ANN, [document("a"), document("b", OTHER, label=U, title="")])
    await deleted(copilot)
    some_seconds_pass(owner)
    outcome = await copilot.search(ANN, QUESTION)
    assert isinstance(outcome, SearchResult)
    assert outcome.ledger_id is not None
    assert {"question", "plan", "contexts"} <= names(owner, outcome.ledger_id)
    assert (await verify(database_url)).problems == []


async def test_whoever_could_not_read_it_has_their_words_from_elsewhere(
    copilot: Copilot, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await copilot.ingest(ANN, [document("a"), document("open", label=U, title="")])
    late = deleting_first(copilot, monkeypatch, "Answer")
    given = await answered(copilot, who=LOW)
    assert late == [given.ledger_id]
    assert {"question", "plan", "contexts", "answer"} <= names(owner, given.ledger_id)
    assert (await copilot.answer(LOW, given.answer_id)).kind == "Answer"


async def test_what_goes_is_what_would_have_gone_of_an_earlier_record(
    copilot: Copilot, ledger: Ledger, owner: Owner
) -> None:
    """Asked before or after makes no difference: not for a word more, nor for one less."""
    await copilot.ingest(ANN, [document("a")])
    other, answer = "Who keeps the books?", [{"text": TEXT, "citations": []}]
    rest = {"plan": {"terms": ["books"]}, "unnamed": [], "consulted": [], "contexts": []}
    told: list[dict[str, Any]] = [
        rest,
        rest | {"question": other},
        rest | {"question": other, "plan": {"terms": [QUESTION]}},
        rest | {"question": other, "unnamed": [QUESTION]},
        rest | {"question": other, "consulted": [{"said": [QUESTION]}]},
        rest | {"question": other, "reason": QUESTION},
        rest | {"question": other, "answer": answer},
    ]
    began = time.time()
    early = [await ledger.record(asked(began, **one), kept()) for one in told]
    await deleted(copilot)
    late = [await ledger.record(asked(began, **one), kept()) for one in told]
    assert [names(owner, one) for one in late] == [names(owner, one) for one in early]
    rows = owner.execute("SELECT ledger_id FROM answers").fetchall()
    stored = {row["ledger_id"] for row in rows}
    assert [one in stored for one in late] == [one in stored for one in early]
    assert {late[0], late[2]}.isdisjoint(stored)
    assert late[1] in stored
    assert names(owner, late[1]) >= {"question", *rest}
    assert "reason" not in names(owner, late[5])


@pytest.mark.parametrize("kind", [Kind.DENIED, Kind.FAILED, Kind.ASK])
async def test_an_act_that_does_not_say_when_it_began_may_have_begun_before(
    copilot: Copilot, ledger: Ledger, owner: Owner, kind: Kind
) -> None:
    await copilot.ingest(ANN, [document("a")])
    await deleted(copilot)
    assert "question" not in names(owner, await ledger.record(asked(kind=kind)))
    owner.execute("UPDATE erased_texts SET closed_at = closed_at - interval '61 minutes'")
    assert "question" in names(owner, await ledger.record(asked(kind=kind)))


async def test_a_record_that_waits_for_the_deletion_to_end_keeps_nothing(
    copilot: Copilot, ledger: Ledger, database_url: str, owner: Owner
) -> None:
    """It comes after the last look at the ledger, and before what was looked for is there for others to see."""
    await copilot.ingest(ANN, [document("a")])
    await ledger.label_id(asked().label)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            with owner.transaction():
                owner.execute("LOCK TABLE erased_openings IN EXCLUSIVE MODE")
                tasks.start_soon(deleted, copilot)
                await somebody_waits(owner)
                tasks.start_soon(ledger.record, asked(time.time()))
                await somebody_waits(owner, "locktype = 'advisory' AND objid = 7210020")
    assert found(said(database_url), TEXT, TITLE) == set()


async def test_of_the_words_hashes_are_kept_for_an_hour_and_no_longer(
    copilot: Copilot, owner: Owner
) -> None:
    await copilot.ingest(ANN, [document("a"), document("b", OTHER, title="")])
    await deleted(copilot)
    count = (
        "SELECT sum(cardinality(hashes)) AS n, count(DISTINCT erasure_id) AS of FROM erased_runs"
    )
    [first] = owner.execute(count).fetchall()
    assert first["n"] > 0
    owner.execute("UPDATE erased_texts SET closed_at = closed_at - interval '61 minutes'")
    await deleted(copilot, "b")
    [then] = owner.execute(count).fetchall()
    assert then["of"] == first["of"] == 1
    assert 0 < then["n"] < first["n"]


async def test_all_runs_of_a_long_text_are_known_again(
    copilot: Copilot, ledger: Ledger, owner: Owner
) -> None:
    await copilot.ingest(ANN, [document("a")])
    words = [f"w{n}" for n in range(2_000)]
    owner.execute("UPDATE parts SET text = %s", [" ".join(words)])
    began = time.time()
    await deleted(copilot)
    assert len(owner.execute("SELECT FROM erased_runs").fetchall()) > 4
    for at in range(0, 1_993, 83):
        quoting = asked(began, question=" ".join(words[at : at + 8]))
        assert "question" not in names(owner, await ledger.record(quoting))
    seven = asked(began, question=" ".join(words[:7]))
    assert "question" in names(owner, await ledger.record(seven))


async def test_another_tenants_record_is_not_looked_at(
    copilot: Copilot, ledger: Ledger, owner: Owner
) -> None:
    await copilot.ingest(ANN, [document("a")])
    began = time.time()
    await deleted(copilot)
    elsewhere = replace(
        asked(began), label=Label(tenant="t2", classification=ANN.principal.clearance)
    )
    assert "question" in names(owner, await ledger.record(elsewhere))
