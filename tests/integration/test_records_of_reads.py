"""What was read stands in the ledger under its labels; what is read again is decided on again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.generation.port import Claim, Finished, Prompt, Support
from copilot.ingest.documents import Document, Part
from copilot.ledger.records import Entry
from copilot.ledger.verify import verify
from copilot.resources import Resources
from copilot.results import (
    Answer,
    DocumentView,
    EntityView,
    NotFound,
    SearchResult,
    Usage,
)
from copilot.settings import Settings
from policy.errors import BadInput
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from policy.scope import Scope
from retrieval.hybrid import Hybrid
from retrieval.types import Context
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio

QUESTION = "Who owns Alder Shipping Ltd?"
U = Label(tenant="t1", classification=Classification.U)
S = replace(U, classification=Classification.S)
SEEN = replace(U, handling=frozenset(["PII"]))
HARBOR = replace(S, compartments=frozenset(["HARBOR"]), handling=frozenset(["FOUO"]))
OPEN = "Anton Drell owns Alder Shipping Ltd. The tanker left the quay on 3 May 2024."
SECRET = "Kestrel Holdings Ltd owns Alder Shipping Ltd. Anton Drell owns Kestrel Holdings Ltd."
PATIENCE_S = 10


def asker(sub: str, clearance: Classification, *compartments: str, role: str = "analyst") -> Asker:
    principal = Principal(
        sub=sub,
        tenant="t1",
        clearance=clearance,
        compartments=frozenset(compartments),
        nationality="USA",
        roles=frozenset([role, "ingester"]),
        purposes=("investigation",),
    )
    return Asker(principal=principal, purpose="investigation")


ANN = asker("ann", Classification.S, "HARBOR")
PEER = asker("peer", Classification.S, "HARBOR")
LOW = asker("low", Classification.U)
AUDITOR = asker("auditor", Classification.S, "HARBOR", role="auditor")
OUTSIDE = asker("outside", Classification.S, role="auditor")


def document(name: str, *parts: tuple[Label, str], title: str = "", of: Label = U) -> Document:
    return Document(
        document_id=name,
        title=title,
        label=of,
        parts=tuple(Part(label=label, text=text) for label, text in parts),
        source="test.md",
        metadata={"desk": "seven"},
    )


class Quoting:
    """A model that quotes the first sentence of each context, and waits where it is told to."""

    def __init__(self) -> None:
        self.given: list[Context] = []
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.at_first: list[dict[str, Any]] = []
        self.look: Any = list
        self.tool_calls = 0

    async def stream(
        self, prompt: Prompt, contexts: Sequence[Context]
    ) -> AsyncIterator[Claim | Finished]:
        self.at_first = self.look()
        self.given = list(contexts)
        self.begun.set()
        await self.go_on.wait()
        for number, context in enumerate(contexts):
            first = context.sentences[0]
            support = Support(context=number, start=first.start, end=first.end)
            yield Claim(text=first.text, supports=(support,))
        yield Finished(provider="test", model="quoting", usage=Usage(), tool_calls=self.tool_calls)


@pytest.fixture
def model() -> Quoting:
    return Quoting()


@pytest.fixture
async def copilot(settings: Settings, model: Quoting) -> AsyncIterator[Copilot]:
    """A document with an open and a closed part."""
    async with build(settings, generator=model) as opened:
        await take(opened, document("crew", (SEEN, OPEN), (HARBOR, SECRET), title="Crew list"))
        yield opened


async def take(copilot: Copilot, *documents: Document) -> None:
    assert (await copilot.ingest(ANN, documents)).ingested == len(documents)


def entries(owner: Owner) -> list[dict[str, Any]]:
    """Every record, oldest first: its openings, and under `label` the label of its row."""
    rows = owner.execute(
        """SELECT e.ledger_id, l.value AS label,
                  json_object_agg(o.name, convert_from(o.value, 'UTF8')::json) AS said
           FROM ledger_entries e JOIN labels l USING (label_id)
           JOIN ledger_openings o ON o.ledger_id = e.ledger_id
           GROUP BY e.ledger_id, l.value, e.recorded_at ORDER BY e.recorded_at"""
    ).fetchall()
    return [{**row["said"], "id": row["ledger_id"], "label": row["label"]} for row in rows]


def recorded(owner: Owner, ledger_id: str | None) -> dict[str, Any]:
    [entry] = [one for one in entries(owner) if one["id"] == ledger_id]
    return entry


def parts(owner: Owner) -> dict[str, dict[str, Any]]:
    """The label of each stored part."""
    rows = owner.execute("SELECT part_id, value FROM parts JOIN labels USING (label_id)")
    return {row["part_id"]: row["value"] for row in rows.fetchall()}


async def seen_by(copilot: Copilot, auditor: Asker) -> dict[str, Entry]:
    page = await copilot.ledger(auditor, first=50)
    return {entry.ledger_id: entry for entry in page.entries}


async def answered(copilot: Copilot, who: Asker = ANN, question: str = QUESTION) -> Answer:
    outcome = await copilot.ask(who, question)
    assert isinstance(outcome, Answer), outcome
    return outcome


# --- records of reads ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["document", "entity", "answer"])
async def test_a_read_names_the_parts_and_labels_that_it_showed(
    copilot: Copilot, owner: Owner, kind: str, database_url: str
) -> None:
    view: Any
    if kind == "answer":
        view = await copilot.answer(ANN, (await answered(copilot)).answer_id)
    else:
        view = await getattr(copilot, kind)(ANN, {"document": "crew"}.get(kind, "Anton Drell"))
    assert isinstance(view, DocumentView | EntityView | Answer)
    record = recorded(owner, view.ledger_id)
    stored = parts(owner)
    assert {one["part_id"]: one["label"] for one in record["read"]} == stored
    assert len(record["read"]) == len(stored) == 2
    # Beyond the reader's own mark: what the parts' labels add.
    assert set(record["label"]["handling"]) == {"PII", "FOUO"}
    assert record["label"] == record["index"]["label"]
    assert view.ledger_id in await seen_by(copilot, AUDITOR)
    assert view.ledger_id not in await seen_by(copilot, OUTSIDE)
    assert (await verify(database_url)).problems == []


async def test_a_read_names_no_more_than_it_showed(copilot: Copilot, owner: Owner) -> None:
    view = await copilot.document(LOW, "crew")
    assert isinstance(view, DocumentView)
    [part] = view.parts
    record = recorded(owner, view.ledger_id)
    assert [one["part_id"] for one in record["read"]] == [part.part_id]
    assert record["label"]["handling"] == ["PII"]
    assert view.ledger_id in await seen_by(copilot, OUTSIDE)


async def test_a_read_of_nothing_names_nothing(copilot: Copilot, owner: Owner) -> None:
    for absent in (await copilot.document(LOW, "no-such"), await copilot.entity(LOW, "Kestrel")):
        assert isinstance(absent, NotFound)
        assert recorded(owner, absent.ledger_id)["read"] == []


async def test_what_is_wrongly_found_is_not_shown(
    copilot: Copilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each label of a view is decided on again, whatever the store gave."""
    hidden = await copilot.document(ANN, "crew")
    assert isinstance(hidden, DocumentView)

    async def lying(self: Resources, scope: Scope, document_id: str) -> DocumentView:
        return hidden

    monkeypatch.setattr(Resources, "document", lying)
    assert isinstance(await copilot.document(LOW, "crew"), NotFound)
    assert b"copilot_recheck_mismatches_total 1.0" in copilot.metrics.exposition()


async def test_an_auditors_reading_is_recorded_with_what_it_showed(
    copilot: Copilot, owner: Owner
) -> None:
    view = await copilot.document(ANN, "crew")
    shown = await seen_by(copilot, AUDITOR)
    assert view.ledger_id in shown
    last = entries(owner)[-1]
    assert (last["act"]["outcome"], last["act"]["sub"]) == ("LedgerPage", "auditor")
    assert set(last["entries"]) == set(shown)


@pytest.mark.parametrize("field", ["sub", "kind", "after"])
async def test_a_bad_filter_of_the_ledger_is_recorded(
    copilot: Copilot, owner: Owner, field: str
) -> None:
    with pytest.raises(BadInput):
        await copilot.ledger(AUDITOR, **{field: "ann\x00"})  # type: ignore[arg-type]
    last = entries(owner)[-1]
    assert (last["act"]["kind"], last["failed_act"]) == ("failed", "audit")
    assert last["ledger"][field] == "ann\x00"
    assert last["id"] in await seen_by(copilot, AUDITOR)  # it can be shown as well


# --- asking ----------------------------------------------------------------------------------


async def test_a_record_is_durable_before_a_model_is_given_anything(
    copilot: Copilot, owner: Owner, model: Quoting
) -> None:
    model.look = lambda: entries(owner)  # over another connection
    given = await answered(copilot)
    opening = model.at_first[-1]
    assert (opening["act"]["kind"], opening["act"]["outcome"]) == ("ask", "Opened")
    assert opening["question"] == QUESTION
    assert model.given
    assert [one["chunk_id"] for one in opening["contexts"]] == [
        one.chunk.chunk_id for one in model.given
    ]
    assert recorded(owner, given.ledger_id)["opening"] == opening["id"]


async def test_without_an_opening_record_a_model_is_given_nothing(
    copilot: Copilot, owner: Owner, model: Quoting
) -> None:
    owner.execute("REVOKE EXECUTE ON FUNCTION append_ledger_entries FROM copilot_ledger")
    assert (await copilot.ask(ANN, QUESTION)).kind == "Unavailable"
    assert model.given == []


async def cancelled(task: "asyncio.Task[Any]", begun: asyncio.Event) -> None:
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_ask_that_is_cancelled_is_recorded_with_what_the_model_was_given(
    copilot: Copilot, owner: Owner, model: Quoting, database_url: str
) -> None:
    model.go_on.clear()
    await cancelled(asyncio.create_task(copilot.ask(ANN, QUESTION)), model.begun)
    [opening] = [one for one in entries(owner) if one["act"]["outcome"] == "Opened"]
    broken = [one for one in entries(owner) if one["act"]["outcome"] == "BrokenOff"]
    asked, failed = sorted(broken, key=lambda one: one["act"]["kind"])
    assert asked["opening"] == opening["id"]
    assert asked["contexts"] == opening["contexts"]
    assert (failed["act"]["kind"], failed["failed_act"]) == ("failed", "ask")
    assert failed["error"] == "CancelledError"
    assert (await verify(database_url)).problems == []


@pytest.mark.parametrize("act", ["ask", "search"])
async def test_an_act_that_is_cancelled_before_it_found_anything_is_recorded(
    copilot: Copilot,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
    act: str,
) -> None:
    begun = asyncio.Event()

    async def endless(*_: Any, **__: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Hybrid, "search", endless)
    await cancelled(asyncio.create_task(getattr(copilot, act)(ANN, QUESTION)), begun)
    last = entries(owner)[-1]
    assert (last["act"]["kind"], last["act"]["outcome"]) == ("failed", "BrokenOff")
    assert (last["failed_act"], last["question"]) == (act, QUESTION)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_defect_is_recorded(
    copilot: Copilot,
    owner: Owner,
    model: Quoting,
    streamed: bool,
) -> None:
    def defect() -> None:
        raise ZeroDivisionError

    async def stream() -> None:
        async for item in copilot.ask_stream(ANN, QUESTION):
            pytest.fail(f"{item} was given")

    model.look = defect
    with pytest.raises(ZeroDivisionError):
        await (stream() if streamed else copilot.ask(ANN, QUESTION))
    last = entries(owner)[-1]
    assert (last["act"]["outcome"], last["error"]) == ("BrokenOff", "ZeroDivisionError")


# --- stored answers --------------------------------------------------------------------------


async def test_a_colleague_is_not_told_how_an_answer_was_found(copilot: Copilot) -> None:
    given = await answered(copilot)
    assert given.explanation.arms
    again = await copilot.answer(ANN, given.answer_id)
    assert isinstance(again, Answer)
    assert again.explanation == given.explanation
    theirs = await copilot.answer(PEER, given.answer_id)
    assert isinstance(theirs, Answer)
    assert theirs.sentences == given.sentences
    assert (theirs.explanation.plan, theirs.explanation.arms, theirs.explanation.paths) == (
        {},
        {},
        (),
    )


async def test_an_answer_goes_with_the_paragraph_that_it_cites(copilot: Copilot) -> None:
    given = await answered(copilot, LOW)
    peer = replace(LOW, principal=replace(LOW.principal, sub="low-peer"))
    for who in (LOW, peer):
        assert isinstance(await copilot.answer(who, given.answer_id), Answer)
    await take(copilot, document("crew", (S, OPEN), (HARBOR, SECRET), title="Crew list"))
    for who in (LOW, peer):
        hidden = await copilot.answer(who, given.answer_id)
        absent = await copilot.answer(who, "no-such")
        assert isinstance(hidden, NotFound)
        assert hidden.text == "Nothing that you may read has this name or id."
        assert replace(hidden, ledger_id="") == replace(absent, ledger_id="")


# --- titles above the text -------------------------------------------------------------------

TITLED = document("tip", (U, OPEN), title="Operation Pilotfish", of=S)


async def test_a_title_above_the_text_is_in_no_context(copilot: Copilot, model: Quoting) -> None:
    """Not even for whoever may read the title: beside the text's marking it would be marked too low."""
    await take(copilot, TITLED)
    found = await copilot.search(ANN, QUESTION, 10)
    assert isinstance(found, SearchResult)
    [chunk] = [one.chunk for one in found.contexts if one.chunk.document_id == "tip"]
    assert (chunk.title, chunk.metadata, chunk.label) == (None, {}, U)
    titles = {one.chunk.title for one in found.contexts if one.chunk.document_id == "crew"}
    assert titles == {"Crew list"}
    await answered(copilot)
    assert "tip" in {one.chunk.document_id for one in model.given}
    assert "Pilotfish" not in {one.chunk.title for one in model.given}
    assert all(one.chunk.title in {None, "Crew list"} for one in model.given)


async def test_a_banner_is_not_below_the_title_that_it_stands_over(copilot: Copilot) -> None:
    await take(copilot, TITLED, document("open", (U, OPEN), title="Crew list"))
    high = await copilot.document(ANN, "tip")
    assert isinstance(high, DocumentView)
    assert high.title == "Operation Pilotfish"
    plain = await copilot.document(ANN, "open")
    assert isinstance(plain, DocumentView)
    assert (high.banner, plain.banner) == ("S", "U")
    assert isinstance(await copilot.document(LOW, "tip"), NotFound)
    low = await copilot.document(LOW, high.parts[0].part_id)
    assert isinstance(low, DocumentView)
    assert (low.title, low.banner) == (None, "U")
