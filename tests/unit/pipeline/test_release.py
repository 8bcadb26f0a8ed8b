"""What the output scan finds is redacted with its reason, or refuses the whole answer where policy is strict."""

from collections.abc import Sequence

import pytest

from copilot.ask import Outcome
from copilot.citations import sha256
from copilot.results import Answer, Denied, NotFound, Redaction, Sentence
from copilot.testing import MemoryCorpus
from copilot.wording import REFUSED
from policy.embedded import EmbeddedEngine
from policy.engine import Release
from policy.errors import Unavailable
from policy.principal import Asker
from tests.unit.bench import HIDDEN, QUESTION, SAILED, SIGNED, Bench, ChangedMind, document
from tests.unit.governed import asker, label

pytestmark = pytest.mark.anyio

LINKED = "The charter of the Kestrel is kept at https://kestrel.example/charter for all to see."
KEY = "Halder signed the charter with AKIAIOSFODNN7EXAMPLE in his own hand."
CANARY = "Halder signed the charter for quagmire-violet-harpsichord alone."
LINK, CREDENTIAL = "a link or an image that leads outside", "a credential"


@pytest.fixture
async def bench(corpus: MemoryCorpus, engine: EmbeddedEngine) -> Bench:
    """With a source in which something stands that must not go out as it is."""
    await corpus.put(document("charter", f"{SIGNED} {SAILED} {LINKED}", label("C")))
    return Bench(corpus, engine)


async def streamed(
    bench: Bench, *lines: str, strict: bool = False, who: Asker | None = None
) -> list[Sentence | Outcome]:
    bench.generator.lines = lines
    pipeline = bench.pipeline(strict=strict, canaries=["quagmire-violet-harpsichord"])
    return [item async for item in pipeline.stream(who or asker(), QUESTION)]


def texts(items: Sequence[Sentence | Outcome]) -> list[str]:
    return [item.text for item in items]


async def test_what_is_taken_out_is_told_with_its_reason_and_how_often(bench: Bench) -> None:
    *sentences, answer = await streamed(bench, SIGNED, LINKED, KEY)
    assert isinstance(answer, Answer)
    assert len(sentences) == 2
    assert "https://" not in answer.text
    assert "AKIA" not in answer.text
    assert answer.redactions == (
        Redaction(reason=CREDENTIAL, count=1),
        Redaction(reason=LINK, count=1),
    )
    closing = bench.ledger.records[-1]
    assert closing.details["scan"] == {"credential": 1, "link": 1}
    assert "AKIA" not in str(closing.details)
    assert bench.ledger.answers[0].body["redactions"] == [
        {"reason": CREDENTIAL, "count": 1},
        {"reason": LINK, "count": 1},
    ]
    assert bench.counted("scan_findings", kind="link") == 1


async def test_where_all_is_taken_out_nothing_was_found_and_why_is_told(bench: Bench) -> None:
    [outcome] = await streamed(bench, KEY)
    assert isinstance(outcome, NotFound)
    assert outcome.redactions == (Redaction(reason=CREDENTIAL, count=1),)


async def test_planted_text_is_recorded_and_never_told_of(bench: Bench) -> None:
    *_, answer = await streamed(bench, CANARY, SIGNED)
    assert isinstance(answer, Answer)
    assert (answer.text, answer.redactions) == (SIGNED, ())
    assert bench.ledger.records[-1].details["scan"] == {"canary": 1}
    [dropped] = bench.ledger.records[-1].details["dropped"]
    assert (dropped["stage"], dropped["sha256"]) == ("scan", sha256(CANARY))


async def test_what_the_double_check_dropped_is_recorded_and_never_told_of(
    corpus: MemoryCorpus,
) -> None:
    engine = ChangedMind(label("S"))
    bench = Bench(corpus, engine)
    *_, answer = await streamed(bench, HIDDEN, SIGNED, who=asker("S"))
    await engine.close()
    assert isinstance(answer, Answer)
    assert (answer.text, answer.redactions) == (SIGNED, ())
    assert bench.ledger.records[-1].details["scan"] == {"dropped_context": 1}


@pytest.mark.parametrize("bad", [LINKED, KEY, CANARY])
@pytest.mark.parametrize("last", [True, False])
async def test_strict_refuses_the_whole_answer_and_not_one_sentence_leaves(
    bench: Bench, bad: str, last: bool
) -> None:
    lines = (SIGNED, bad) if last else (bad, SIGNED, SAILED)
    [outcome] = await streamed(bench, *lines, strict=True)
    assert outcome == Denied(text=REFUSED, reason="output", ledger_id="ledger-2")
    assert bench.ledger.outcomes == ["Opened", "Denied"]
    closing = bench.ledger.records[-1].details
    assert (closing["stopped"], closing["answer"]) == ("output", [])
    assert sum(closing["scan"].values()) == 1
    assert bench.ledger.answers == []


async def test_strict_lets_out_what_nothing_was_found_in_once_all_of_it_is_known(
    bench: Bench,
) -> None:
    bench.generator.lines = (SIGNED, SAILED)
    stream = bench.pipeline(strict=True).stream(asker(), QUESTION)
    first = await anext(stream)
    assert bench.generator.closed
    assert texts([first, *[item async for item in stream]]) == [
        SIGNED,
        SAILED,
        f"{SIGNED} {SAILED}",
    ]
    assert bench.ledger.outcomes == ["Opened", "Answer"]


async def test_strict_records_as_sent_only_what_was_sent(bench: Bench) -> None:
    bench.generator.lines = (SIGNED, SAILED)
    stream = bench.pipeline(strict=True).stream(asker(), QUESTION)
    await anext(stream)
    await stream.aclose()
    assert bench.ledger.outcomes == ["Opened", "BrokenOff"]
    assert [one["sha256"] for one in bench.ledger.records[-1].details["answer"]] == [sha256(SIGNED)]


class Refusing(EmbeddedEngine):
    """Lets nothing out, or cannot decide."""

    def __init__(self, fault: Exception | None = None) -> None:
        super().__init__()
        self._fault = fault

    async def may_release(
        self, asker: Asker, *, cited: bool, findings: Sequence[str], strict: bool
    ) -> Release:
        if self._fault:
            raise self._fault
        return Release.REFUSE


async def test_policy_has_the_last_word_on_every_sentence(corpus: MemoryCorpus) -> None:
    engine = Refusing()
    bench = Bench(corpus, engine)
    [outcome] = await streamed(bench, SIGNED)
    await engine.close()
    assert isinstance(outcome, Denied)
    assert outcome.reason == "output"


async def test_where_policy_cannot_decide_on_the_output_nothing_leaves(
    corpus: MemoryCorpus,
) -> None:
    engine = Refusing(Unavailable("policy", "no policy"))
    bench = Bench(corpus, engine)
    with pytest.raises(Unavailable, match="no policy"):
        await streamed(bench, SIGNED)
    await engine.close()
    assert bench.ledger.outcomes == ["Opened", "BrokenOff"]
    assert bench.ledger.records[-1].details["answer"] == []
