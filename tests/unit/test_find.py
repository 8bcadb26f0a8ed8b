"""The first half of a question's way, over the shipped fakes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from copilot.find import Finder
from copilot.ingest.documents import Document, Part
from copilot.telemetry import Metrics
from copilot.testing import FakeEmbedder, MemoryCorpus, MemoryGraph, MemoryPassages
from policy.embedded import EmbeddedEngine
from policy.engine import Decision, Denied
from policy.labels import Classification, Label
from policy.principal import Asker
from policy.scope import Scope, Scoper
from retrieval.hybrid import Hybrid
from retrieval.types import Chunk
from tests.unit.governed import asker

pytestmark = pytest.mark.anyio

U, S = (Label(tenant="t1", classification=Classification(level)) for level in "US")
QUESTION = "Which tanker is at the quay?"


class Read(MemoryPassages):
    """Notes how many texts were asked for."""

    texts = 0

    async def chunks(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        self.texts += len(chunk_ids)
        return await super().chunks(chunk_ids, scope=scope)


class Stricter(EmbeddedEngine):
    """At the second look it opens nothing that is secret."""

    async def may_read(self, asker: Asker, labels: Sequence[Label]) -> list[Decision]:
        opened = await super().may_read(asker, labels)
        return [
            Denied(reason="changed") if label == S else one
            for label, one in zip(labels, opened, strict=True)
        ]


@dataclass
class Found:
    """A finder over 60 documents, of which the better half is secret."""

    finder: Finder
    passages: Read

    async def documents(self, k: int) -> list[Label]:
        asked = await self.finder.documents(asker("S"), QUESTION, k)
        assert len({one.chunk.document_id for one in asked.contexts}) == len(asked.contexts)
        return [one.chunk.label for one in asked.contexts]


@pytest.fixture(params=[EmbeddedEngine, Stricter])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[EmbeddedEngine]:
    engine: EmbeddedEngine = request.param()
    yield engine
    await engine.close()


@pytest.fixture
async def found(engine: EmbeddedEngine) -> Found:
    corpus = MemoryCorpus()
    for number in range(60):
        label, text = (S, "tanker quay") if number % 2 else (U, "tanker")
        part = Part(label=label, text=f"{text} {number}")
        name = f"D{number}"
        await corpus.put(
            Document(document_id=name, title="", label=label, parts=(part,), source="test")
        )
    passages = Read(corpus)
    finder = Finder(
        engine=engine,
        scoper=Scoper(engine, corpus.labels),
        hybrid=Hybrid(passages, MemoryGraph(corpus), FakeEmbedder()),
        relevance=cast(Any, None),
        neighbours=cast(Any, None),
        metrics=Metrics(),
    )
    return Found(finder, passages)


async def test_as_many_documents_as_are_asked_for_come_whatever_the_second_look_refuses(
    found: Found, engine: EmbeddedEngine
) -> None:
    best = U if isinstance(engine, Stricter) else S
    assert await found.documents(8) == [best] * 8


@pytest.mark.parametrize("engine", [EmbeddedEngine], indirect=True)
async def test_no_more_texts_are_read_than_it_takes(found: Found) -> None:
    await found.documents(8)
    assert found.passages.texts < 40
