"""A large corpus out of a small one: real passages recombined, real vectors with noise, the product's own writer.

To embed a million passages takes hours. Each copy of the base corpus has its own names, so that names lead to
as few passages as they do in the base; each passage has one sentence of another, in turn one of four. What is
measured on such a corpus is time and agreement with exact search, never the quality of answers.
"""

import asyncio
import pickle
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import chain, combinations, count, islice

import numpy as np
import psycopg

from copilot.bench.corpus import PERSON
from copilot.commands.asker import as_asker
from copilot.ingest import writer
from copilot.ingest.behind import Behind
from copilot.ingest.documents import Document, Part
from copilot.ingest.heads import label_ids
from copilot.ingest.prepare import (
    PreparedDocument,
    PreparedPart,
    chunk_id_of,
    digest,
    part_id_of,
    prepare,
)
from copilot.ledger.log import Ledger
from policy.embedded import EmbeddedEngine
from policy.labels import Classification, Label
from policy.scope import Scope, Scoper
from retrieval import definitions
from retrieval.embedding import DIMENSION, Embedder, Model, Vectors
from retrieval.sentences import split
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.labels import PostgresLabels
from retrieval.stores.postgres.queries import Queries
from retrieval.terms import Terms

_SQL = Queries("copilot.bench", "recombined.sql")
_SOURCE = "recombined"
_NOISE = 0.02
"""Standard deviation of each of a vector's coordinates, before it is brought to length one again."""
_SENTENCES = 4
_BATCH = 2_048
"""Documents that are written together: of many, more go into the same blocks of the keyword index."""
_LANES = 2
"""Transactions at a time. Each has labels of its own, so that none waits for another's."""
_PATIENCE_S = 60.0
_COMPARTMENTS = tuple(f"C{number}" for number in range(12))
_UNLABELLED = Label(tenant=PERSON.tenant, classification=Classification.U)
"""Of what is copied, until the copy gets a label of its own."""
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
) -> None:
    """Brings the database of this URL to about so many chunks.

    `documents` are titles and texts of the base corpus, which stands in the database already.
    """
    async with filling(url) as (database, scope):
        passages = await base(documents, embedder)
        await fill(database, scope, passages, chunks - await _own(url))


async def stored(url: str) -> int:
    """How many chunks there are; the planner is then told, too, what there is."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("VACUUM ANALYZE")
        cursor = await connection.execute("SELECT sum(chunks) FROM label_statistics")
        row = await cursor.fetchone()
    return int(row[0] or 0) if row else 0


@asynccontextmanager
async def filling(url: str) -> AsyncIterator[tuple[Database, Scope]]:
    """The database of this URL, and a scope that shows all of `labels`."""
    engine, database = EmbeddedEngine(), Database(url, timeout_s=_PATIENCE_S)
    await database.open()
    try:
        ledger = Ledger(database)
        for label in chain.from_iterable(labels().values()):
            await ledger.label_id(label)
        yield database, await Scoper(engine, PostgresLabels(database)).scope(as_asker(READER))
    finally:
        await database.close()
        await engine.close()


async def _own(url: str) -> int:
    """Chunks of the base corpus."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(_SQL["others"], {"source": _SOURCE})
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def fill(
    database: Database,
    scope: Scope,
    passages: Sequence[Passage],
    chunks: int,
    *,
    seed: int = 0,
    batch: int = _BATCH,
    written: Callable[[int], None] = lambda _: None,
) -> None:
    """Brings what this wrote to about so many chunks; `written` is told of how many after each transaction.

    The scope must show all of `labels`. The next documents are made while some are written. They are determined by
    the seed, and those of a label come in one order: as many as stand there already are the first ones.
    """
    ids = label_ids(scope)

    async def write(documents: Sequence[PreparedDocument]) -> None:
        async with database.transaction(Role.WRITER, scope.label_ids) as connection:
            await writer.place(connection, scope, documents, ids, PERSON.sub)
        written(_chunks(documents))

    lanes = [_Lane(present, batch, write) for present in await _present(database, scope)]
    made = 0
    try:
        async for copy in _copies(passages, seed):
            if made >= chunks:
                break
            made += copy.chunks
            await lanes[ids[copy.label.canonical()] % _LANES].take(copy)
        for lane in lanes:
            await lane.done()
    finally:
        for lane in lanes:
            await lane.stop()


async def _present(database: Database, scope: Scope) -> list[int]:
    """How many documents `fill` has written here, for each lane."""
    values = {"source": _SOURCE, "lanes": _LANES}
    async with database.transaction(Role.WRITER, scope.label_ids) as connection:
        query = _SQL.scoped("present", scope.label_ids)
        rows = await (await connection.execute(query, values)).fetchall()
    found = {row["lane"]: row["documents"] for row in rows}
    return [found.get(lane, 0) for lane in range(_LANES)]


class _Lane:
    """Writes the documents of some labels, in their order, but for the first ones, which are present."""

    def __init__(
        self,
        present: int,
        batch: int,
        write: Callable[[Sequence[PreparedDocument]], Coroutine[None, None, None]],
    ) -> None:
        self._present, self._most, self._write = present, batch, write
        self._behind = Behind()
        self._batch: list[PreparedDocument] = []

    async def take(self, copy: "_Copy") -> None:
        if self._present:
            self._present -= 1
            return
        self._batch.append(copy.prepared())
        await asyncio.sleep(0)  # whoever writes goes on as soon as the database has answered
        if len(self._batch) == self._most:
            await self._begin()

    async def done(self) -> None:
        """Writes the rest."""
        if self._batch:
            await self._begin()
        await self._behind.done()

    async def stop(self) -> None:
        await self._behind.stop()

    async def _begin(self) -> None:
        batch, self._batch = self._batch, []
        await self._behind.begin(self._write(batch))


def _chunks(documents: Iterable[PreparedDocument]) -> int:
    return sum(len(part.chunks) for one in documents for part in one.parts)


@dataclass(frozen=True, slots=True)
class _Copy:
    """One of the documents, as it is drawn; what costs time comes with `prepared`."""

    seed: int
    copy: int
    number: int
    """Of the passage."""
    passage: Passage
    model: bytes
    chunks: int
    label: Label

    def prepared(self) -> PreparedDocument:
        """The noise is the document's own, whatever was prepared before it."""
        noise = _Noise(self.seed, self.copy, self.number)
        document_id = f"{self.number}-{self.copy}"
        return _copied(self.model, document_id, self.copy, self.label, self.passage, noise)


async def _copies(passages: Sequence[Passage], seed: int) -> AsyncIterator[_Copy]:
    rng = random.Random(seed)  # noqa: S311  a corpus is no secret
    terms, every = Terms(), labels()
    models: dict[tuple[int, int], tuple[bytes, int]] = {}
    for copy in count(1):
        for number, passage in enumerate(passages):
            key = number, copy % _SENTENCES
            if key not in models:
                other = passages[rng.randrange(len(passages))]
                models[key] = await _model(passage, other, rng, terms)
            model, chunks = models[key]
            label = _drawn(every, rng)
            yield _Copy(seed, copy, number, passage, model, chunks, label)


async def _model(
    passage: Passage, other: Passage, rng: random.Random, terms: Terms
) -> tuple[bytes, int]:
    """The passage as prepared for copy 0, in bytes (a tenth of the size, and quickly renamed), and its chunks."""
    text = f"{_renamed(passage)} {next(_sentences(other, rng))}"
    document = Document(
        document_id="",
        title=f"{passage.title} {_MARK}",
        label=_UNLABELLED,
        parts=(Part(label=_UNLABELLED, text=text),),
        source=_SOURCE,
    )
    prepared = await prepare(document, _Nothing(), terms)
    return pickle.dumps(prepared), _chunks([prepared])


def _copied(
    model: bytes, document_id: str, copy: int, label: Label, passage: Passage, noise: "_Noise"
) -> PreparedDocument:
    """What `prepare` would give for the copy: its marks are of one length, so that every place stays."""
    mark = _mark(copy)
    renamed = model.replace(_MARK.encode(), mark.encode())
    renamed = renamed.replace(_MARK.lower().encode(), mark.lower().encode())
    prepared: PreparedDocument = pickle.loads(renamed)  # noqa: S301  made by `_model`
    [old] = prepared.parts
    part = replace(old.part, label=label)
    document = replace(prepared.document, document_id=document_id, label=label, parts=(part,))
    part_id = part_id_of(document, part)
    chunks = [
        replace(
            chunk,
            chunk_id=chunk_id_of(part_id, chunk.start, chunk.text),
            embedding=vectors[0],
            sentences=tuple(
                (span, vector)
                for (span, _), vector in zip(chunk.sentences, vectors[1:], strict=True)
            ),
        )
        for chunk in old.chunks
        if len(vectors := noise.around(passage.vector, 1 + len(chunk.sentences)))
    ]
    return PreparedDocument(
        document=document,
        sha256=digest(document),
        parts=(PreparedPart(part=part, part_id=part_id, chunks=tuple(chunks)),),
        model=prepared.model,
    )


def _drawn(every: dict[Classification, list[Label]], rng: random.Random) -> Label:
    [level] = rng.choices([*SHARES], [*SHARES.values()])
    # Zipf: the n-th label has a share of one in n.
    return every[level][min(int(_LABELS ** rng.random()), _LABELS) - 1]


_LETTERS = str.maketrans("0123456789", "bcdfghjkmp")


def _mark(copy: int) -> str:
    """What tells the names of a copy from those of the others: a word that is no identifier and has no ending."""
    return "Q" + f"{copy:06}".translate(_LETTERS)


_MARK = _mark(0)


def _renamed(passage: Passage) -> str:
    """The text with the mark of copy 0 after each name."""
    pieces, start = [], 0
    for end in passage.named:
        pieces.append(f"{passage.text[start:end]} {_MARK}")
        start = end
    return "".join([*pieces, passage.text[start:]])


def _sentences(passage: Passage, rng: random.Random) -> Iterator[str]:
    spans = split(passage.text)
    yield rng.choice(spans).of(passage.text) if spans else passage.text


class _Nothing:
    """An embedder for what gets its vectors later."""

    @property
    def model(self) -> Model:
        return Model(name="noise", dimension=DIMENSION, sha256="")

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.empty((len(texts), 0), np.float32)


class _Noise:
    """Vectors near a vector."""

    def __init__(self, *seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def around(self, vector: Vectors, count: int) -> Vectors:
        noise = self._rng.standard_normal((count, len(vector)), np.float32)
        found = vector + np.float32(_NOISE) * noise
        unit: Vectors = found / np.linalg.norm(found, axis=1, keepdims=True)
        return unit
