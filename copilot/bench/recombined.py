"""A large corpus out of a small one: real passages recombined, real vectors with noise, the product's own writer.

To embed a million passages takes hours. Each copy of the base corpus has its own names, so that names lead to
as few passages as they do in the base; each passage has one sentence of another. What is measured on such a
corpus is time and agreement with exact search, never the quality of answers.
"""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, count, islice

import numpy as np
import psycopg

from copilot.bench.corpus import PERSON
from copilot.commands.asker import as_asker
from copilot.ingest import writer
from copilot.ingest.documents import Document, Part
from copilot.ingest.prepare import PreparedDocument, prepare
from copilot.ledger.log import Ledger
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.scope import Scope, Scoper
from retrieval import definitions
from retrieval.embedding import Embedder, Vectors
from retrieval.sentences import split
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.terms import Terms

_NOISE = 0.02
"""Standard deviation of each of a vector's coordinates, before it is brought to length one again."""
_BATCH = 256
_PATIENCE_S = 60.0
_COMPARTMENTS = tuple(f"C{number}" for number in range(12))
READER = replace(PERSON, clearance=Classification.TS, compartments=frozenset(_COMPARTMENTS))
"""Who may read all of it."""
_LABELS = 250
"""Of each classification."""
SHARES = {
    Classification.U: 0.001,
    Classification.C: 0.009,
    Classification.S: 0.09,
    Classification.TS: 0.9,
}
"""Of the chunks. A clearance thus shows 0.1 %, 1 %, 10 % or all of them."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the base corpus, its vector, and where it names what passages are about (code points)."""

    title: str
    text: str
    vector: Vectors
    named: tuple[int, ...]
    """Where each such name ends."""


async def base(documents: Sequence[tuple[str, str]], embedder: Embedder) -> list[Passage]:
    """From titles and texts."""
    known = {key for title, _ in documents for key in definitions.titled(title)}
    vectors = [(await embedder.embed([f"{title}\n{text}"]))[0] for title, text in documents]
    return [
        Passage(
            title,
            text,
            vector,
            tuple(one.end for one in definitions.chosen(definitions.namings(text), known)),
        )
        for (title, text), vector in zip(documents, vectors, strict=True)
    ]


def labels() -> dict[Classification, list[Label]]:
    """The labels of each classification; the first ones get the most, as it is with labels."""
    sets = [c for size in (2, 3) for c in combinations(_COMPARTMENTS, size)]
    return {
        level: [
            Label(tenant=PERSON.tenant, classification=level, compartments=frozenset(some))
            for some in islice(sets, _LABELS)
        ]
        for level in SHARES
    }


async def large(
    url: str, embedder: Embedder, documents: Sequence[tuple[str, str]], chunks: int
) -> int:
    """Brings the database of this URL to about so many chunks, once; gives how many there are.

    `documents` are titles and texts of the base corpus, which stands in the database already.
    """
    engine, database = EmbeddedEngine(), Database(url, timeout_s=_PATIENCE_S)
    await database.open()
    try:
        ledger = Ledger(database)
        for label in chain.from_iterable(labels().values()):
            await ledger.label_id(label)
        scope = await Scoper(engine, PostgresLabels(database)).scope(as_asker(READER))
        present = await _count(url)
        if present < chunks:
            await fill(database, scope, await base(documents, embedder), chunks - present)
        return await _count(url)
    finally:
        await database.close()
        await engine.close()


async def _count(url: str) -> int:
    """As the owner, who then also tells the planner what there is."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("VACUUM ANALYZE")
        cursor = await connection.execute("SELECT sum(chunks) FROM label_statistics")
        row = await cursor.fetchone()
    return int(row[0] or 0) if row else 0


async def fill(
    database: Database, scope: Scope, passages: Sequence[Passage], chunks: int, *, seed: int = 0
) -> None:
    """Writes about so many chunks. The scope must show all of `labels`."""
    ids = {label.canonical(): label_id for label_id, label in scope.labels.items()}
    made = 0
    batch: list[PreparedDocument] = []
    async for document in _documents(passages, seed):
        batch.append(document)
        made += sum(len(part.chunks) for part in document.parts)
        if len(batch) == _BATCH or made >= chunks:
            async with database.transaction(Role.WRITER, scope.label_ids) as connection:
                await writer.place(connection, scope, batch, ids, PERSON.sub)
            batch = []
        if made >= chunks:
            return


async def _documents(passages: Sequence[Passage], seed: int) -> AsyncIterator[PreparedDocument]:
    rng, noise = random.Random(seed), _Noise(seed)  # noqa: S311  a corpus is no secret
    terms, every = Terms(), labels()
    for copy in count(1):
        for number, passage in enumerate(passages):
            label = _drawn(every, rng)
            other = passages[rng.randrange(len(passages))]
            text = f"{_renamed(passage, copy)} {next(_sentences(other, rng))}"
            noise.around = passage.vector
            yield await prepare(
                Document(
                    document_id=f"{number}-{copy}",
                    title=f"{passage.title} {_suffix(copy)}",
                    label=label,
                    parts=(Part(label=label, text=text),),
                    source="recombined",
                ),
                noise,
                terms,
            )


def _drawn(every: dict[Classification, list[Label]], rng: random.Random) -> Label:
    [level] = rng.choices([*SHARES], [*SHARES.values()])
    # Zipf: the n-th label has a share of one in n.
    return every[level][min(int(_LABELS ** rng.random()), _LABELS) - 1]


def _suffix(copy: int) -> str:
    return f"Q{copy}"


def _renamed(passage: Passage, copy: int) -> str:
    """The text with the copy's own mark after each name."""
    pieces, start = [], 0
    for end in passage.named:
        pieces.append(f"{passage.text[start:end]} {_suffix(copy)}")
        start = end
    return "".join([*pieces, passage.text[start:]])


def _sentences(passage: Passage, rng: random.Random) -> Iterator[str]:
    spans = split(passage.text)
    yield rng.choice(spans).of(passage.text) if spans else passage.text


class _Noise:
    """An embedder that gives vectors near one vector, whatever the texts."""

    def __init__(self, seed: int) -> None:
        self.around: Vectors = np.zeros(0, np.float32)
        self._rng = np.random.default_rng(seed)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        shape = (len(texts), len(self.around))
        found = self.around + self._rng.normal(scale=_NOISE, size=shape).astype(np.float32)
        unit: Vectors = found / np.linalg.norm(found, axis=1, keepdims=True)
        return unit
