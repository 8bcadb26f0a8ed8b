"""A stored answer is shown only to whoever may now read all that it cites."""

import json
from dataclasses import replace

import pytest

from copilot import answers
from copilot.citations import sha256
from copilot.ingest.documents import Document, Part
from copilot.results import Answer, Citation, Explanation, Sentence, Usage
from copilot.serialise import answer_json
from copilot.testing import MemoryCorpus, MemoryPassages
from policy.labels import Label
from policy.scope import Scope, Scoper
from retrieval.stores.postgres.database import Role
from tests.unit.governed import asker, label
from tests.unit.policy.fakes import ListedLabels
from tests.unit.rows import RowsDatabase

pytestmark = pytest.mark.anyio

TEXT = "Halder signed the charter."
EXPLANATION = Explanation(plan={"terms": ["halder"]}, arms={"vector": 2}, paths=(("a", "b"),))


@pytest.fixture
async def corpus() -> MemoryCorpus:
    """One part that is open and whose document's own label is secret; one that is secret."""
    corpus = MemoryCorpus()
    for name, of, part in (("open", "S", "U"), ("secret", "S", "S")):
        parts = (Part(label=label(part), text=f"{TEXT} {name}"),)
        await corpus.put(
            Document(document_id=name, title=name, label=label(of), parts=parts, source="x.md")
        )
    return corpus


async def scope_of(corpus: MemoryCorpus, *labels: Label) -> Scope:
    return await Scoper(ListedLabels(set(labels)), corpus.labels).scope(asker())


async def stored(corpus: MemoryCorpus, *names: str) -> Answer:
    """An answer that cites the parts of these documents, as somebody with all labels got it."""
    scope = await scope_of(corpus, label("U"), label("S"))
    chunks = {one.document.document.document_id: one for one in corpus.visible(scope)}
    sentences = [
        Sentence(
            text=TEXT,
            marking="(U)",
            citations=(
                Citation(
                    document_id=name,
                    part_id=chunks[name].part.part_id,
                    chunk_id=chunks[name].chunk.chunk_id,
                    start=0,
                    end=len(TEXT),
                    quote=TEXT,
                    quote_sha256=sha256(TEXT),
                    label=chunks[name].part.part.label,
                    entities=("Halder",),
                ),
            ),
        )
        for name in names
    ]
    return Answer(
        text=TEXT,
        banner="UNCLASSIFIED",
        sentences=tuple(sentences),
        explanation=EXPLANATION,
        answer_id="a1",
        ledger_id="",
        model="m",
        usage=Usage(input_tokens=3, cost_usd=0.0),
    )


def database(answer: Answer, *label_ids: int) -> RowsDatabase:
    """Holds the answer, which was made of texts under these labels."""
    body = json.loads(json.dumps(answer_json(answer)).replace("0.0", "0"))
    return RowsDatabase({"": [{"body": body, "sub": "ann", "label_ids": list(label_ids)}]})


async def test_an_answer_goes_with_any_text_that_went_into_it_cited_or_not(
    corpus: MemoryCorpus,
) -> None:
    answer = await stored(corpus, "open")
    everything = await scope_of(corpus, label("U"), label("S"))
    read_too = [one.chunk.chunk_id for one in corpus.visible(everything)]
    body = json.loads(json.dumps(answer_json(answer))) | {"rests_on": read_too}
    held = RowsDatabase({"": [{"body": body, "sub": "ann", "label_ids": []}]})
    passages = MemoryPassages(corpus)
    assert await answers.read(held, passages, everything, "a1", "ann") is not None
    less = await scope_of(corpus, label("U"))
    assert await answers.read(held, passages, less, "a1", "ann") is None


async def test_its_asker_reads_it_again_as_it_was(corpus: MemoryCorpus) -> None:
    answer = await stored(corpus, "open", "secret")
    scope = await scope_of(corpus, label("U"), label("S"))
    read = await answers.read(database(answer), MemoryPassages(corpus), scope, "a1", "ann")
    assert read == answer


async def test_it_is_read_in_the_readers_scope_and_tenant(corpus: MemoryCorpus) -> None:
    scope = await scope_of(corpus, label("U"))
    store = database(await stored(corpus, "open"))
    await answers.read(store, MemoryPassages(corpus), scope, "a1", "ann")
    assert store.transactions == [(Role.READER, scope.label_ids)]
    assert store.values == [{"answer_id": "a1", "tenant": "t1"}]


async def test_somebody_else_is_not_shown_how_it_was_found(corpus: MemoryCorpus) -> None:
    answer = await stored(corpus, "open")
    scope = await scope_of(corpus, label("U"), label("S"))
    read = await answers.read(database(answer), MemoryPassages(corpus), scope, "a1", "bob")
    assert read is not None
    assert read.sentences == answer.sentences
    assert read.explanation == Explanation(plan={}, arms={}, paths=())


async def test_what_was_made_of_originator_controlled_texts_goes_to_its_asker_alone(
    corpus: MemoryCorpus,
) -> None:
    controlled = replace(label("U"), handling=frozenset(["ORCON"]))
    label_id = corpus.labels.intern(controlled)
    scope = await scope_of(corpus, label("U"), controlled)
    store = database(await stored(corpus, "open"), label_id)
    passages = MemoryPassages(corpus)
    assert await answers.read(store, passages, scope, "a1", "ann") is not None
    assert await answers.read(store, passages, scope, "a1", "bob") is None


async def test_one_hidden_citation_hides_the_whole_answer(corpus: MemoryCorpus) -> None:
    store = database(await stored(corpus, "open", "secret"))
    scope = await scope_of(corpus, label("U"))
    assert await answers.read(store, MemoryPassages(corpus), scope, "a1", "ann") is None


async def test_an_answer_whose_source_is_gone_is_gone(corpus: MemoryCorpus) -> None:
    store = database(await stored(corpus, "open"))
    scope = await scope_of(corpus, label("U"), label("S"))
    gone = MemoryPassages(MemoryCorpus())
    assert await answers.read(store, gone, scope, "a1", "ann") is None


async def test_a_document_id_that_the_reader_may_not_see_is_that_of_the_part(
    corpus: MemoryCorpus,
) -> None:
    answer = await stored(corpus, "open")
    scope = await scope_of(corpus, label("U"))
    read = await answers.read(database(answer), MemoryPassages(corpus), scope, "a1", "ann")
    assert read is not None
    [citation] = read.sentences[0].citations
    assert citation.document_id == citation.part_id != "open"


async def test_an_absent_answer_is_none(corpus: MemoryCorpus) -> None:
    scope = await scope_of(corpus, label("U"))
    empty = RowsDatabase({})
    assert await answers.read(empty, MemoryPassages(corpus), scope, "a1", "ann") is None
