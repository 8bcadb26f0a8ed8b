"""Break-glass: nothing opens for one person alone, nothing beyond what was asked for, and all of it is shown."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from copilot.break_glass import DEMO_OPERATOR
from copilot.ledger.verify import verify
from copilot.results import AccessGrant, Denied, GrantState
from copilot.settings import Settings
from policy.errors import BadInput, Forbidden
from policy.labels import Classification, Label
from policy.principal import Asker, Authority
from tests.integration.test_taking_access import (
    INGESTER,
    ROOT,
    TEXTS,
    Two,
    asker,
    document,
    opened_twice,
    readable,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

BEN = asker("ben", "analyst", clearance="C")
EVE = asker("eve", "auditor", clearance="U")
REASON = "The ferry is adrift; a rendezvous point is in the file."
SECRET = Label(tenant="t1", classification=Classification.S, compartments=frozenset(["LANTERN"]))
BEYOND = {
    "ts": Label(tenant="t1", classification=Classification.TS, compartments=frozenset(["LANTERN"])),
    "other": Label(tenant="t1", classification=Classification.S, compartments=frozenset(["KITE"])),
    "nation": Label(tenant="t1", classification=Classification.U, releasable_to=frozenset(["GBR"])),
    "law": Label(tenant="t1", classification=Classification.U, authorities=frozenset(["FISA"])),
}


@pytest.fixture
async def two(settings: Settings, database_url: str) -> AsyncIterator[Two]:
    """Documents that no clearance alone opens, each taken in by somebody who holds just its label."""
    async with opened_twice(settings, database_url) as two:
        for name, label in {"secret": SECRET, **BEYOND}.items():
            holds = replace(
                INGESTER.principal,
                compartments=label.compartments,
                nationality="GBR",
                authorities=frozenset(Authority(name=one) for one in label.authorities),
            )
            given = [document(name, f"{TEXTS[0]} {name}", label)]
            report = await two.here.ingest(replace(INGESTER, principal=holds), given)
            assert report.ingested == 1
        yield two


async def asked(two: Two, who: Asker = BEN, **changed: Any) -> AccessGrant:
    given: dict[str, Any] = {
        "clearance": Classification.S,
        "compartments": ["LANTERN"],
        "minutes": 30,
        "reason": REASON,
    }
    return await two.here.administration.request_access(who, **(given | changed))


async def test_two_people_open_what_was_asked_for_and_no_more(two: Two) -> None:
    grant = await asked(two)
    assert grant.state is GrantState.PENDING
    assert not await readable(two.here, BEN, "secret")
    approved = await two.here.administration.approve_access(ROOT, grant.grant_id)
    assert (approved.state, approved.approved_by) == (GrantState.ACTIVE, "root")
    assert approved.not_after is not None
    assert approved.approved_at is not None
    lasts = (approved.not_after - approved.approved_at).total_seconds()
    assert 30 * 60 - 1 <= lasts <= 30 * 60

    async def opens() -> bool:
        return await readable(two.there, BEN, "secret")

    await two.holds_there(opens)
    for name in BEYOND:
        assert not await readable(two.there, BEN, name)
    assert not await readable(two.there, asker("cat", "analyst", clearance="C"), "secret")


@pytest.mark.parametrize("who", [BEN, ROOT], ids=["who asked", "who approved"])
async def test_either_of_them_ends_it_at_once(two: Two, who: Asker) -> None:
    grant = await asked(two)
    await two.here.administration.approve_access(ROOT, grant.grant_id)
    assert await readable(two.here, BEN, "secret")
    silent = replace(who, reason="")
    ended = await two.here.administration.end_access(silent, grant.grant_id)
    assert (ended.state, ended.ended_by) == (GrantState.ENDED, who.principal.sub)

    async def closed() -> bool:
        return not await readable(two.there, BEN, "secret")

    await two.holds_there(closed)
    assert not await readable(two.here, BEN, "secret")
    with pytest.raises(BadInput, match="no open request"):
        await two.here.administration.approve_access(ROOT, grant.grant_id)
    with pytest.raises(BadInput, match="no open request"):
        await two.here.administration.end_access(ROOT, grant.grant_id)


async def test_it_closes_by_itself_when_its_time_is_over(two: Two, database_url: str) -> None:
    grant = await asked(two)
    await two.here.administration.approve_access(ROOT, grant.grant_id)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(
            "UPDATE grants SET not_after = date_trunc('second', now()) + interval '2 seconds'"
        )

    async def closed() -> bool:
        return not await readable(two.there, BEN, "secret")

    await two.holds_there(lambda: readable(two.there, BEN, "secret"))
    await two.holds_there(closed, within_s=3)
    await nothing_is_open(two, grant)


async def test_a_request_that_nobody_approved_within_hours_lapses(
    two: Two, database_url: str
) -> None:
    grant = await asked(two)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("UPDATE grants SET requested_at = now() - interval '20 hours'")
    await nothing_is_open(two, grant)


async def nothing_is_open(two: Two, grant: AccessGrant) -> None:
    act = two.here.administration
    assert [one.state for one in (await act.access_grants(EVE)).grants] == [GrantState.LAPSED]
    for step in (act.approve_access, act.end_access):
        with pytest.raises(BadInput, match="no open request"):
            await step(ROOT, grant.grant_id)


async def test_nobody_opens_it_for_themselves(two: Two) -> None:
    both = asker("ben", "analyst", "admin", clearance="C")
    grant = await asked(two, both)
    with pytest.raises(Forbidden, match="two people"):
        await two.here.administration.approve_access(both, grant.grant_id)
    assert not await readable(two.here, both, "secret")


@pytest.mark.parametrize(
    ("asks", "approves"), [("op", "op"), ("root", None), (None, "ben"), ("op", "ben")]
)
async def test_one_operator_is_not_two_people(
    two: Two, asks: str | None, approves: str | None
) -> None:
    grant = await asked(two, replace(BEN, impersonated_by=asks))
    with pytest.raises(Forbidden, match="two people"):
        await two.here.administration.approve_access(
            replace(ROOT, impersonated_by=approves), grant.grant_id
        )


async def test_in_the_demo_one_person_plays_them_all(two: Two) -> None:
    grant = await asked(two, replace(BEN, impersonated_by=DEMO_OPERATOR))
    approver = replace(ROOT, impersonated_by=DEMO_OPERATOR)
    approved = await two.here.administration.approve_access(approver, grant.grant_id)
    assert approved.state is GrantState.ACTIVE


@pytest.mark.parametrize("minutes", [0, -5, 241, 10_000])
async def test_more_than_four_hours_or_no_time_is_denied(two: Two, minutes: int) -> None:
    with pytest.raises(Forbidden, match="four hours"):
        await asked(two, minutes=minutes)
    assert (await two.here.administration.access_grants(EVE)).grants == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": "x" * 3000},
        {"compartments": ["a\nb"]},
        {"compartments": [""]},
        {"authorities": ["x"] * 51},
    ],
)
async def test_what_cannot_be_meant_is_bad_input(two: Two, changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        await asked(two, **changed)


async def test_without_a_reason_nothing_is_asked_for(two: Two) -> None:
    with pytest.raises(Forbidden, match="reason"):
        await asked(two, reason=" ")


async def test_it_is_of_one_tenant_alone(two: Two) -> None:
    grant = await asked(two)
    stranger = asker("root", "admin", tenant="t2")
    with pytest.raises(BadInput, match="no open request"):
        await two.here.administration.approve_access(stranger, grant.grant_id)
    with pytest.raises(BadInput, match="no open request"):
        await two.here.administration.end_access(stranger, grant.grant_id)
    foreign = asker("eve", "auditor", tenant="t2")
    assert (await two.here.administration.access_grants(foreign)).grants == ()
    await two.here.administration.approve_access(ROOT, grant.grant_id)
    assert not await readable(
        two.here, asker("ben", "analyst", clearance="C", tenant="t2"), "secret"
    )


async def test_only_administrators_approve_and_only_auditors_look(two: Two) -> None:
    grant = await asked(two)
    for who in (EVE, asker("cat", "analyst", "ingester")):
        for given_id in (grant.grant_id, "absent"):
            with pytest.raises(Forbidden):
                await two.here.administration.approve_access(who, given_id)
            with pytest.raises(Forbidden):
                await two.here.administration.end_access(who, given_id)
    for who in (EVE, ROOT):
        shown = await two.here.administration.access_grants(who)
        assert [one.grant_id for one in shown.grants] == [grant.grant_id]
    with pytest.raises(Forbidden):
        await two.here.administration.access_grants(BEN)


async def test_the_database_itself_wants_two_people_and_a_limit(
    two: Two, database_url: str
) -> None:
    await asked(two)
    for change in (
        "approved_by = sub, approved_at = now(), not_after = now()",
        "approved_by = 'root', approved_at = now(), not_after = now() + interval '31 minutes'",
        "seconds = 14401",
        "approved_by = 'root'",
    ):
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            with pytest.raises(psycopg.errors.CheckViolation):
                await connection.execute(f"UPDATE grants SET {change}".encode())


async def test_a_grant_neither_lifts_a_revocation_nor_a_role(two: Two) -> None:
    grant = await asked(two)
    await two.here.administration.approve_access(ROOT, grant.grant_id)
    await two.here.administration.revoke(ROOT, "ben", "misused it")
    assert isinstance(await two.here.document(BEN, "secret"), Denied)
    with pytest.raises(Forbidden):
        await two.here.ledger(BEN)


async def test_every_step_and_every_act_under_it_is_shown_to_every_auditor(
    two: Two, database_url: str
) -> None:
    grant = await asked(two)
    await two.here.administration.approve_access(ROOT, grant.grant_id)
    await two.here.document(BEN, "secret")
    await two.here.search(BEN, "Who owns Alder Shipping?")
    await two.here.administration.end_access(BEN, grant.grant_id)
    await two.here.search(BEN, "Who owns Alder Shipping?")
    pages = [await two.here.ledger(EVE, kind=kind) for kind in ("break_glass", "approval")]
    entries = [one for page in pages for one in page.entries]
    steps = [(one.outcome, one.sub) for one in entries]
    assert steps == [("Ended", "ben"), ("Requested", "ben"), ("Approved", "root")]
    for entry in entries:
        assert entry.details is not None
        assert entry.details["grant_reason"] == REASON
        assert entry.details["grant"]["grant_id"] == grant.grant_id
    under = await acts_under(database_url)
    assert [named for _, kind, named in under if kind in ("read", "search")][:3] == [
        [grant.grant_id],
        [grant.grant_id],
        None,
    ]
    assert (await verify(database_url)).problems == []


async def test_a_failed_act_under_a_grant_is_recorded_as_high_as_the_grant(
    two: Two, database_url: str
) -> None:
    grant = await asked(two)
    await two.here.administration.approve_access(ROOT, grant.grant_id)
    with pytest.raises(BadInput):
        await two.here.search(BEN, "Where is the LANTERN rendezvous?", 5000)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        cursor = await connection.execute(
            """SELECT l.value->'compartments', convert_from(o.value, 'UTF8')::json->'break_glass'
               FROM ledger_acts a JOIN labels l USING (label_id) JOIN ledger_openings o USING (ledger_id)
               WHERE a.kind = 'failed' AND o.name = 'act'"""
        )
        assert await cursor.fetchall() == [(["LANTERN"], [grant.grant_id])]


async def acts_under(url: str) -> list[tuple[int, str, Any]]:
    """Position, kind and the grants named, in order, of what ben did."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(
            """SELECT e.recorded_at, convert_from(o.value, 'UTF8') FROM ledger_entries e
               JOIN ledger_openings o USING (ledger_id) JOIN ledger_acts a USING (ledger_id)
               WHERE o.name = 'act' AND a.sub = 'ben' ORDER BY e.recorded_at"""
        )
        acts = [(position, json.loads(value)) for position, value in await cursor.fetchall()]
    return [(position, act["kind"], act.get("break_glass")) for position, act in acts]


async def test_the_grants_page_without_gap_or_repetition(two: Two) -> None:
    made = [(await asked(two)).grant_id for _ in range(5)]
    seen: list[str] = []
    after = None
    while True:
        page = await two.here.administration.access_grants(EVE, first=2, after=after)
        seen += [one.grant_id for one in page.grants]
        after = page.next_cursor
        if after is None:
            break
    assert seen == made[::-1]
