"""Whoever loses access, or what they read from, gets nothing more: not the next sentence, not the outcome."""

from collections.abc import Callable

import pytest

from copilot.ask import Outcome
from copilot.citations import sha256
from copilot.ledger.log import Record, StoredAnswer
from copilot.results import Answer, Denied, Sentence
from copilot.testing import MemoryCorpus
from copilot.wording import CHANGED
from policy.embedded import EmbeddedEngine
from tests.unit.bench import QUESTION, SAILED, SIGNED, Bench, document
from tests.unit.governed import KeptLedger, asker, label

pytestmark = pytest.mark.anyio


async def streamed(bench: Bench) -> list[Sentence | Outcome]:
    bench.generator.lines = (SIGNED, SAILED)
    return [item async for item in bench.pipeline().stream(asker(), QUESTION)]


def revoke(bench: Bench) -> None:
    bench.corpus.labels.revoke("t1", "ann")


def delete(bench: Bench) -> None:
    bench.corpus.remove("charter")


@pytest.mark.parametrize("restriction", [revoke, delete])
async def test_a_restriction_stops_a_stream_before_its_next_sentence(
    bench: Bench, restriction: Callable[[Bench], None]
) -> None:
    bench.generator.before = {1: lambda: restriction(bench)}
    first, last = await streamed(bench)
    assert (first.text, last) == (
        SIGNED,
        Denied(text=CHANGED, reason="changed", ledger_id="ledger-2"),
    )
    assert bench.ledger.outcomes == ["Opened", "Denied"]
    closing = bench.ledger.records[-1].details
    assert closing["stopped"] == "changed"
    assert [one["sha256"] for one in closing["answer"]] == [sha256(SIGNED)]
    assert bench.generator.closed
    assert bench.ledger.answers == []


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("restriction", [revoke, delete])
async def test_it_stops_the_first_sentence_and_the_outcome_as_well(
    bench: Bench, restriction: Callable[[Bench], None], number: int
) -> None:
    bench.generator.before = {number: lambda: restriction(bench)}
    *sentences, last = await streamed(bench)
    assert len(sentences) == number
    assert isinstance(last, Denied)
    assert bench.ledger.answers == []


async def test_a_new_label_stops_it_too_where_the_reader_may_read_that_one(bench: Bench) -> None:
    """What was sent bears the old marking; what is still to come must not."""

    async def streaming() -> list[Sentence | Outcome]:
        items: list[Sentence | Outcome] = []
        bench.generator.lines = (SIGNED, SAILED)
        async for item in bench.pipeline().stream(asker("S"), QUESTION):
            items.append(item)
            if len(items) == 1:
                bench.corpus.remove("charter")
                await bench.corpus.put(document("charter", f"{SIGNED} {SAILED}", label("S")))
        return items

    *sentences, last = await streaming()
    assert len(sentences) == 1
    assert isinstance(last, Denied)


async def test_a_new_name_of_the_document_stops_it_where_it_is_shown_no_more(bench: Bench) -> None:
    """The same text, whose document now bears another id: a citation would name the old one."""
    bench.generator.lines = (SIGNED, SAILED)
    stream = bench.pipeline().stream(asker(), QUESTION)
    await anext(stream)
    bench.corpus.remove("charter")
    await bench.corpus.put(document("renamed", f"{SIGNED} {SAILED}", label("C")))
    assert isinstance(await anext(stream), Denied)


async def test_a_fence_that_concerns_others_stops_nothing(bench: Bench) -> None:
    bench.generator.before = {
        0: lambda: bench.corpus.labels.revoke("t1", "bob"),
        1: lambda: bench.corpus.remove("payment"),
    }
    assert isinstance((await streamed(bench))[-1], Answer)


class RevokedAtOnce(KeptLedger):
    """Its asker is revoked as soon as their question is recorded."""

    async def record(self, record: Record, answer: StoredAnswer | None = None) -> str:
        if record.outcome == "Opened":
            self.labels.revoke("t1", "ann")
        return await super().record(record, answer)


async def test_a_revoked_asker_is_not_even_told_that_nothing_was_found(
    engine: EmbeddedEngine,
) -> None:
    bench = Bench(MemoryCorpus(), engine)
    bench.ledger = RevokedAtOnce(bench.corpus.labels)
    outcome = await bench.pipeline().ask(asker(), QUESTION)
    assert outcome == Denied(text=CHANGED, reason="changed", ledger_id="ledger-2")


async def test_a_slow_reader_of_a_strict_answer_gets_no_sentence_after_the_restriction(
    bench: Bench,
) -> None:
    """All sentences were checked long ago; each is released only now."""
    bench.generator.lines = (SIGNED, SAILED)
    stream = bench.pipeline(strict=True).stream(asker(), QUESTION)
    assert (await anext(stream)).text == SIGNED
    revoke(bench)
    assert isinstance(await anext(stream), Denied)
    closing = bench.ledger.records[-1].details
    assert [one["sha256"] for one in closing["answer"]] == [sha256(SIGNED)]
