"""Batches of documents."""

import pytest

from copilot.ingest.batch import _MOST_CHUNKS, _MOST_DOCUMENTS, Batch
from copilot.ingest.documents import Document, Part
from copilot.ingest.prepare import PreparedDocument, prepare
from copilot.testing import FakeEmbedder
from policy.labels import Classification, Label
from retrieval.terms import Terms

pytestmark = pytest.mark.anyio

U, S = (Label(tenant="t1", classification=Classification(level)) for level in "US")


async def document(name: str, text: str = "The quay.", label: Label = U) -> PreparedDocument:
    part = Part(label=label, text=text)
    return await prepare(
        Document(document_id=name, title="", label=label, parts=(part,), source="test"),
        FakeEmbedder(),
        Terms(),
    )


async def test_it_gives_what_it_took_in_order_and_begins_anew() -> None:
    batch = Batch()
    some = [await document(name) for name in ("b", "a")]
    for one in some:
        assert batch.takes(one)
        batch.add(one)
    assert batch.taken() == some
    assert batch.taken() == []


async def test_the_same_document_waits_for_the_next_and_another_label_is_another_document() -> None:
    batch = Batch()
    batch.add(await document("a"))
    assert not batch.takes(await document("a", "The berth."))
    assert batch.takes(await document("a", label=S))
    batch.taken()
    assert batch.takes(await document("a", "The berth."))


async def test_it_is_full_by_documents_and_by_chunks() -> None:
    batch = Batch()
    for number in range(_MOST_DOCUMENTS):
        batch.add(await document(str(number)))
    assert not batch.takes(await document("more"))
    long = await document(
        "long", "\n\n".join(f"Note {n}. " + "word " * 150 for n in range(_MOST_CHUNKS))
    )
    assert sum(len(part.chunks) for part in long.parts) >= _MOST_CHUNKS
    other = Batch()
    assert other.takes(long)
    other.add(await document("a"))
    assert not other.takes(long)
