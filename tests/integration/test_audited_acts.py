"""What people do in the product, as an auditor finds it: by document, entity, label and person; itself recorded."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.ledger.audit import Filters
from copilot.ledger.records import Kind
from copilot.results import Answer, DocumentView, EntityPage, SearchResult
from copilot.settings import Settings
from policy.errors import BadInput, Forbidden, Unavailable
from policy.labels import Classification, Label
from tests.integration.test_records_of_reads import (
    ANN,
    AUDITOR,
    HARBOR,
    LOW,
    OPEN,
    OUTSIDE,
    PEER,
    QUESTION,
    SECRET,
    SEEN,
    S,
    asker,
    document,
    take,
)

pytestmark = pytest.mark.anyio

Asking = Callable[[Copilot], Awaitable[object]]
BOB = asker("bob", Classification.U)


@pytest.fixture
async def copilot(settings: Settings) -> AsyncIterator[Copilot]:
    """A document with an open and a closed part, and one of which only some may know the id."""
    async with build(settings) as opened:
        await take(opened, document("crew", (SEEN, OPEN), (HARBOR, SECRET), title="Crew list"))
        await take(opened, document("tip", (SEEN, "Elsa Vance sold the tug Heron."), of=S))
        yield opened


async def saw(copilot: Copilot, who: Any = AUDITOR, **given: Any) -> list[str]:
    found = await copilot.auditing.who_saw(who, Filters(**given))
    assert {one.sub for one in found.page.entries} == {one.name for one in found.people}
    return [one.name for one in found.people]


async def test_an_auditor_finds_who_was_shown_a_document(copilot: Copilot) -> None:
    assert isinstance(await copilot.ask(ANN, QUESTION), Answer)
    assert isinstance(await copilot.document(LOW, "crew"), DocumentView)
    assert isinstance(await copilot.search(PEER, QUESTION), SearchResult)
    await copilot.document(BOB, "no-such")
    assert await saw(copilot, document="crew") == ["ann", "low", "peer"]
    assert await saw(copilot, label=HARBOR) == ["ann", "peer"]
    assert await saw(copilot, OUTSIDE, document="crew") == ["low"]
    assert await saw(copilot, OUTSIDE, label=HARBOR) == []
    assert await saw(copilot, document="no-such") == []
    ingested = await copilot.auditing.ledger(AUDITOR, Filters(document="crew", kind="ingest"))
    assert [one.sub for one in ingested.entries] == ["ann"]


async def test_who_knows_a_document_by_its_part_alone_is_found_by_the_document(
    copilot: Copilot,
) -> None:
    found = await copilot.search(LOW, "Who sold the tug Heron?", 3)
    assert isinstance(found, SearchResult)
    assert "tip" not in {one.chunk.document_id for one in found.contexts}
    assert await saw(copilot, document="tip") == ["low"]


async def test_an_auditor_finds_who_was_shown_an_entity(copilot: Copilot) -> None:
    await copilot.entity(LOW, "Anton Drell")
    page = await copilot.entities(PEER, "Drell")
    assert isinstance(page, EntityPage)
    assert isinstance(await copilot.ask(ANN, "Who owns Kestrel Holdings Ltd?"), Answer)
    assert await saw(copilot, entity="Anton Drell") == ["ann", "low", "peer"]
    assert await saw(copilot, entity=page.entities[0].entity_id) == ["ann", "low", "peer"]
    assert await saw(copilot, entity="Elsa Vance") == []


async def test_what_somebody_did_is_told_by_kind(copilot: Copilot) -> None:
    await copilot.search(PEER, QUESTION)
    await copilot.document(PEER, "crew")
    await copilot.document(PEER, "no-such")
    found = await copilot.auditing.what_did(AUDITOR, Filters(sub="peer"))
    assert [(one.name, one.acts) for one in found.kinds] == [("read", 2), ("search", 1)]
    assert [one.outcome for one in found.page.entries] == ["NotFound", "Document", "SearchResult"]


ASKED: dict[str, Asking] = {
    "LedgerPage": lambda one: one.auditing.ledger(AUDITOR, Filters(document="crew")),
    "LedgerEntry": lambda one: one.auditing.entry(AUDITOR, "no-such"),
    "WhoSaw": lambda one: one.auditing.who_saw(AUDITOR, Filters(document="crew")),
    "WhatDid": lambda one: one.auditing.what_did(AUDITOR, Filters(sub="ann")),
}


@pytest.mark.parametrize("outcome", ASKED)
async def test_what_an_auditor_asks_is_recorded_with_what_it_showed(
    copilot: Copilot, outcome: str
) -> None:
    await copilot.document(ANN, "crew")
    await ASKED[outcome](copilot)
    [last] = (await copilot.auditing.ledger(AUDITOR, Filters(outcome=outcome), first=1)).entries
    assert (last.kind, last.sub) == (Kind.READ, "auditor")
    assert last.details is not None
    said = last.details[
        {"LedgerPage": "ledger", "LedgerEntry": "ledger_entry", "WhoSaw": "who_saw"}.get(
            outcome, "what_did"
        )
    ]
    assert said == "no-such" or said.get("document", said.get("sub")) in {"crew", "ann"}
    shown = last.details["entries"]
    assert bool(shown) == (outcome != "LedgerEntry")
    if outcome == "WhoSaw":
        assert last.details["people"] == ["ann"]


PROVED: dict[str, Asking] = {
    "LedgerProof": lambda one: one.auditing.proof(AUDITOR, "no-such"),
    "Checkpoints": lambda one: one.auditing.checkpoints(AUDITOR, first=3),
}


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("LedgerProof", {"ledger_proof": "no-such"}), ("Checkpoints", {"sizes": []})],
)
async def test_what_an_auditor_has_proved_is_recorded(
    copilot: Copilot, outcome: str, said: dict[str, object]
) -> None:
    await PROVED[outcome](copilot)
    [last] = (await copilot.auditing.ledger(AUDITOR, Filters(outcome=outcome), first=1)).entries
    assert last.details is not None
    assert said.items() <= last.details.items()


async def test_what_an_auditor_was_shown_is_kept_from_who_may_not_see_that(
    copilot: Copilot,
) -> None:
    """FOUO is beyond the auditor's own mark: the record of what they were shown bears it all the same."""
    await copilot.document(ANN, "crew")
    await saw(copilot, document="crew")
    [last] = (await copilot.auditing.ledger(AUDITOR, Filters(outcome="WhoSaw"), first=1)).entries
    assert last.details is not None
    assert {"FOUO", "PII"} <= set(last.details["index"]["label"]["handling"])


@pytest.mark.parametrize("outcome", [*ASKED, *PROVED])
async def test_nothing_is_told_that_cannot_be_recorded(
    copilot: Copilot, database_url: str, outcome: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("REVOKE EXECUTE ON FUNCTION append_ledger_entries FROM copilot_ledger")
    with pytest.raises(Unavailable):
        await {**ASKED, **PROVED}[outcome](copilot)


@pytest.mark.parametrize("outcome", [*ASKED, *PROVED])
async def test_only_auditors_ask_and_who_tries_is_recorded(copilot: Copilot, outcome: str) -> None:
    analyst = replace(AUDITOR, principal=ANN.principal)
    for name, attempt in {
        "LedgerPage": copilot.auditing.ledger(analyst, Filters()),
        "LedgerEntry": copilot.auditing.entry(analyst, "any"),
        "WhoSaw": copilot.auditing.who_saw(analyst, Filters(document="crew")),
        "WhatDid": copilot.auditing.what_did(analyst, Filters(sub="ann")),
        "LedgerProof": copilot.auditing.proof(analyst, "any"),
        "Checkpoints": copilot.auditing.checkpoints(analyst),
    }.items():
        if name != outcome:
            attempt.close()
            continue
        with pytest.raises(Forbidden):
            await attempt
    [last] = (await copilot.auditing.ledger(AUDITOR, Filters(kind="denied"), first=1)).entries
    assert last.sub == "ann"


BAD: list[tuple[str, Asking, str]] = [
    ("nothing", lambda one: one.auditing.who_saw(AUDITOR, Filters()), "give one of `document`"),
    (
        "two",
        lambda one: one.auditing.who_saw(AUDITOR, Filters(document="d", entity="e")),
        "and not several",
    ),
    ("nobody", lambda one: one.auditing.what_did(AUDITOR, Filters()), "`person` is empty"),
    ("blank", lambda one: one.auditing.ledger(AUDITOR, Filters(entity=" ")), "`entity` is empty"),
    (
        "NUL",
        lambda one: one.auditing.ledger(AUDITOR, Filters(document="\x00")),
        "`document`: a NUL",
    ),
    (
        "kind",
        lambda one: one.auditing.ledger(AUDITOR, Filters(kind="asks")),
        "`kind` must be one of",
    ),
    ("id", lambda one: one.auditing.entry(AUDITOR, ""), "`id` is empty"),
    (
        "after",
        lambda one: one.auditing.ledger(AUDITOR, Filters(), after="x"),
        "`after` is no cursor",
    ),
]


@pytest.mark.parametrize(("act", "says"), [pytest.param(act, says, id=n) for n, act, says in BAD])
async def test_a_bad_filter_is_named_with_its_remedy_and_recorded(
    copilot: Copilot, act: Asking, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        await act(copilot)
    [last] = (await copilot.auditing.ledger(AUDITOR, Filters(kind="failed"), first=1)).entries
    assert last.details is not None
    assert (last.details["failed_act"], says in last.details["message"]) == ("audit", True)


async def test_times_need_their_offset_and_their_order(copilot: Copilot) -> None:
    [entry] = (await copilot.auditing.ledger(AUDITOR, Filters(), first=1)).entries
    at = entry.recorded_at
    for filters, says in (
        (Filters(since=at.replace(tzinfo=None)), "`from` says no offset"),
        (Filters(until=at.replace(tzinfo=None)), "`until` says no offset"),
        (Filters(since=at, until=at), "`from` must be earlier than `until`"),
    ):
        with pytest.raises(BadInput, match=says):
            await copilot.auditing.ledger(AUDITOR, filters)


async def test_a_label_of_another_tenant_finds_nothing(copilot: Copilot) -> None:
    await copilot.document(ANN, "crew")
    theirs: Label = replace(SEEN, tenant="t2")
    assert await saw(copilot, label=theirs) == []
