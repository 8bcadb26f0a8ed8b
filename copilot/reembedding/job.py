"""The job: another model's vectors are laid beside those that are searched, then put in their place at once.

It may be ended at any moment and begun anew: what is done stays done. It works as the owner of the tables, who
sees every label; what it writes lies in the very rows that it read, under their labels, and depends on each
passage alone.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from pgvector import HalfVector, Vector
from pgvector.psycopg import register_vector_async
from psycopg.errors import LockNotAvailable
from psycopg.rows import dict_row

from copilot.ingest.prepare import titled
from policy.errors import Misconfigured, Unavailable
from policy.labels import Label
from retrieval.embedding import Model, PassageEmbedder, Vectors
from retrieval.stores.postgres.connections import Connection, Severable
from retrieval.stores.postgres.queries import Queries

_SQL = Queries("copilot.reembedding", "job.sql")
_BATCH = 32
"""Chunks that are embedded and written together."""
_REWRITTEN = 256
_FEW = 8
"""Chunks that came in meanwhile and may be embedded while nobody else reads or writes."""
_PAUSE_S = 0.3
_PATIENCE_S = 600.0
_OPTIONS = "-c statement_timeout=1800000 -c idle_in_transaction_session_timeout=600000"

Row = Mapping[str, Any]
Record = Callable[[Connection, Model | None, Model], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Whose vectors are searched, and which model a job is on the way to."""

    stored: Model | None
    wanted: Model | None
    switched: bool
    """Whether the wanted one is searched already, and its predecessor's vectors still take room."""


class Reembedding:
    """One job over a connection of its own. Raises Unavailable where Postgres does not answer."""

    def __init__(self, connection: Connection, progress: Callable[[int], None]) -> None:
        self._connection = connection
        self._progress = progress

    async def state(self) -> State:
        row = await self._one("state")
        assert row is not None  # of one row and two that may be missing
        stored = {key: row[f"stored_{key}"] for key in ("name", "dimension", "sha256")}
        wanted = {key: row[key] for key in ("name", "dimension", "sha256")}
        return State(
            stored=Model(**stored) if stored["sha256"] else None,
            wanted=Model(**wanted) if wanted["sha256"] else None,
            switched=bool(row["switched"]),
        )

    async def tenants(self) -> list[str]:
        """Those who have any label."""
        cursor = await self._connection.execute(_SQL["tenants"])
        return [row["tenant"] for row in await cursor.fetchall()]

    async def run(self, embedder: PassageEmbedder, record: Record) -> bool:
        """Whether there was anything to do. `record` is called within the transaction that switches.

        Misconfigured where a job is on the way to another model.
        """
        model = embedder.model
        state = await self.state()
        if state.switched:
            await self._clean()
            state = await self.state()
        if state.wanted is not None and state.wanted.sha256 != model.sha256:
            raise Misconfigured(
                f"a re-embedding on the way to {state.wanted} was not finished: go on with that"
                " model, or first run `copilot reembed --abandon`"
            )
        if state.wanted is None and not await self._begun(state, model):
            return False
        await self._indexed()
        await self._fill(embedder)
        await self._switch(embedder, record)
        await self._clean()
        return True

    async def abandon(self) -> None:
        """Takes away what was laid beside the vectors that are searched."""

        async def work() -> bool:
            await self._connection.execute(_SQL["abandon"])
            return True

        await self._alone(work)

    async def _begun(self, state: State, model: Model) -> bool:
        if state.stored is not None and state.stored.sha256 == model.sha256:
            return False
        await self._connection.execute(_SQL["begin"], asdict(model))
        return True

    async def _indexed(self) -> None:
        """So that what is left to do is found at once. One that was not finished is of no use."""
        row = await self._one("indexed")
        if row is None or not row["valid"]:
            await self._connection.execute(_SQL["drop_index"])
            await self._connection.execute(_SQL["index"])

    async def _fill(self, embedder: PassageEmbedder) -> None:
        """All that lacks a vector, and again what came in or was replaced meanwhile, until little is left."""
        missing = _FEW + 1
        while missing > _FEW:
            after, missing = "", 0
            while rows := await self._lacking(after, _BATCH):
                written = await self._embed(rows, embedder)
                missing += len(rows) - written
                self._progress(written)
                after = rows[-1]["chunk_id"]
            if missing:
                await asyncio.sleep(_PAUSE_S)  # somebody is about to delete or replace them

    async def _lacking(self, after: str, limit: int) -> list[dict[str, Any]]:
        cursor = await self._connection.execute(_SQL["next"], {"after": after, "limit": limit})
        return await cursor.fetchall()

    async def _embed(self, rows: Sequence[Row], embedder: PassageEmbedder) -> int:
        """How many chunks got their vectors: those that are what they were when they were read."""
        embedded = [await _embedded(row, embedder) for row in rows]
        async with self._connection.transaction():
            values = {
                "chunk_ids": [row["chunk_id"] for row in rows],
                "versions": [row["version"] for row in rows],
            }
            cursor = await self._connection.execute(_SQL["hold"], values)
            held = {row["chunk_id"] for row in await cursor.fetchall()}
            some = [one for one in zip(rows, embedded, strict=True) if one[0]["chunk_id"] in held]
            await self._put(some)
        return len(held)

    async def _put(self, some: Sequence[tuple[Row, Vectors]]) -> None:
        chunks = {
            "chunk_id": [row["chunk_id"] for row, _ in some],
            "embedding": [Vector(vectors[0]) for _, vectors in some],
        }
        sentences = [
            (row["chunk_id"], start, HalfVector(vector))
            for row, vectors in some
            for start, vector in zip(row["starts"], vectors[1:], strict=True)
        ]
        await self._connection.execute(_SQL["put"], chunks)
        names = ("chunk_id", "start_at", "embedding")
        columns = {name: [one[at] for one in sentences] for at, name in enumerate(names)}
        if sentences:
            await self._connection.execute(_SQL["put_sentences"], columns)

    async def _switch(self, embedder: PassageEmbedder, record: Record) -> None:
        before = (await self.state()).stored

        async def work() -> bool:
            rows = await self._lacking("", _FEW + 1)
            if len(rows) > _FEW or await self._embed(rows, embedder) < len(rows):
                return False
            await self._connection.execute(_SQL["switch"])
            await record(self._connection, before, embedder.model)
            return True

        while not await self._alone(work):
            await self._fill(embedder)

    async def _alone(self, work: Callable[[], Awaitable[bool]]) -> bool:
        """Work in one transaction in which nobody else reads or writes vectors; it gives way until it need not."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                async with self._connection.transaction():
                    await self._connection.execute(_SQL["give_way"])
                    await self._connection.execute(_SQL["exclude"])
                    await self._connection.execute(_SQL["go_on"])
                    return await work()
            except LockNotAvailable as error:
                if time.monotonic() > until:
                    raise Unavailable(
                        "postgres", "somebody reads or writes all the time; run it again later"
                    ) from error
            await asyncio.sleep(_PAUSE_S)

    async def _clean(self) -> None:
        """Gives back the room of the vectors that were."""
        after = ""
        while True:
            row = await self._one("rewrite", {"after": after, "limit": _REWRITTEN})
            if row is None or row["last"] is None:
                break
            after = row["last"]
        await self._connection.execute(_SQL["vacuum"])
        await self._connection.execute(_SQL["end"])

    async def _one(self, name: str, values: Row | None = None) -> dict[str, Any] | None:
        return await (await self._connection.execute(_SQL[name], values)).fetchone()


@asynccontextmanager
async def opened(url: str, progress: Callable[[int], None]) -> AsyncIterator[Reembedding]:
    """The job over the owner's URL; Unavailable where another process is at it, or Postgres is not there."""
    try:
        async with await Severable[dict[str, Any]].connect(
            url, autocommit=True, row_factory=dict_row, options=_OPTIONS, connect_timeout=5
        ) as connection:
            await register_vector_async(connection)
            row = await (await connection.execute(_SQL["lock"])).fetchone()
            if row is None or not row["held"]:
                raise Unavailable("postgres", "another process is re-embedding already")
            yield Reembedding(connection, progress)
    except psycopg.Error as error:
        raise Unavailable(
            "postgres", "the database broke off; run it again, what is done stays done"
        ) from error


async def _embedded(row: Row, embedder: PassageEmbedder) -> Vectors:
    """The vectors of a chunk and of its sentences, as ingest would have made them."""
    tenant, text = row["tenant"], row["text"]
    label, about = (
        Label.from_json(row[name], tenant=tenant, where="stored label")
        for name in ("label", "about")
    )
    title = row["title"] if label.dominates(about) else ""
    spans = zip(row["starts"], row["ends"], strict=True)
    return await embedder.embed(titled(title, [text, *(text[start:end] for start, end in spans)]))
