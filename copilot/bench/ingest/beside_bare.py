"""Documents taken in, in turn with the bare embedder on the very texts that they are cut into."""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from copilot.bench.ingest.stage import Stage
from copilot.bench.report import Figure, Report
from copilot.ingest.documents import Document
from copilot.ingest.prepare import prepare
from retrieval.embedding import Embedder, Model, Vectors
from retrieval.terms import Terms

_RATIO = 0.85
_WARMING = 16


async def beside_bare(report: Report, stage: Stage, count: int, rounds: int) -> None:
    """Each round takes in documents that are new, and embeds their texts alone, in alternating order.

    The ratio is that of the middle round. On a machine that does other things as well, ingest gets more of
    it than the bare embedder, since it has more processes: the ratio of processor time tells then.
    """
    warming, documents = stage.documents[:_WARMING], stage.documents[_WARMING : _WARMING + count]
    await stage.take(warming)
    texts = [await _texts(one, stage.embedder.model) for one in documents]
    chunks = sum(chunks for _, chunks in texts)
    taken = [
        await _round(stage, documents[at::rounds], [some for some, _ in texts[at::rounds]], at)
        for at in range(rounds)
    ]
    bare, ingest = (_Spent.sum(side) for side in zip(*taken, strict=True))
    ratio = median(one.seconds / other.seconds for one, other in taken)
    of_processor = bare.processor_s / ingest.processor_s
    report.figures |= {
        "documents_per_second": _rate(len(documents), ingest, "documents/s"),
        "chunks_per_second": _rate(chunks, ingest, "chunks/s"),
        "ratio_to_bare_embedder": Figure(
            value=round(ratio, 3), unit="×", goal=_RATIO, more_is_better=True
        ),
        "ratio_of_processor_time": Figure(value=round(of_processor, 3), unit="×"),
    }
    report.peers["bare embedder"] = {
        "documents_per_second": _rate(len(documents), bare, "").value,
        "chunks_per_second": _rate(chunks, bare, "").value,
        "texts": sum(len(some) for some, _ in texts),
    }
    await _stages(report, stage, documents, bare.seconds)


@dataclass(frozen=True, slots=True)
class _Spent:
    """What some work took: by the clock, and of the processors, Postgres included."""

    seconds: float
    processor_s: float

    @classmethod
    def sum(cls, some: Iterable["_Spent"]) -> "_Spent":
        every = list(some)
        return cls(sum(one.seconds for one in every), sum(one.processor_s for one in every))


async def _spent(stage: Stage, work: Awaitable[object]) -> _Spent:
    used = time.process_time() + await stage.postgres_s()
    seconds = await _seconds(work)
    return _Spent(seconds, time.process_time() + await stage.postgres_s() - used)


def _rate(count: int, spent: _Spent, unit: str) -> Figure:
    return Figure(value=round(count / spent.seconds, 2), unit=unit)


async def _round(
    stage: Stage, documents: tuple[Document, ...], texts: Sequence[Sequence[str]], number: int
) -> tuple[_Spent, _Spent]:
    """What the bare embedder took, and what ingest took."""
    if number % 2:
        ingest = await _spent(stage, stage.take(documents))
        return await _spent(stage, _embedded(stage.embedder, texts)), ingest
    bare = await _spent(stage, _embedded(stage.embedder, texts))
    return bare, await _spent(stage, stage.take(documents))


async def _stages(
    report: Report, stage: Stage, documents: tuple[Document, ...], bare_s: float
) -> None:
    """Each by itself, in milliseconds a document; side by side they take less."""
    known, terms = _Known(stage.embedder.model), Terms()

    async def prepared() -> None:
        for one in documents:
            await prepare(one, known, terms)

    taken = {
        "embedding": bare_s,
        "recognising_unchanged": await _seconds(stage.take(documents)),
        "preparation": await _seconds(prepared()),
    }
    await stage.emptied()
    taken["all_but_embedding"] = await _seconds(stage.take(documents, known))
    for name, seconds in taken.items():
        value = round(seconds / len(documents) * 1000, 3)
        report.figures[f"{name}_per_document"] = Figure(value=value, unit="ms")


async def _texts(document: Document, model: Model) -> tuple[list[str], int]:
    """What is embedded of a document, and how many chunks it has."""
    heard = _Heard(model)
    prepared = await prepare(document, heard, Terms())
    return heard.texts, sum(len(part.chunks) for part in prepared.parts)


async def _embedded(embedder: Embedder, texts: Sequence[Sequence[str]]) -> None:
    """All of them, with as many waiting as keep the embedder busy."""
    slots = asyncio.Semaphore(12)

    async def one(some: Sequence[str]) -> None:
        async with slots:
            await embedder.embed(some)

    await asyncio.gather(*map(one, texts))


async def _seconds(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


class _Known:
    """An embedder that need not think: its vectors stand in for those that are known already."""

    def __init__(self, model: Model) -> None:
        self.model = model
        vectors = np.random.default_rng(0).standard_normal((512, model.dimension), np.float32)
        self._vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.resize(self._vectors, (len(texts), self._vectors.shape[1]))

    async def embed_question(self, text: str) -> Vectors:
        [vector] = await self.embed([text])
        return np.asarray(vector, np.float32)


class _Heard(_Known):
    """Keeps what it is given."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return await super().embed(texts)
