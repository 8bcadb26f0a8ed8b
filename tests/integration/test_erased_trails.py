"""What a deletion takes are words. Who did what, saw what and decided by what stays, however a document is worded."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.ledger.audit import Filters
from copilot.ledger.log import Ledger
from copilot.ledger.proofs.gaps import WORDS, may_be_erased
from copilot.ledger.proofs.record import FORMS
from copilot.ledger.records import Kind, WhoSaw
from copilot.ledger.schemas import schema_of
from copilot.ledger.verify import verify
from copilot.results import Certificate
from copilot.settings import Settings
from policy.errors import BadInput, Misconfigured
from policy.labels import Classification
from retrieval.stores.postgres.database import Database
from tests.integration.audited import record
from tests.integration.erased import found, runs, said
from tests.integration.sealed import SIGNER, seal
from tests.integration.test_erasure import (
    ANN,
    LOW,
    OTHER,
    TEXT,
    U,
    answered,
    deleted,
    document,
    someone,
)
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio

ASKED = "Who keeps the books of Alder Shipping?"
BAIT = (
    "Bram Cole keeps the books of Alder Shipping too. He keeps them at home, as he told everybody."
)
SPY = someone("spy", Classification.S)
AUDITOR = replace(ANN, principal=replace(ANN.principal, sub="auditor"))
LONG = "cases/2026/riga/alder-shipping/books/statement-of-vance.md"
ACR = "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken"


@pytest.fixture
async def copilot(settings: Settings) -> AsyncIterator[Copilot]:
    async with build(replace(settings, ledger_key=SIGNER.secret())) as opened:
        yield opened


async def saw(copilot: Copilot, document_id: str) -> dict[str, int]:
    """Who was shown something of it, and in how many acts."""
    outcome = await copilot.auditing.who_saw(AUDITOR, Filters(document=document_id), first=10)
    assert isinstance(outcome, WhoSaw)
    return {one.name: one.acts for one in outcome.people}


def openings(owner: Owner, sub: str) -> set[tuple[str, str]]:
    rows = owner.execute(
        "SELECT ledger_id, name FROM ledger_openings JOIN ledger_acts USING (ledger_id) WHERE sub = %s",
        [sub],
    )
    return {(row["ledger_id"], row["name"]) for row in rows.fetchall()}


async def test_who_deletes_what_they_were_also_shown_hides_nothing_else_that_they_saw(
    copilot: Copilot, database_url: str
) -> None:
    """They took it in themselves, so that it would be among what they find."""
    await copilot.ingest(ANN, [document("secret", OTHER, title="")])
    await copilot.ingest(SPY, [document("bait", BAIT, label=U, title="")])
    await copilot.search(SPY, ASKED)
    given = await answered(copilot, ASKED, SPY)
    assert {c.document_id for s in given.sentences for c in s.citations} == {"bait", "secret"}
    before = await saw(copilot, "secret")
    assert before == {"spy": 2}
    await deleted(copilot, "bait", SPY)
    assert found(said(database_url), BAIT) == set()
    assert await saw(copilot, "secret") == before
    assert await saw(copilot, "bait") == before
    await seal(database_url)
    assert (await verify(database_url)).problems == []


async def test_ids_and_ways_to_sign_in_are_nobodys_words(copilot: Copilot, owner: Owner) -> None:
    """Somebody at the bottom takes in what could be read as a text of theirs, and deletes it."""
    await copilot.ingest(ANN, [document(LONG, OTHER, title="")])
    who = replace(SPY, principal=replace(SPY.principal, acr=ACR))
    await copilot.document(who, LONG)
    await answered(copilot, ASKED, who)
    seen, names = await saw(copilot, LONG), openings(owner, "spy")
    assert seen == {"spy": 2}
    assert {"decided", "shown", "read", "document_id"} <= {name for _, name in names}
    assert runs(LONG)
    assert runs(ACR)
    await copilot.ingest(LOW, [document("x", f"{LONG} and then {ACR}", label=U, title="")])
    await deleted(copilot, "x", LOW)
    assert await saw(copilot, LONG) == seen
    assert names <= openings(owner, "spy")
    ingested = {name for _, name in openings(owner, "ann")}
    assert "document" in ingested


async def test_words_are_looked_for_where_verifications_let_them_go(
    copilot: Copilot, database_url: str, owner: Owner
) -> None:
    """Each opening that there is, with the text in it: of one record, what goes is what an erasure may take."""
    named = {name for kind in Kind for name in json.loads(schema_of(kind).data)["properties"]}
    said_in_each = dict.fromkeys(named - {"index", "act", "signed", "opening"}, TEXT)
    database = Database(database_url, timeout_s=30)
    await database.open()
    given = await Ledger(database).record(record(ANN, Kind.READ, "Document", **said_in_each))
    await database.close()
    await copilot.ingest(ANN, [document("a", title="")])
    await deleted(copilot)
    rows = owner.execute("SELECT name FROM ledger_openings WHERE ledger_id = %s", [given])
    gone = said_in_each.keys() - {row["name"] for row in rows.fetchall()}
    assert gone == {name for name in said_in_each if may_be_erased(name, FORMS[-1])}
    assert gone >= WORDS


async def test_why_something_is_deleted_is_not_said_in_its_words(
    copilot: Copilot, database_url: str, owner: Owner
) -> None:
    told = {"from": "the desk in Riga, handed over by a clerk on Monday"}
    await copilot.ingest(ANN, [replace(document("a", title=""), metadata=told)])
    for words in (TEXT, told["from"]):
        with pytest.raises(BadInput, match="eight words in a row"):
            await copilot.administration.delete(replace(ANN, reason=f"remove: {words}"), "a")
    assert owner.execute("SELECT FROM documents").rowcount == 1
    await deleted(copilot, "a")
    assert found(said(database_url), TEXT) == set()


async def test_a_certificate_repeats_no_reason_that_was_erased(
    copilot: Copilot, database_url: str
) -> None:
    why = "as the court of Riga ordered on the second of May"
    await copilot.ingest(ANN, [document("a", title=""), document("b", f"It is {why}.", title="")])
    await deleted(copilot, "a", replace(ANN, reason=why))
    given = await copilot.disposal.certificate(ANN, "a")
    assert isinstance(given, Certificate)
    assert given.body["reason"] == why
    await deleted(copilot, "b")
    given = await copilot.disposal.certificate(ANN, "a")
    assert isinstance(given, Certificate)
    assert given.body["reason"] is None
    assert found(said(database_url), why) == set()


async def test_the_key_that_vouches_first_is_the_logs(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    """Else a log that nobody had signed yet could be signed by another, and never verify again."""
    async with build(replace(settings, data_dir=tmp_path / "shell")) as copilot:
        await copilot.ingest(ANN, [document("a")])
        await deleted(copilot)
    with pytest.raises(Misconfigured, match="set COPILOT_LEDGER_KEY to the log's key"):
        await seal(database_url)
    assert (await verify(database_url)).problems == []
