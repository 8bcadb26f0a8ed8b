"""A search gives what an answer would be written from, and records it."""

from collections.abc import Sequence

import pytest

from copilot.citations import sha256
from copilot.ledger.records import Kind
from copilot.results import Denied, SearchResult
from copilot.serialise import search_json
from copilot.testing import MemoryCorpus
from copilot.wording import CHANGED
from policy import engine as rules
from policy.embedded import EmbeddedEngine
from policy.engine import Decision
from policy.errors import BadInput
from policy.labels import Label
from policy.principal import Asker
from tests.unit.bench import QUESTION, Bench, Meanwhile, document
from tests.unit.governed import asker, label

pytestmark = pytest.mark.anyio


async def found(bench: Bench, who: Asker, question: str, k: int | None) -> SearchResult:
    outcome = await bench.pipeline().search(who, question, k)
    assert isinstance(outcome, SearchResult), outcome
    return outcome


async def test_a_search_gives_what_would_be_passed_on_and_records_it(bench: Bench) -> None:
    result = await found(bench, asker(), QUESTION, None)
    assert [one.chunk.document_id for one in result.contexts] == ["charter"]
    assert bench.generator.recorded_before == []
    [record] = bench.ledger.records
    assert (record.kind, record.outcome) == (Kind.SEARCH, "SearchResult")
    assert result.ledger_id == "ledger-1"
    shown = search_json(result)["contexts"]
    assert [one["sha256"] for one in record.details["contexts"]] == [
        sha256(one["text"]) for one in shown
    ]


@pytest.mark.parametrize("k", [0, -1, 1001])
async def test_k_outside_its_limits_is_refused(bench: Bench, k: int) -> None:
    with pytest.raises(BadInput, match=f"between 1 and 1000, not {k}"):
        await bench.pipeline().search(asker(), QUESTION, k)
    assert bench.ledger.records == []


@pytest.mark.parametrize(("k", "expected"), [(1, 1), (2, 2), (1000, 2)])
async def test_k_counts_distinct_documents(bench: Bench, k: int, expected: int) -> None:
    result = await found(bench, asker("S"), QUESTION, k)
    names = [one.chunk.document_id for one in result.contexts]
    assert len(names) == len(set(names)) == expected


async def test_one_long_document_does_not_crowd_out_the_others(bench: Bench) -> None:
    padding = " ".join(["filler"] * 110)
    paragraphs = [f"Halder signed charter {n} of the Kestrel. {padding}." for n in range(60)]
    await bench.corpus.put(document("long", "\n\n".join(paragraphs), label("U")))
    await bench.corpus.put(document("other", "An unrelated tug sank.", label("U")))
    result = await found(bench, asker("U"), "Halder signed charter Kestrel filler", 2)
    assert [one.chunk.document_id for one in result.contexts] == ["long", "other"]


@pytest.mark.parametrize("k", [None, 2])
async def test_a_search_whose_asker_is_revoked_meanwhile_gives_nothing(
    corpus: MemoryCorpus, k: int | None
) -> None:
    """Also where it found nothing that is closed now: a result tells what there was."""
    engine = Meanwhile(lambda: corpus.labels.revoke("t1", "ann"))
    bench = Bench(corpus, engine)
    outcome = await bench.pipeline().search(asker(), QUESTION, k)
    await engine.close()
    assert outcome == Denied(text=CHANGED, reason="changed", ledger_id="ledger-1")
    [record] = bench.ledger.records
    assert (record.kind, record.outcome) == (Kind.SEARCH, "Denied")
    assert record.details["stopped"] == "changed"


async def test_a_search_whose_source_is_deleted_meanwhile_gives_nothing(
    corpus: MemoryCorpus,
) -> None:
    engine = Meanwhile(lambda: corpus.remove("charter"))
    outcome = await Bench(corpus, engine).pipeline().search(asker(), QUESTION, None)
    await engine.close()
    assert isinstance(outcome, Denied)


class ClosedTheSecondTime(EmbeddedEngine):
    """Opens what was found, and closes what is read after it."""

    asked = 0

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        self.asked += 1
        decisions = await super().may_read(asker, labels)
        return decisions if self.asked == 1 else [rules.Denied(reason="label") for _ in decisions]


@pytest.mark.parametrize(("deciding", "passages"), [(EmbeddedEngine, 2), (ClosedTheSecondTime, 1)])
async def test_a_neighbour_is_decided_on_again_as_well(
    deciding: type[EmbeddedEngine], passages: int
) -> None:
    engine = deciding()
    padding = " ".join(["the ship waited for a berth outside the harbour"] * 14)
    text = (
        f"Halder came aboard. Then {padding}.\n\nHe signed the charter of the Kestrel. {padding}."
    )
    corpus = MemoryCorpus()
    await corpus.put(document("log", text, label("U")))
    bench = Bench(corpus, engine)
    result = await found(bench, asker(), "Who signed the charter of the Kestrel?", None)
    await engine.close()
    assert [one.precedes is None for one in result.contexts] == [False, True][-passages:]
    [record] = bench.ledger.records
    assert len(record.details["recheck_dropped"]) == 2 - passages
    mismatches = bench.metrics.registry.get_sample_value("copilot_recheck_mismatches_total")
    assert mismatches == 2 - passages
