"""Auditors: who was shown something, what somebody did, and what is hidden changes nothing of it."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from copilot.ledger import audit
from copilot.ledger.audit import Filters
from copilot.ledger.log import Ledger, append_all
from copilot.ledger.records import Kind, Tally
from policy.errors import BadInput, Unavailable
from policy.labels import Classification
from retrieval.identity import entity_id
from retrieval.stores.postgres.database import Role
from tests.integration.audited import (
    Log,
    S,
    U,
    answered,
    auditing,
    ingested,
    opened,
    passage,
    person,
    read,
    record,
    searched,
)
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio

ALDER = entity_id("t1", "alder shipping")
ZOE = person("zoe", Classification.TS)
"""Above the auditor, and with a name that comes after all others."""
ABE = person("abe", Classification.TS)


@pytest.fixture
async def log(database_url: str) -> AsyncIterator[Log]:
    async with auditing(database_url) as log:
        yield log


def names(found: Sequence[Tally]) -> list[str]:
    return [one.name for one in found]


async def test_those_saw_a_document_to_whom_it_was_shown_and_no_others(log: Log) -> None:
    answer, _, search, _, shown, *_ = await log.take(
        answered("ann", "d1", passed_on=("d2",)),
        record("bob", Kind.SEARCH, "Consulting", contexts=[passage("d1")]),
        searched("cy", "d1", "d3"),
        record("dot", Kind.SEARCH, "Denied", contexts=[]),
        read("eve", "d1"),
        read("fay", "d1", "NotFound"),
        ingested("gil", "d1"),
        record("hal", Kind.DELETE, "Deleted", deleted={"id": "d1", "parts": [], "labels": []}),
    )
    found = await log.who_saw(document="d1")
    assert names(found.people) == ["ann", "cy", "eve"]
    assert [one.ledger_id for one in found.page.entries] == [shown, search, answer]
    assert names((await log.who_saw(document="d2")).people) == []
    assert names((await log.who_saw(document="d3")).people) == ["cy"]


async def test_who_was_given_a_document_and_never_an_end_is_told_until_there_is_one(
    log: Log,
) -> None:
    """A process was killed, or is at it: nobody knows what of it has been read."""
    [killed, going] = await log.take(opened("ann", "d1", "d2"), opened("bob", "d1", "d2"))
    seen = await log.who_saw(document="d1")
    assert [one.ledger_id for one in seen.page.entries] == [going, killed]
    assert [one.outcome for one in seen.page.entries] == ["Opened", "Opened"]
    assert names((await log.who_saw(label=U)).people) == ["ann", "bob"]
    [end] = await log.take(answered("bob", "d2", passed_on=("d1",), opening=going))
    assert names((await log.who_saw(document="d1")).people) == ["ann"]
    seen = await log.who_saw(document="d2")
    assert [one.ledger_id for one in seen.page.entries] == [end, killed]


async def test_what_was_erased_of_an_opening_that_ended_brings_it_not_back(
    log: Log, owner: Owner
) -> None:
    [going] = await log.take(opened("ann", "d1"))
    await log.take(answered("ann", "d2", opening=going))
    owner.execute("DELETE FROM ledger_openings WHERE ledger_id = %s AND name = 'answer'", [going])
    assert (await log.who_saw(document="d1")).people == ()


async def test_the_ledger_of_a_document_has_all_that_was_done_with_it(log: Log) -> None:
    answer, _, attempt, brought, deleted, relabelled = await log.take(
        answered("ann", "d1"),
        searched("bob", "d2"),
        read("fay", "d1", "NotFound"),
        ingested("gil", "d1"),
        record("hal", Kind.DELETE, "Deleted", deleted={"id": "d1", "parts": [], "labels": []}),
        record(
            "hal",
            Kind.RELABEL,
            "Relabelled",
            relabelled={"id": "d1", "after": {"label": S.to_json()}},
        ),
    )
    assert await log.ids(document="d1") == [relabelled, deleted, brought, attempt, answer]
    assert await log.ids(document="d1", sub="hal") == [relabelled, deleted]
    assert await log.ids(document="d1", kind="ingest") == [brought]
    assert await log.ids(document="d1", outcome="NotFound") == [attempt]
    assert await log.ids(label=S) == [relabelled]


async def test_who_saw_an_entity_goes_by_its_id_and_by_its_name(log: Log) -> None:
    await log.take(
        answered("ann", "d1", entity=ALDER),
        record("bob", Kind.READ, "Entity", entity="alder", read=[], entities_shown=[ALDER]),
        answered("cy", "d1"),
    )
    for asked in (ALDER, "Alder Shipping Ltd", "alder SHIPPING"):
        assert names((await log.who_saw(entity=asked)).people) == ["ann", "bob"]
    assert names((await log.who_saw(entity="Kestrel")).people) == []


async def test_who_saw_a_label_means_just_that_label(log: Log) -> None:
    await log.take(searched("ann", "d1", label=S), searched("bob", "d1", label=U))
    assert names((await log.who_saw(label=S)).people) == ["ann"]
    assert names((await log.who_saw(label=U)).people) == ["bob"]


async def test_filters_together_leave_what_has_all_of_it(log: Log) -> None:
    both, *_ = await log.take(
        answered("ann", "d1", "d2", entity=ALDER, label=S),
        answered("ann", "d1", entity=ALDER),
        answered("bob", "d1", "d2", label=S),
        searched("ann", "d2", label=S),
    )
    assert await log.ids(document="d1", entity=ALDER, label=S) == [both]
    assert await log.ids(document="d2", entity=ALDER, sub="ann", model="extractive-1") == [both]
    assert await log.ids(document="d2", entity=ALDER, sub="bob") == []


async def test_times_bound_what_is_seen_counted_and_listed(log: Log) -> None:
    first, second, third = await log.take(*(searched("ann", "d1") for _ in range(3)))
    page = await log.audit.page(await log.scope(), Filters(), first=9)
    at = {one.ledger_id: one.recorded_at for one in page.entries}
    between: dict[str, Any] = {"since": at[second], "until": at[third]}
    assert await log.ids(**between) == [second]
    assert await log.ids(document="d1", **between) == [second]
    [seen] = (await log.who_saw(document="d1", **between)).people
    [done] = (await log.what_did("ann", **between)).kinds
    assert (seen.acts, seen.first_at, seen.last_at) == (1, at[second], at[second])
    assert (done.acts, done.first_at, done.last_at) == (1, at[second], at[second])
    [whole] = (await log.who_saw(document="d1")).people
    assert (whole.acts, whole.first_at, whole.last_at) == (3, at[first], at[third])


async def test_what_somebody_did_comes_by_kind_with_their_entries(log: Log) -> None:
    mine = await log.take(searched("ann", "d1"), answered("ann", "d1"), searched("ann", "d2"))
    await log.take(searched("bob", "d1"))
    found = await log.what_did("ann")
    assert [(one.name, one.acts, one.more) for one in found.kinds] == [
        ("ask", 1, False),
        ("search", 2, False),
    ]
    assert [one.ledger_id for one in found.page.entries] == mine[::-1]
    nobody = await log.what_did("nobody")
    assert (nobody.kinds, nobody.page.entries) == ((), ())


async def test_more_acts_than_are_counted_are_said_to_be_more(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST_COUNTED", 2)
    first, *_ = await log.take(*(searched("ann", "d1") for _ in range(3)))
    [seen] = (await log.who_saw(document="d1")).people
    [done] = (await log.what_did("ann")).kinds
    entry = (await log.audit.entry(await log.scope(), first)).entries[0]
    for one in (seen, done):
        assert (one.acts, one.more, one.first_at) == (2, True, entry.recorded_at)


async def test_people_and_entries_come_in_pages_each_once(log: Log) -> None:
    subs = [f"p{number}" for number in range(7)]
    ids = await log.take(*(searched(sub, "d1") for sub in subs for _ in range(2)))
    people: list[str] = []
    entries: list[str] = []
    person_: str | None = ""
    entry: str | None = None
    while True:
        found = await log.who_saw(3, document="d1", after_person=person_, after=entry)
        if person_ is not None:
            people += names(found.people)
            person_ = found.next_person
        entries += [one.ledger_id for one in found.page.entries]
        entry = found.page.next_cursor
        if entry is None:
            break
    assert people == subs
    assert entries == ids[::-1]


async def everything(log: Log) -> list[object]:
    """All that can be asked, by one auditor."""
    scope = await log.scope()
    every: list[dict[str, Any]] = [
        {},
        {"sub": "ann"},
        {"kind": "ask"},
        {"document": "d1"},
        {"document": "d1", "sub": "ann"},
        {"model": "extractive-1", "outcome": "Answer"},
    ]
    return [
        await log.who_saw(2, document="d1"),
        await log.who_saw(2, document="d1", after_person="ann"),
        await log.who_saw(entity=ALDER),
        await log.who_saw(label=U),
        await log.what_did("ann"),
        await log.what_did("zoe"),
        *[await log.audit.page(scope, Filters(**filters), first=3) for filters in every],
    ]


async def test_what_is_hidden_changes_nothing_that_an_auditor_is_told(log: Log) -> None:
    seen = [answered(sub, "d1", entity=ALDER) for sub in ("ann", "bob", "cy")]
    await log.take(*seen, *seen)
    before = await everything(log)
    secret, *_ = await log.take(
        *(answered(who, "d1", entity=ALDER) for who in (ABE, ZOE, person("ann", Classification.TS)))
    )
    assert await everything(log) == before
    high = await log.scope(Classification.TS)
    assert names((await log.audit.who_saw(high, Filters(document="d1"), first=9)).people) == [
        *("abe", "ann", "bob", "cy", "zoe"),
    ]
    assert (await log.audit.entry(high, secret)).entries
    low = await log.scope()
    assert await log.audit.entry(low, secret) == await log.audit.entry(low, "no-such")


@pytest.mark.parametrize("cursor", ["secret", "no-such"])
async def test_a_cursor_that_one_cannot_have_is_refused_like_one_that_is_none(
    log: Log, cursor: str
) -> None:
    [secret] = await log.take(searched(ZOE, "d1"))
    given = secret if cursor == "secret" else cursor
    with pytest.raises(BadInput, match="`after` is no cursor of this list; leave it out"):
        await log.who_saw(document="d1", after=given)


async def test_what_was_erased_is_not_found_by_what_it_said(log: Log, owner: Owner) -> None:
    erased, kept = await log.take(answered("ann", "d1"), answered("ann", "d1"))
    owner.execute("DELETE FROM ledger_openings WHERE ledger_id = %s AND name = 'answer'", [erased])
    assert [one.ledger_id for one in (await log.who_saw(document="d1")).page.entries] == [kept]
    assert await log.ids(model="extractive-1") == [kept, erased]
    assert await log.ids(sub="ann") == [kept, erased]
    owner.execute("DELETE FROM ledger_openings WHERE ledger_id = %s", [erased])
    assert await log.ids(model="extractive-1") == [kept]
    owner.execute("DELETE FROM ledger_acts WHERE ledger_id = %s", [kept])
    assert (await log.who_saw(document="d1")).people == ()
    assert await log.ids(sub="ann") == [erased]
    owner.execute("DELETE FROM ledger_acts")
    for table in ("ledger_timeline", "ledger_touched"):
        assert owner.execute(f"SELECT * FROM {table}".encode()).fetchall() == []


@pytest.mark.parametrize("name", ["d\x00", "d\\u0000", "d'; --", "é" * 400])
async def test_any_name_is_recorded_and_found_again(log: Log, name: str) -> None:
    [given] = await log.take(read("ann", name))
    if "\x00" not in name:  # which nobody can ask for
        assert [one.ledger_id for one in (await log.who_saw(document=name)).page.entries] == [given]


async def test_details_of_another_shape_are_recorded_all_the_same(log: Log) -> None:
    odd: dict[str, Any] = {"contexts": None, "answer": "none", "model": None, "consulted": {}}
    [given] = await log.take(record("ann", Kind.ASK, "Answer", **odd))
    assert await log.ids(sub="ann") == [given]


async def test_the_index_is_just_what_the_records_say(log: Log, owner: Owner) -> None:
    """However they came in: one by one, or many together."""
    await log.take(answered("ann", "d1", entity=ALDER), ingested("gil", "d1"))
    label_id = await Ledger(log.database).label_id(record("bob", Kind.ASK, "Opened").label)
    many = [(searched("bob", "d1", f"d{n}"), label_id) for n in range(5)]
    async with log.database.transaction(Role.LEDGER) as connection:
        await append_all(connection, many)
    derived = "SELECT * FROM ledger_things(ARRAY(SELECT ledger_id FROM ledger_acts)) ORDER BY 1, 4"
    stored = "SELECT * FROM ledger_touched ORDER BY thing, ledger_id"
    rows = owner.execute(stored.encode()).fetchall()
    assert rows == owner.execute(derived.encode()).fetchall()
    assert len(rows) > len(many)
    dated = owner.execute(
        """SELECT count(*) AS n FROM ledger_timeline t
           JOIN ledger_entries e USING (ledger_id, recorded_at, tenant, label_id)
           JOIN ledger_acts a USING (ledger_id, sub, kind, outcome)"""
    ).fetchone()
    assert dated == {"n": 7}


async def test_a_record_that_is_taken_back_leaves_nothing_in_the_index(
    log: Log, owner: Owner
) -> None:
    label_id = await Ledger(log.database).label_id(record("bob", Kind.ASK, "Opened").label)

    async def broken() -> None:
        async with log.database.transaction(Role.LEDGER) as connection:
            await append_all(connection, [(searched("bob", "d1"), label_id)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    assert owner.execute("SELECT * FROM ledger_touched").fetchall() == []


async def test_times_of_the_future_and_the_past_bound_nothing_else(log: Log) -> None:
    [given] = await log.take(searched("ann", "d1"))
    now = datetime.now(UTC)
    assert await log.ids(until=now + timedelta(days=1)) == [given]
    assert await log.ids(since=now + timedelta(days=1)) == []


@pytest.mark.parametrize(
    "change",
    [
        """UPDATE ledger_openings SET value = convert_to(replace(convert_from(value, 'UTF8'), 'a', 'b'), 'UTF8')
           WHERE name = 'act'""",
        "UPDATE ledger_openings SET salt = decode(repeat('00', 16), 'hex') WHERE name = 'index'",
        "UPDATE ledger_acts SET outcome = 'Forgotten'",
        "UPDATE ledger_acts SET sub = 'zoe' WHERE sub = 'ann'",
    ],
)
async def test_nothing_that_was_changed_is_shown(log: Log, database_url: str, change: str) -> None:
    [ledger_id] = await log.take(answered("ann", "d"))
    assert await log.ids() == [ledger_id]
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(b"SET session_replication_role = replica")
        owner.execute(change.encode())
    with pytest.raises(Unavailable, match="not what was recorded"):
        await log.ids()
