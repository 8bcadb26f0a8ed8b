"""A scene for re-embedding: some documents under two labels, two people, and a second real model."""

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from copilot.acts import Copilot
from copilot.app import build
from copilot.commands.reembed import reembed
from copilot.ingest.documents import Document, Part
from copilot.results import SearchResult
from copilot.serialise import search_json
from copilot.settings import Settings
from policy.labels import Label
from policy.principal import Asker
from tests.integration.models import exported, own_model
from tests.unit.governed import asker, label

U, S = label("U"), label("S")
LOW, HIGH = asker("U"), asker("S")
QUESTIONS = ("Who chartered the Kestrel?", "Which crates came from Gdansk in winter?", "note 7")
_CHANGING = ("timings_ms", "ledger_id")


def document(number: int, level: Label = U, *, title: str = "") -> Document:
    text = (
        f"Halder chartered the Kestrel for note {number}. Some {number % 7} crates came from Gdansk"
        f" in {('spring', 'winter')[number % 2]}."
    )
    return Document(
        document_id=f"{level.classification}{number}",
        title=title or f"Note {number}",
        label=level,
        parts=(Part(label=level, text=text),),
        source="test",
    )


@dataclass(frozen=True, slots=True)
class Scene:
    """A database, the folder of models that belongs to it, and a model to change to."""

    settings: Settings
    mine: Path

    @property
    def url(self) -> str:
        assert self.settings.database_url is not None
        return self.settings.database_url

    @asynccontextmanager
    async def product(self, model: str | None = None) -> AsyncIterator[Copilot]:
        async with build(replace(self.settings, embedding_model=model)) as copilot:
            yield copilot

    async def take(self, documents: Sequence[Document], model: str | None = None) -> None:
        async with self.product(model) as copilot:
            report = await copilot.ingest(HIGH, documents)
        assert report.rejected == ()

    async def change(self, *, abandon: bool = False, model: str = "") -> None:
        """As a process of its own would: in a loop that shares nothing with those who serve."""
        options = Namespace(model=model or str(self.mine), abandon=abandon)
        assert await asyncio.to_thread(lambda: asyncio.run(reembed(self.settings, options))) == 0

    def rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def vectors(self, of: str = "true") -> set[tuple[str, int, bytes]]:
        """Every stored vector with its bits, and what it is of."""
        chunks = f"SELECT chunk_id, -1 AS at, vector_send(embedding) AS bits FROM chunks WHERE {of}"
        sentences = f"SELECT chunk_id, start_at, halfvec_send(embedding) FROM sentences WHERE {of}"
        rows = self.rows(f"{chunks} UNION ALL {sentences}")
        return {(row["chunk_id"], row["at"], row["bits"]) for row in rows}

    @property
    def begun(self) -> int:
        [row] = self.rows("SELECT count(next_embedding) AS count FROM chunks")
        return int(row["count"])


def scene(settings: Settings, models_dir: Path, tmp_path: Path, *, dimension: int = 64) -> Scene:
    """The second model is the first, cut to so many numbers and with a prefix."""
    models = tmp_path / "models"
    models.mkdir()
    built_in = exported(models_dir)
    (models / built_in.name).symlink_to(built_in)
    mine = own_model(models_dir, tmp_path, dimension=dimension, passage_prefix="passage: ")
    return Scene(replace(settings, models_dir=models), mine)


async def found(copilot: Copilot, question: str = QUESTIONS[0], who: Asker = LOW) -> str:
    """What a search gives, but for what may differ."""
    result = await copilot.search(who, question)
    assert isinstance(result, SearchResult), result
    outcome = search_json(result)
    return str({key: value for key, value in outcome.items() if key not in _CHANGING})
