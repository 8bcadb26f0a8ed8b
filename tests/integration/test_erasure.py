"""Defensible deletion: nothing of the text is left, the ledger still verifies, and says what went."""

from dataclasses import replace
from typing import Any, LiteralString

import anyio
import psycopg
import pytest

from copilot.acts import Copilot
from copilot.ingest.documents import Document, Part
from copilot.ledger.log import Ledger
from copilot.ledger.records import Kind
from copilot.ledger.verify import verify
from copilot.results import Answer, Deleted, SearchResult
from policy.errors import Misconfigured
from policy.labels import Classification, Label
from policy.principal import Asker, Principal
from retrieval.stores.postgres.database import Database
from tests.integration.audited import record
from tests.integration.erased import found, runs, said
from tests.integration.sealed import seal
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio

U, S = (Label(tenant="t1", classification=one) for one in (Classification.U, Classification.S))
TEXT = (
    "Anton Drell met the harbour master on the northern pier at Kestrel Quay before the tanker left. "
    "He paid forty thousand francs in cash to Alder Shipping for the berth and asked for no receipt."
)
OTHER = "Elsa Vance keeps the books of Alder Shipping in a narrow room above the chandler's shop."
OURS = {"act", "decided", "index", "read", "scope"}
"""Openings with no text of anybody's that has eight words."""
QUESTION = "Who met the harbour master on the northern pier at Kestrel Quay?"
TITLE = "What the watchman of Kestrel Quay saw on the night of the third of May"


def someone(sub: str, level: Classification) -> Asker:
    principal = Principal(
        sub=sub,
        tenant="t1",
        clearance=level,
        nationality="USA",
        roles=frozenset(["analyst", "ingester", "auditor", "admin"]),
        purposes=("investigation",),
    )
    return Asker(principal=principal, purpose="investigation")


ANN, LOW = someone("ann", Classification.S), someone("low", Classification.U)


def document(name: str, text: str = TEXT, label: Label = S, title: str = TITLE) -> Document:
    parts = (Part(label=label, text=text),)
    return Document(document_id=name, title=title, label=label, parts=parts, source="watch.md")


async def answered(copilot: Copilot, question: str = QUESTION, who: Asker = ANN) -> Answer:
    outcome = await copilot.ask(who, question)
    assert isinstance(outcome, Answer), outcome
    return outcome


async def deleted(copilot: Copilot, name: str = "a", who: Asker = ANN) -> Deleted:
    outcome = await copilot.administration.delete(who, name)
    assert isinstance(outcome, Deleted), outcome
    return outcome


def some_seconds_pass(owner: Owner) -> None:
    """Since the deletion: by how much clocks may differ, whoever asks now may have asked before it."""
    owner.execute("UPDATE erased_texts SET closed_at = closed_at - interval '10 seconds'")


async def test_no_eight_words_of_it_are_left_anywhere(copilot: Copilot, database_url: str) -> None:
    await copilot.ingest(ANN, [document("a"), document("b", OTHER, title="")])
    given = await answered(copilot)
    assert {c.document_id for s in given.sentences for c in s.citations} == {"a"}
    await copilot.search(ANN, "What did the harbour master of Kestrel Quay get for the berth?")
    before = found(said(database_url), TEXT, TITLE)
    assert before >= {"parts.text", "chunks.text", "documents.title", "answers.body"}
    assert "ledger_openings.value" in before
    await deleted(copilot)
    assert found(said(database_url), TEXT, TITLE) == set()
    assert found(said(database_url), OTHER) >= {"parts.text", "chunks.text"}
    result = await verify(database_url)
    assert result.problems == []
    assert result.erased > 0


async def test_its_vectors_and_postings_are_gone_from_memory(copilot: Copilot) -> None:
    await copilot.ingest(ANN, [document("a"), document("b", OTHER, title="")])
    await answered(copilot)
    await deleted(copilot)
    outcome = await copilot.search(ANN, QUESTION)
    assert isinstance(outcome, SearchResult)
    assert {one.chunk.document_id for one in outcome.contexts} <= {"b"}


async def test_the_record_names_each_opening_that_went(copilot: Copilot, owner: Owner) -> None:
    await copilot.ingest(ANN, [document("a")])
    given = await answered(copilot)
    named = "SELECT ledger_id, name FROM ledger_openings"
    before = {(row["ledger_id"], row["name"]) for row in owner.execute(named).fetchall()}
    await deleted(copilot)
    left = {(row["ledger_id"], row["name"]) for row in owner.execute(named).fetchall()}
    [record] = owner.execute(
        """SELECT convert_from(value, 'UTF8')::json AS erased FROM ledger_openings o JOIN ledger_acts a
           USING (ledger_id) WHERE a.kind = 'erasure' AND o.name = 'erased'"""
    ).fetchall()
    went = {(one["ledger_id"], name) for one in record["erased"] for name in one["names"]}
    assert went == before - left
    assert {"answer", "contexts", "question"} <= {
        name for ledger_id, name in went if ledger_id == given.ledger_id
    }


async def test_a_question_in_other_words_stays(copilot: Copilot, owner: Owner) -> None:
    await copilot.ingest(ANN, [document("a")])
    given = await answered(copilot, "Who did the harbour master meet?")
    await deleted(copilot)
    rows = owner.execute(
        "SELECT name FROM ledger_openings WHERE ledger_id = %s", [given.ledger_id]
    ).fetchall()
    names = {row["name"] for row in rows}
    assert {"act", "index", "question", "plan"} <= names
    assert not {"answer", "contexts", "dropped"} & names


async def test_what_another_document_says_as_well_stays_with_what_was_made_of_it(
    copilot: Copilot, database_url: str
) -> None:
    """Somebody who may not read what is deleted asks of a copy that they may read."""
    await copilot.ingest(ANN, [document("a"), document("open", label=U, title="")])
    given = await answered(copilot, who=LOW)
    await deleted(copilot)
    assert {"parts.text", "answers.body"} <= found(said(database_url), TEXT)
    read = await copilot.answer(LOW, given.answer_id)
    assert isinstance(read, Answer)
    assert read.sentences == given.sentences


async def test_an_answer_from_an_earlier_version_goes_with_the_later_one(
    copilot: Copilot, database_url: str
) -> None:
    await copilot.ingest(ANN, [document("a")])
    await answered(copilot)
    await copilot.ingest(ANN, [document("a", f"{TEXT} Nobody saw him again.")])
    await deleted(copilot)
    assert found(said(database_url), TEXT, TITLE) == set()


async def test_a_record_that_comes_after_the_deletion_keeps_nothing_of_it(
    copilot: Copilot, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion comes between the last look at what may be read and the record."""
    await copilot.ingest(ANN, [document("a")])
    ledger = copilot._pipeline._ledger
    record, late = ledger.record, False

    async def recorded(one: Any, answer: Any = None) -> str:
        nonlocal late
        if answer is not None and not late:
            late = True
            await deleted(copilot)
        return await record(one, answer)

    monkeypatch.setattr(ledger, "record", recorded)
    await copilot.ask(ANN, QUESTION)
    assert late
    assert found(said(database_url), TEXT, TITLE) == set()
    assert (await verify(database_url)).problems == []


async def test_what_is_taken_in_again_is_recorded_again(copilot: Copilot, owner: Owner) -> None:
    await copilot.ingest(ANN, [document("a")])
    await deleted(copilot)
    some_seconds_pass(owner)
    await copilot.ingest(ANN, [document("a")])
    given = await answered(copilot)
    rows = owner.execute(
        "SELECT FROM ledger_openings WHERE ledger_id = %s AND name IN ('answer', 'contexts')",
        [given.ledger_id],
    ).fetchall()
    assert len(rows) == 2
    assert isinstance(await copilot.answer(ANN, given.answer_id), Answer)


async def test_deleting_while_others_ask_leaves_nothing_and_breaks_nobody(
    copilot: Copilot, database_url: str
) -> None:
    many = [document(f"d{n}", f"{TEXT} Berth number {n} was his.", title="") for n in range(6)]
    await copilot.ingest(ANN, many)
    kinds: list[str] = []

    async def ask() -> None:
        for _ in range(4):
            outcome = await copilot.ask(ANN, "Who did the harbour master meet?")
            kinds.append(outcome.kind)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(ask)
        for n in range(6):
            tasks.start_soon(deleted, copilot, f"d{n}")
    assert set(kinds) <= {"Answer", "NotFound", "Denied"}
    assert found(said(database_url), TEXT) == set()
    assert (await verify(database_url)).problems == []


async def somebody_waits(owner: Owner, which: LiteralString = "true") -> None:
    for _ in range(200):
        if owner.execute(f"SELECT FROM pg_locks WHERE NOT granted AND {which}").fetchall():
            return
        await anyio.sleep(0.05)
    raise AssertionError("nobody waits for a lock")


async def test_questions_are_answered_while_the_ledger_is_gone_through(
    copilot: Copilot, database_url: str, owner: Owner
) -> None:
    """Of what goes through everything the last is to note other documents: it waits here, and nobody else."""
    await copilot.ingest(ANN, [document("a"), document("b", OTHER, title="")])
    async with anyio.create_task_group() as tasks:
        with owner.transaction():
            owner.execute("LOCK TABLE erasure_others IN EXCLUSIVE MODE")
            tasks.start_soon(deleted, copilot)
            await somebody_waits(owner)
            await answered(copilot, "Who keeps the books of Alder Shipping?")
    assert found(said(database_url), TEXT) == set()


@pytest.mark.parametrize("table", ["erased_openings", "erased_parts", "ledger_acts"])
async def test_an_erasure_that_dies_in_the_middle_has_done_nothing(
    copilot: Copilot,
    database_url: str,
    owner: Owner,
    table: str,
) -> None:
    await copilot.ingest(ANN, [document("a")])
    given = await answered(copilot)
    owner.execute(
        """CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"""
    )
    when = "WHEN (NEW.kind = 'erasure')" if table == "ledger_acts" else ""
    owner.execute(
        f"CREATE TRIGGER die AFTER INSERT ON {table} FOR EACH ROW {when} EXECUTE FUNCTION die()".encode()
    )
    before = found(said(database_url), TEXT)
    assert (await copilot.administration.delete(ANN, "a")).kind == "Unavailable"
    assert found(said(database_url), TEXT) == before
    assert owner.execute("SELECT FROM erasures").fetchall() == []
    assert isinstance(await copilot.answer(ANN, given.answer_id), Answer)
    owner.execute(f"DROP TRIGGER die ON {table}".encode())
    await deleted(copilot)
    assert found(said(database_url), TEXT) == set()


async def test_nothing_is_erased_without_a_record_of_it(
    copilot: Copilot, database_url: str, owner: Owner
) -> None:
    """Whoever writes may begin an erasure; it does not come to be unless it is recorded and the parts go."""
    from retrieval.stores.postgres.database import Role, serving_conninfo

    await copilot.ingest(ANN, [document("a")])
    await answered(copilot)
    [row] = owner.execute("SELECT part_id, label_id FROM parts").fetchall()
    before = found(said(database_url), TEXT)
    label_id, part_id = row["label_id"], row["part_id"]
    with psycopg.connect(serving_conninfo(database_url, Role.WRITER, 10)) as writer:
        scoped = [f"{{{label_id}}}"]
        writer.execute("SELECT set_config('copilot.label_ids', %s, true)", scoped)
        assert writer.execute("SELECT * FROM erase_traces('e', '-infinity')").fetchall() == []
        begin = "SELECT begin_erasure('e', 't1', %s, 'a', 'ann', %s)"
        writer.execute(begin, [label_id, [part_id]])
        # What may still be going on is left to the second pass, before which nobody is kept waiting.
        earlier = "SELECT * FROM erase_traces('e', '-infinity', now() - interval '5 minutes')"
        assert writer.execute(earlier).fetchall() == []
        went = writer.execute("SELECT * FROM erase_traces('e', '-infinity')").fetchall()
        assert went
        with pytest.raises(psycopg.errors.RaiseException, match="must be"):
            writer.commit()
        writer.rollback()
    assert found(said(database_url), TEXT) == before


async def test_what_is_ours_in_a_record_is_not_taken_for_the_text_of_who_quotes_it(
    copilot: Copilot, database_url: str, owner: Owner
) -> None:
    """Else whoever may take in and delete could take out of the ledger that a model was called."""
    why = "the language model is overloaded; ask again in a moment"
    call = {"provider": "p", "model": "writer-1", "why": why, "duration_ms": 1, "usage": None}
    ids = [f"{n:032x}" for n in range(8)]
    told = {"question": "Who?", "contexts": [], "failed_calls": [call], "decision_ids": ids}
    database = Database(database_url, timeout_s=30)
    await database.open()
    given = await Ledger(database).record(record(ANN, Kind.ASK, "BrokenOff", **told))
    await database.close()
    await copilot.ingest(ANN, [document("a", f"He wrote: {why}. And: {' '.join(ids)}.", title="")])
    await deleted(copilot)
    kept = owner.execute(
        "SELECT name FROM ledger_openings WHERE ledger_id = %s", [given]
    ).fetchall()
    assert {"failed_calls", "decision_ids", "question"} <= {row["name"] for row in kept}
    assert (await verify(database_url)).problems == []


async def test_a_reason_is_erased_and_who_did_what_for_it_is_not(
    copilot: Copilot, database_url: str, owner: Owner
) -> None:
    """Else whoever gives a long reason takes all that they did out of the ledger, by deleting these words."""
    long = "file seven of the northern pier, as the prosecutor asked us on Monday"
    spied = replace(someone("spy", Classification.S), reason=long)
    await copilot.ingest(ANN, [document("b", OTHER, label=U, title="")])
    await copilot.document(spied, "b")
    found_by = "SELECT ledger_id FROM {} WHERE sub = 'spy'"
    tables = ("ledger_acts", "ledger_timeline", "ledger_touched")
    before = [owner.execute(found_by.format(one).encode()).fetchall() for one in tables]
    assert all(before)
    await copilot.ingest(ANN, [document("a", f"They said: {long}.", title="")])
    await deleted(copilot)
    assert [owner.execute(found_by.format(one).encode()).fetchall() for one in tables] == before
    [read] = {row["ledger_id"] for row in before[0]}
    kept = owner.execute("SELECT name FROM ledger_openings WHERE ledger_id = %s", [read]).fetchall()
    names = {row["name"] for row in kept}
    assert {"act", "index", "read"} <= names
    assert "reason" not in names
    assert found(said(database_url), long) == set()
    assert (await verify(database_url)).problems == []


async def test_nothing_is_erased_by_whom_no_key_of_the_log_vouches_for(
    copilot: Copilot, database_url: str, owner: Owner
) -> None:
    """Verifiers would not believe it, ever."""
    await copilot.ingest(ANN, [document("a")])
    await seal(database_url)
    with pytest.raises(Misconfigured, match="set COPILOT_LEDGER_KEY"):
        await copilot.administration.delete(ANN, "a")
    assert owner.execute("SELECT FROM documents").rowcount == 1
    assert found(said(database_url), TEXT) != set()
    last = owner.execute(
        "SELECT kind FROM ledger_acts ORDER BY recorded_at DESC LIMIT 1"
    ).fetchone()
    assert last == {"kind": "failed"}


async def test_what_joins_the_texts_of_a_record_is_nobodys(
    copilot: Copilot, database_url: str, owner: Owner
) -> None:
    """Else whoever may take in and delete could take out of the ledger who did what, and by what was decided."""
    await copilot.ingest(ANN, [document("b", OTHER, label=U, title="")])
    spied = replace(someone("spy", Classification.S), reason="for file 7")
    await copilot.document(spied, "b")
    await answered(copilot, "Who keeps the books of Alder Shipping?", spied)
    openings = "SELECT ledger_id, name, convert_from(value, 'UTF8') AS value FROM ledger_openings"
    before = owner.execute(openings).fetchall()
    quoted = "\n\n".join(sorted({row["value"] for row in before if row["name"] in OURS}))
    await copilot.ingest(LOW, [document("a", quoted, label=U, title="")])
    assert runs(quoted) & runs("impersonated_by null kind read label authorities classification")
    await deleted(copilot, who=LOW)
    left = {(row["ledger_id"], row["name"]) for row in owner.execute(openings).fetchall()}
    assert {(row["ledger_id"], row["name"]) for row in before} <= left
    assert (await verify(database_url)).problems == []
