"""The way of a question on the case file: governed, cited, recorded, and closed when something fails."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from copilot.acts import Copilot
from copilot.app import build
from copilot.citations import holds
from copilot.ledger.verify import verify
from copilot.results import Answer, Denied, DocumentView, NotFound, Sentence, Unavailable
from copilot.serialise import outcome_json, search_json
from copilot.settings import Settings
from policy.errors import BadInput
from policy.labels import Classification
from policy.principal import Asker
from policy.publish import publish
from policy.scope import Scope
from retrieval.stores.postgres import search as search_store
from retrieval.types import Chunk
from tests.servers.postgres import Owner, owned
from tests.servers.product import people

pytestmark = pytest.mark.anyio

QUESTION = "What is Anton Drell's current mobile number?"
"""Known to those who hold HARBOR; others get what is open about him."""
ABSENT = "How much did Huxtable Ventures pay to Alder Shipping?"
MAY_DIFFER = ("timings_ms", "answer_id", "ledger_id", "trace_id")


def asker(name: str, **changes: Any) -> Asker:
    who = people()[name]
    return replace(Asker(principal=who, purpose=who.purposes[0]), **changes)


LEAD, LIAISON = asker("lead"), asker("liaison")


@pytest.fixture
def settings(case_file: str, models_dir: Any, tmp_path: Any) -> Settings:
    return Settings(
        data_dir=tmp_path, models_dir=models_dir, database_url=case_file, policy_timeout_s=10
    )


@pytest.fixture
def owner(case_file: str) -> Iterator[Owner]:
    with owned(case_file) as connection:
        yield connection


def recorded(owner: Owner, ledger_id: str | None) -> dict[str, Any]:
    """All that an entry opens to."""
    rows = owner.execute(
        "SELECT name, convert_from(value, 'UTF8')::json AS value FROM ledger_openings "
        "WHERE ledger_id = %s",
        [ledger_id],
    ).fetchall()
    return {row["name"]: row["value"] for row in rows}


def last(owner: Owner) -> dict[str, Any]:
    row = owner.execute(
        "SELECT ledger_id FROM ledger_entries ORDER BY recorded_at DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    return recorded(owner, row["ledger_id"])


def same(value: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in value.items() if k not in MAY_DIFFER}, sort_keys=True)


async def answer(copilot: Copilot, who: Asker, question: str = QUESTION) -> Answer:
    outcome = await copilot.ask(who, question)
    assert isinstance(outcome, Answer), outcome
    return outcome


async def test_every_citation_holds(copilot: Copilot) -> None:
    for who in (LEAD, LIAISON):
        given = await answer(copilot, who)
        assert given.sentences
        for citation in (c for sentence in given.sentences for c in sentence.citations):
            view = await copilot.document(who, citation.document_id)
            assert isinstance(view, DocumentView)
            [part] = [one for one in view.parts if one.part_id == citation.part_id]
            assert holds(citation, part.text)
            assert part.label == citation.label


async def test_two_people_get_different_answers(copilot: Copilot) -> None:
    lead, liaison = await answer(copilot, LEAD), await answer(copilot, LIAISON)
    assert "555-0191" in lead.text
    assert "555-0191" not in json.dumps(outcome_json(liaison))
    assert lead.banner != liaison.banner
    assert "NF" not in json.dumps(outcome_json(liaison))


async def test_two_runs_are_the_same_but_for_four_fields(
    copilot: Copilot, settings: Settings
) -> None:
    for question in (QUESTION, ABSENT):
        first = outcome_json(await copilot.ask(LEAD, question))
        async with build(settings) as other:
            assert same(outcome_json(await other.ask(LEAD, question))) == same(first)
    found = search_json(await copilot.search(LEAD, QUESTION, 10))  # type: ignore[arg-type]
    assert same(search_json(await copilot.search(LEAD, QUESTION, 10))) == same(found)  # type: ignore[arg-type]


async def test_hidden_and_absent_look_the_same(copilot: Copilot, owner: Owner) -> None:
    hidden = owner.execute(
        "SELECT document_id FROM documents d JOIN labels l USING (label_id) "
        "WHERE l.value->'compartments' ? 'HARBOR' LIMIT 1"
    ).fetchone()
    assert hidden is not None
    assert isinstance(await copilot.document(LEAD, hidden["document_id"]), DocumentView)
    views: list[Any] = [
        await copilot.document(LIAISON, one) for one in (hidden["document_id"], "no-such")
    ]
    stored = await answer(copilot, LEAD)
    views += [await copilot.answer(LIAISON, one) for one in (stored.answer_id, "no-such")]
    views += [await copilot.entity(LIAISON, one) for one in ("PILOTFISH", "Nobody Atall")]
    assert {view.kind for view in views} == {"NotFound"}
    assert len({repr(replace(view, ledger_id="")) for view in views}) == 1


async def test_a_stored_answer_is_given_again_to_whoever_may_read_it(copilot: Copilot) -> None:
    stored = await answer(copilot, LEAD)
    again = await copilot.answer(LEAD, stored.answer_id)
    assert isinstance(again, Answer)
    assert same(outcome_json(again)) == same(outcome_json(stored))
    assert again.ledger_id != stored.ledger_id
    assert isinstance(await copilot.answer(LIAISON, stored.answer_id), NotFound)
    lower = replace(LEAD, principal=replace(LEAD.principal, clearance=Classification.C))
    assert isinstance(await copilot.answer(lower, stored.answer_id), NotFound)


async def test_the_record_says_what_was_asked_read_and_answered(
    copilot: Copilot, owner: Owner, case_file: str
) -> None:
    given = await answer(copilot, replace(LEAD, reason="file 7", impersonated_by="root"))
    opened = recorded(owner, given.ledger_id)
    assert opened["question"] == QUESTION
    assert opened["act"]["sub"] == "lead"
    assert (opened["reason"], opened["act"]["impersonated_by"]) == ("file 7", "root")
    assert opened["act"]["purpose"] == "investigation"
    assert opened["scope"]
    assert opened["prompt"]["sha256"]
    assert opened["model"]["model"] == given.model
    assert opened["model"]["duration_ms"] <= given.timings_ms["generation"] + 1
    assert [one["text"] for one in opened["answer"]] == [s.text for s in given.sentences]
    cited = {c.chunk_id for s in given.sentences for c in s.citations}
    assert cited <= {one["chunk_id"] for one in opened["contexts"]}
    assert all({"sha256", "label"} <= set(one) for one in opened["contexts"])
    assert (opened["recheck_dropped"], opened["dropped"]) == ([], [])
    assert (await verify(case_file)).problems == []


async def test_not_found_is_recorded_and_says_nothing(copilot: Copilot, owner: Owner) -> None:
    outcome = await copilot.ask(LEAD, ABSENT)
    assert isinstance(outcome, NotFound)
    assert "Huxtable" not in outcome.text
    assert recorded(owner, outcome.ledger_id)["act"]["outcome"] == "NotFound"


async def test_a_denied_act_is_recorded(copilot: Copilot, owner: Owner) -> None:
    auditor, purpose = asker("auditor"), replace(LEAD, purpose="curiosity")
    for who, reason in ((auditor, "role"), (purpose, "purpose")):
        outcome = await copilot.ask(who, QUESTION)
        assert isinstance(outcome, Denied)
        assert outcome.reason == reason
        opened = recorded(owner, outcome.ledger_id)
        assert opened["act"]["kind"] == "denied"
        assert (opened["denied_act"], opened["question"]) == ("ask", QUESTION)


async def test_asking_can_be_switched_off(settings: Settings) -> None:
    async with build(replace(settings, enabled=False)) as copilot:
        outcome = await copilot.ask(LEAD, QUESTION)
        assert isinstance(outcome, Unavailable)
        assert outcome.dependency == "copilot.enabled"
        assert outcome.ledger_id
        assert [item.kind async for item in copilot.ask_stream(LEAD, QUESTION)] == ["Unavailable"]  # type: ignore[union-attr]
        assert (await copilot.search(LEAD, QUESTION)).kind == "SearchResult"


async def test_without_graphrag_there_is_the_vector_arm_alone(settings: Settings) -> None:
    async with build(replace(settings, graphrag_enabled=False)) as copilot:
        found = search_json(await copilot.search(LEAD, QUESTION, 5))  # type: ignore[arg-type]
    assert {hit["arm"] for one in found["contexts"] for hit in one["arms"]} == {"vector"}


@pytest.mark.parametrize("k", [1, 7, 60])
async def test_k_is_the_number_of_distinct_documents(copilot: Copilot, k: int) -> None:
    found = search_json(await copilot.search(LEAD, QUESTION, k))  # type: ignore[arg-type]
    ids = [one["document_id"] for one in found["contexts"]]
    assert len(set(ids)) == len(ids) == k


@pytest.mark.parametrize("question", ["", " \n", "why " * 25_000])
async def test_an_empty_or_endless_question_is_bad_input(copilot: Copilot, question: str) -> None:
    with pytest.raises(BadInput, match=r"empty|shorten"):
        await copilot.ask(LEAD, question)


@pytest.mark.parametrize("question", ["What \x00 Drell?", "What \ud800 Drell?", "\U0010ffff?"])
async def test_odd_characters_are_asked_or_refused(copilot: Copilot, question: str) -> None:
    with contextlib.suppress(BadInput):
        await copilot.ask(LEAD, question)
    for view in (copilot.document, copilot.entity, copilot.answer):
        with contextlib.suppress(BadInput):
            assert (await view(LEAD, question)).kind == "NotFound"


async def test_what_a_store_wrongly_returns_is_dropped_counted_and_recorded(
    copilot: Copilot,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The label that a text really bears is read again after retrieval, whatever the search said."""
    lead_scope = await copilot._scoper.scope(LEAD)
    real = search_store.PostgresPassages.chunks

    async def lying(self: Any, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        row = owner.execute(
            "SELECT chunk_id FROM chunks c JOIN labels l USING (label_id) "
            "WHERE l.value->'compartments' ? 'LANTERN' LIMIT 1"
        ).fetchone()
        assert row is not None
        hidden = await real(self, [row["chunk_id"]], scope=lead_scope)
        found = await real(self, chunk_ids, scope=scope)
        first = next(iter(chunk_ids))
        return found | {first: hidden[row["chunk_id"]]}

    monkeypatch.setattr(search_store.PostgresPassages, "chunks", lying)
    outcome = await copilot.search(LIAISON, QUESTION, 5)
    assert "LANTERN" not in json.dumps(search_json(outcome))  # type: ignore[arg-type]
    assert len(outcome.contexts) == 5  # type: ignore[union-attr]
    assert b"copilot_recheck_mismatches_total 1.0" in copilot.metrics.exposition()
    [dropped] = recorded(owner, outcome.ledger_id)["recheck_dropped"]
    assert "LANTERN" in dropped["label"]["compartments"]


async def test_a_stream_is_recorded_before_its_first_sentence_and_closed_after_the_last(
    copilot: Copilot, owner: Owner
) -> None:
    sentences: list[Sentence] = []
    outcome: Any = None
    async for item in copilot.ask_stream(LEAD, QUESTION):
        if isinstance(item, Sentence):
            opening = last(owner)  # over another connection: it is durable
            assert opening["act"]["outcome"] == "Opened"
            assert opening["question"] == QUESTION
            sentences.append(item)
        else:
            outcome = item
    assert sentences
    assert isinstance(outcome, Answer)
    assert list(outcome.sentences) == sentences
    closing = recorded(owner, outcome.ledger_id)
    assert closing["opening"] is not None
    assert recorded(owner, closing["opening"])["act"]["outcome"] == "Opened"
    assert [one["sha256"] for one in closing["answer"]] == [
        hashlib.sha256(one.text.encode()).hexdigest() for one in sentences
    ]


async def test_a_stream_gives_what_asking_gives(copilot: Copilot) -> None:
    *_, streamed = [item async for item in copilot.ask_stream(LEAD, QUESTION)]
    assert same(outcome_json(streamed)) == same(outcome_json(await answer(copilot, LEAD)))  # type: ignore[arg-type]


async def test_a_stream_that_is_left_is_recorded_as_broken_off(
    copilot: Copilot, owner: Owner
) -> None:
    stream = copilot.ask_stream(LEAD, QUESTION)
    first = await anext(stream)
    assert isinstance(first, Sentence)
    await stream.aclose()  # type: ignore[attr-defined]
    closing = last(owner)
    assert closing["act"]["outcome"] == "BrokenOff"
    assert closing["opening"]
    assert [one["text"] for one in closing["answer"]] == [first.text]


async def test_a_stream_that_is_cancelled_is_recorded_as_broken_off(
    copilot: Copilot, owner: Owner
) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in copilot.ask_stream(LEAD, QUESTION):
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.5)
    assert last(owner)["act"]["outcome"] == "BrokenOff"


async def test_opa_decides_as_the_embedded_engine_does(
    copilot: Copilot, settings: Settings, opa_server_url: str
) -> None:
    await publish(opa_server_url)
    async with build(replace(settings, opa_url=opa_server_url)) as other:
        for who in (LEAD, LIAISON):
            theirs = same(outcome_json(await other.ask(who, QUESTION)))
            assert theirs == same(outcome_json(await copilot.ask(who, QUESTION)))


async def test_a_misspelt_name_is_answered_for_the_one_that_stands_there_and_that_is_told(
    copilot: Copilot, owner: Owner
) -> None:
    told = 'No passage that you may read has "PILOTFSIH"; it was read as "PILOTFISH".'
    given = await answer(copilot, LEAD, "Who is our informant PILOTFSIH?")
    assert "Daniel Ferro" in given.text
    assert given.notice == told
    assert given.explanation.plan["read_as"] == {"PILOTFSIH": "PILOTFISH"}
    assert recorded(owner, given.ledger_id)["plan"]["read_as"] == {"PILOTFSIH": "PILOTFISH"}
    hidden = await copilot.ask(LIAISON, "Who is our informant PILOTFSIH?")
    assert isinstance(hidden, NotFound)
    assert "PILOTFISH" not in json.dumps(outcome_json(hidden))
