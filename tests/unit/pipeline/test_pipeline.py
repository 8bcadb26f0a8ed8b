"""A question leaves a record before a model is asked, and only checked sentences come back."""

from contextlib import aclosing

import anyio
import pytest

from copilot.citations import sha256
from copilot.generation.extractive import Extractive
from copilot.generation.router import Busy, Patience, Router
from copilot.ledger.records import Kind
from copilot.results import Answer, NotFound, Sentence, Usage
from copilot.serialise import outcome_json, stored_answer
from copilot.testing import MemoryCorpus
from copilot.wording import NOT_FOUND
from policy.errors import BadInput, Unavailable
from tests.unit.bench import (
    HIDDEN,
    QUESTION,
    SAILED,
    SIGNED,
    USAGE,
    Bench,
    ChangedMind,
    Scripted,
)
from tests.unit.governed import asker, label

pytestmark = pytest.mark.anyio


async def test_the_opening_record_is_durable_before_the_model_is_asked(bench: Bench) -> None:
    await bench.pipeline().ask(asker(), QUESTION)
    assert bench.generator.recorded_before == [["Opened"]]


async def test_without_an_opening_record_the_model_is_not_asked(bench: Bench) -> None:
    bench.ledger.broken_for = "Opened"
    with pytest.raises(Unavailable, match="nothing was released"):
        await bench.pipeline().ask(asker(), QUESTION)
    assert bench.generator.recorded_before == []
    assert bench.ledger.records == []


async def test_an_answer_is_cited_marked_and_recorded(bench: Bench) -> None:
    answer = await bench.pipeline().ask(asker(), QUESTION)
    assert isinstance(answer, Answer)
    [sentence] = answer.sentences
    [citation] = sentence.citations
    assert (answer.text, sentence.text, citation.quote) == (SIGNED, SIGNED, SIGNED)
    assert (sentence.marking, citation.document_id) == ("(C)", "charter")
    assert (citation.entities, citation.relation) == (("Halder",), "signed")
    assert (answer.model, answer.usage, answer.ledger_id) == ("fake-1", USAGE, "ledger-2")
    assert bench.ledger.outcomes == ["Opened", "Answer"]
    opening, closing = bench.ledger.records
    assert opening.details["opening"] is None
    assert opening.details["answer"] == []
    assert closing.details["opening"] == "ledger-1"
    assert closing.details["answer"][0]["sha256"] == sha256(SIGNED)
    assert closing.details["model"]["attempts"] == 2
    assert closing.details["model"]["cost_usd"] == USAGE.cost_usd
    assert closing.details["prompt"]["template"] == "answer"
    assert closing.details["contexts"][0]["document_id"] == "charter"


async def test_the_stored_answer_is_the_released_one_under_the_labels_of_all_it_read(
    bench: Bench,
) -> None:
    answer = await bench.pipeline().ask(asker(), QUESTION)
    assert isinstance(answer, Answer)
    [stored] = bench.ledger.answers
    assert stored.answer_id == answer.answer_id
    assert stored.label_ids == (bench.corpus.labels.intern(label("C")),)
    assert stored_answer(dict(stored.body)).sentences == answer.sentences
    read = sorted(one.chunk.chunk_id for one in bench.generator.contexts)
    released = outcome_json(answer) | {"ledger_id": "", "timings_ms": {}}
    assert released | {"rests_on": read} == stored.body


async def test_what_the_asker_may_not_read_reaches_neither_the_model_nor_the_record(
    bench: Bench,
) -> None:
    await bench.pipeline().ask(asker("C"), QUESTION)
    assert {one.chunk.document_id for one in bench.generator.contexts} == {"charter"}
    assert not [record for record in bench.ledger.records if "payment" in str(record.details)]
    bench.generator.lines = [HIDDEN]
    cleared = await bench.pipeline().ask(asker("S"), "Who paid Halder for the charter?")
    assert isinstance(cleared, Answer)
    assert cleared.sentences[0].marking == "(S)"


async def test_a_record_is_as_strict_as_its_asker(bench: Bench) -> None:
    await bench.pipeline().ask(asker("TS", "ORION"), QUESTION)
    for record in bench.ledger.records:
        assert record.label.dominates(label("TS", "ORION"))
        assert record.kind is Kind.ASK
        assert record.policy_revision == bench.engine.revision("t1")


async def test_sentences_come_before_the_outcome_and_in_their_order(bench: Bench) -> None:
    bench.generator.lines = [SAILED, SIGNED]
    items = [item async for item in bench.pipeline().stream(asker(), QUESTION)]
    assert [type(item) for item in items] == [Sentence, Sentence, Answer]
    assert [item.text for item in items] == [SAILED, SIGNED, f"{SAILED} {SIGNED}"]


async def test_whoever_leaves_early_leaves_a_record_of_what_was_sent(bench: Bench) -> None:
    bench.generator.lines = [SIGNED, SAILED]
    async with aclosing(bench.pipeline().stream(asker(), QUESTION)) as items:
        await anext(items)
    await anyio.wait_all_tasks_blocked()  # the event loop closes what nobody reads any more
    assert bench.generator.closed
    assert bench.ledger.outcomes == ["Opened", "BrokenOff"]
    details = bench.ledger.records[-1].details
    assert [one["sha256"] for one in details["answer"]] == [sha256(SIGNED)]
    assert details["opening"] == "ledger-1"
    [left] = details["failed_calls"]
    assert (left["provider"], left["model"]) == ("offline", "fake-1")
    assert left["why"] == "it was not waited for until its end"
    assert bench.ledger.answers == []


@pytest.mark.parametrize("lines", [[], [SIGNED]])
async def test_a_model_that_fails_leaves_a_closing_record_and_its_error(
    bench: Bench, lines: list[str]
) -> None:
    bench.generator.lines, bench.generator.error = lines, Unavailable("model", "down")
    with pytest.raises(Unavailable, match="down"):
        await bench.pipeline().ask(asker(), QUESTION)
    assert bench.ledger.outcomes == ["Opened", "BrokenOff"]
    details = bench.ledger.records[-1].details
    assert len(details["answer"]) == len(lines)
    assert [one["why"] for one in details["failed_calls"]] == ["down"]


async def test_each_call_of_a_model_that_failed_is_recorded(bench: Bench) -> None:
    busy, offline = Scripted(bench.ledger, lines=(), error=Busy("overloaded")), bench.generator
    router = Router(busy, fallback=offline, patience=Patience(attempts=2, first_delay_s=0.0))
    assert isinstance(await bench.pipeline(router).ask(asker(), QUESTION), Answer)
    _, answered = bench.ledger.records
    who = {"provider": "offline", "model": "fake-1"}
    failed = {**who, "why": "overloaded", "duration_ms": 0, "usage": None}
    assert answered.details["failed_calls"] == [failed] * 2
    assert answered.details["model"]["attempts"] == 3
    with pytest.raises(Busy):
        await bench.pipeline(Router(busy, patience=Patience(attempts=1))).ask(asker(), QUESTION)
    assert bench.ledger.outcomes[-1] == "BrokenOff"
    assert bench.ledger.records[-1].details["failed_calls"] == [failed]


async def test_an_answer_that_is_not_recorded_is_not_released(bench: Bench) -> None:
    bench.ledger.broken_for = "Answer"
    items = bench.pipeline().stream(asker(), QUESTION)
    assert isinstance(await anext(items), Sentence)
    with pytest.raises(Unavailable, match="ledger"):
        await anext(items)
    assert bench.ledger.outcomes == ["Opened", "BrokenOff"]


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        ("Halder signed nothing at all in Oslo.", "citation"),
        ("The key is -----BEGIN RSA PRIVATE KEY-----.", "scan"),
    ],
)
async def test_a_sentence_that_fails_a_check_is_dropped_counted_and_recorded(
    bench: Bench, line: str, stage: str
) -> None:
    bench.generator.lines = [line, SIGNED]
    answer = await bench.pipeline().ask(asker(), QUESTION)
    assert isinstance(answer, Answer)
    assert answer.text == SIGNED
    [dropped] = bench.ledger.records[-1].details["dropped"]
    assert (dropped["stage"], dropped["sha256"]) == (stage, sha256(line))
    assert dropped["reason"]
    assert line not in str(bench.ledger.records[-1].details)
    assert bench.counted("dropped_sentences", reason=stage) == 1


async def test_where_every_sentence_is_dropped_nothing_was_found(bench: Bench) -> None:
    bench.generator.lines = ["Halder signed nothing at all in Oslo."]
    outcome = await bench.pipeline().ask(asker(), QUESTION)
    assert isinstance(outcome, NotFound)
    assert (outcome.text, outcome.model, outcome.usage) == (NOT_FOUND, "fake-1", USAGE)
    assert bench.ledger.outcomes == ["Opened", "NotFound"]
    assert bench.ledger.answers == []


async def test_what_the_double_check_refuses_is_counted_recorded_and_kept_from_the_model(
    corpus: MemoryCorpus,
) -> None:
    engine = ChangedMind(label("S"))
    bench = Bench(corpus, engine)
    bench.generator.lines = [HIDDEN, SIGNED]
    answer = await bench.pipeline().ask(asker("S"), QUESTION)
    await engine.close()
    assert isinstance(answer, Answer)
    assert answer.text == SIGNED
    assert {one.chunk.document_id for one in bench.generator.contexts} == {"charter"}
    details = bench.ledger.records[-1].details
    assert [one["document_id"] for one in details["recheck_dropped"]] == ["payment"]
    assert [one["stage"] for one in details["dropped"]] == ["scan"]
    assert bench.counted("recheck_mismatches") == 1


async def test_a_name_that_no_passage_bears_is_not_found_without_asking_a_model(
    bench: Bench,
) -> None:
    outcome = await bench.pipeline().ask(asker(), "Why did Dorrance sign the charter?")
    assert isinstance(outcome, NotFound)
    assert bench.generator.recorded_before == []
    assert outcome.usage == Usage()
    closing = bench.ledger.records[-1]
    assert closing.outcome == "NotFound"
    assert closing.details["unnamed"] == ["dorrance"]
    assert (closing.details["prompt"], closing.details["model"]["provider"]) == (None, "none")


async def test_a_hidden_name_and_an_absent_one_look_the_same(bench: Bench) -> None:
    question = "Why was {} paid?"
    hidden, absent = [
        await bench.pipeline().ask(asker("U"), question.format(name)) for name in ("Reiss", "Quell")
    ]
    assert isinstance(hidden, NotFound)
    assert isinstance(absent, NotFound)
    assert (hidden.text, hidden.model, hidden.usage) == (absent.text, absent.model, absent.usage)
    assert bench.generator.recorded_before == []


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("why " * 1001, "4004 characters"),
        ("who\x00", "NUL"),
        ("who \ud800", "half a character"),
    ],
)
async def test_a_question_that_cannot_be_one_is_refused_before_anything_is_recorded(
    bench: Bench, question: str, why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        await bench.pipeline().ask(asker(), question)
    with pytest.raises(BadInput, match=why):
        await bench.pipeline().search(asker(), question, 3)
    assert bench.ledger.records == []


async def test_the_longest_question_is_taken(bench: Bench) -> None:
    await bench.pipeline().ask(asker(), QUESTION.ljust(4000))
    assert bench.ledger.outcomes[0] == "Opened"


async def test_the_offline_generator_answers_in_the_words_of_the_source(bench: Bench) -> None:
    answer = await bench.pipeline(Extractive()).ask(asker(), QUESTION)
    assert isinstance(answer, Answer)
    assert SIGNED in [sentence.text for sentence in answer.sentences]
    assert all(sentence.text in f"{SIGNED} {SAILED}" for sentence in answer.sentences)
