"""Certificates of deletion: what went and what stands in its place, as far as the reader may see it."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from copilot.acts import Copilot
from copilot.results import Certificate, NotFound
from policy.principal import Asker
from tests.integration.erased import found
from tests.integration.test_erasure import (
    ANN,
    LOW,
    OTHER,
    TEXT,
    TITLE,
    S,
    U,
    answered,
    deleted,
    document,
)
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio


def as_roles(who: Asker, *roles: str, sub: str | None = None) -> Asker:
    principal = replace(who.principal, roles=frozenset(roles), sub=sub or who.principal.sub)
    return replace(who, principal=principal)


async def certificate(copilot: Copilot, who: Asker = ANN, name: str = "a") -> dict[str, Any]:
    given = await copilot.disposal.certificate(who, name)
    assert isinstance(given, Certificate), given
    body: dict[str, Any] = json.loads(json.dumps(given.body))
    return body


async def test_it_says_which_months_of_the_ledger_were_not_searched(
    copilot: Copilot, owner: Owner
) -> None:
    await copilot.ingest(ANN, [document("a"), document("b", OTHER, title="")])
    await deleted(copilot)
    assert (await certificate(copilot))["searched_afterwards"]["not_searched"] == []
    owner.execute("INSERT INTO ledger_archives VALUES ('', '2026-03-01', '{[0,1)}', '')")
    await deleted(copilot, "b")
    body = await certificate(copilot, name="b")
    assert body["searched_afterwards"]["not_searched"] == ["2026-03"]


async def test_it_says_what_went_and_what_stands_in_its_place(
    copilot: Copilot, owner: Owner
) -> None:
    await copilot.ingest(ANN, [document("a"), document("b", OTHER, title="")])
    given = await answered(copilot)
    gone = await deleted(copilot, who=replace(ANN, reason="by order of the court"))
    body = await certificate(copilot)
    assert (body["erased_by"], body["reason"]) == ("ann", "by order of the court")
    [part] = body["removed"]["parts"]
    assert part["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert (part["part_id"],) == gone.part_ids
    assert body["removed"]["rows"]["parts"] == body["removed"]["rows"]["chunks"] == 1
    assert body["removed"]["rows"]["mentions"] > 0
    assert body["searched_afterwards"]["found"] == {"answers": 0, "ledger_openings": 0}
    assert body["records"]["delete"] == gone.ledger_id
    places = {one["ledger_id"]: one for one in body["in_its_place"]}
    assert places[given.ledger_id]["answers"] == 1
    for one in body["in_its_place"]:
        [row] = owner.execute(
            "SELECT leaf FROM ledger_entries WHERE ledger_id = %s", [one["ledger_id"]]
        ).fetchall()
        commitments = json.loads(row["leaf"])["commitments"]
        assert one["commitments"]
        assert one["commitments"].items() <= commitments.items()
    assert found([("certificate", json.dumps(body))], TEXT, TITLE) == set()


async def test_auditors_and_the_deleter_are_given_it_and_others_as_little_as_of_nothing(
    copilot: Copilot,
) -> None:
    await copilot.ingest(ANN, [document("a")])
    await deleted(copilot)
    await certificate(copilot, as_roles(ANN, "auditor", sub="lee"))
    await certificate(copilot, as_roles(ANN, "ingester"))
    bob = as_roles(ANN, "ingester", sub="bob")
    for who in (bob, as_roles(LOW, "auditor"), as_roles(LOW, "ingester")):
        there = await copilot.disposal.certificate(who, "a")
        absent = await copilot.disposal.certificate(who, "nothing")
        assert isinstance(there, NotFound)
        assert replace(there, ledger_id="") == replace(absent, ledger_id="")
    refused = await copilot.disposal.certificate(as_roles(ANN, "analyst"), "a")
    assert refused.kind == "Denied"


async def test_who_deletes_is_not_told_of_questions_above_them(
    copilot: Copilot, owner: Owner
) -> None:
    """An open document was read by somebody who may read more; their record is above whoever deletes it."""
    await copilot.ingest(ANN, [document("a", label=U)])
    given = await answered(copilot, who=ANN)
    await deleted(copilot, who=LOW)
    low = await certificate(copilot, LOW)
    assert low["in_its_place"] == []
    assert given.ledger_id not in json.dumps(low)
    high = await certificate(copilot, ANN)
    assert given.ledger_id in {one["ledger_id"] for one in high["in_its_place"]}
    shown = owner.execute(
        """SELECT l.value ->> 'classification' AS level, convert_from(o.value, 'UTF8') AS erased
           FROM ledger_openings o JOIN ledger_acts a USING (ledger_id) JOIN labels l ON l.label_id = o.label_id
           WHERE a.kind = 'erasure' AND o.name = 'erased'"""
    ).fetchall()
    assert {row["level"] for row in shown if given.ledger_id in row["erased"]} == {"S"}


async def test_documents_that_say_the_same_are_named_to_whoever_may_read_them(
    copilot: Copilot,
) -> None:
    await copilot.ingest(
        ANN,
        [document("a", label=U), document("low", label=U, title=""), document("high", label=S)],
    )
    await deleted(copilot, "a", ANN)
    high = await certificate(copilot, ANN)
    assert {one["document_id"] for one in high["same_words_in"]} == {"low", "high"}
    await copilot.ingest(LOW, [document("c", label=U)])
    await deleted(copilot, "c", LOW)
    low = await certificate(copilot, LOW, "c")
    assert {one["document_id"] for one in low["same_words_in"]} == {"low"}


async def test_the_later_deletion_is_certified_and_reading_it_is_recorded(
    copilot: Copilot, owner: Owner
) -> None:
    for text in (TEXT, OTHER):
        await copilot.ingest(ANN, [document("a", text)])
        await deleted(copilot)
    given = await copilot.disposal.certificate(ANN, "a")
    assert isinstance(given, Certificate)
    assert given.body["removed"]["parts"][0]["sha256"] == hashlib.sha256(OTHER.encode()).hexdigest()
    [row] = owner.execute(
        "SELECT kind, outcome FROM ledger_acts WHERE ledger_id = %s", [given.ledger_id]
    ).fetchall()
    assert row == {"kind": "read", "outcome": "Certificate"}
