"""The large corpora that benches measure on, and what is asked of them: made once, found by later runs."""

import json
import os
from dataclasses import replace
from pathlib import Path

from copilot.app import database_url
from copilot.bench.corpus import corpus
from copilot.bench.recombined import READER, large, stored
from copilot.bench.roomy import roomy
from copilot.bench.scopes import label
from copilot.commands.asker import as_asker
from copilot.commands.ingest import take_in
from copilot.commands.opened import opened
from copilot.settings import Settings
from policy.errors import BadInput
from retrieval.embedding import load
from retrieval.embedding_export import MODEL

_CORPUS = "hotpot-train"
CHUNKS = 100_000
MILLION = 1_000_000
_SIZE = "COPILOT_BENCH_CHUNKS"


def size() -> int:
    """How many chunks a bench that can do with any number takes: 100,000 unless told otherwise."""
    given = os.environ.get(_SIZE) or str(CHUNKS)
    if not given.isdecimal() or int(given) < 1:
        raise BadInput(f"{_SIZE} must be a number of chunks such as {MILLION}, not {given!r}")
    return int(given)


def holding(settings: Settings, chunks: int) -> Settings:
    """The embedded default without Neo4j, with a data directory of its own for a corpus of this size."""
    folder = settings.data_dir / f"bench-{chunks}"
    return replace(settings, data_dir=folder, database_url=None, neo4j_url=None)


async def stocked(settings: Settings, chunks: int) -> int:
    """Brings the database of these settings to about so many chunks, once; gives how many there are.

    What was broken off goes on where it ended, and comes to the same corpus.
    """
    data = corpus(_CORPUS)
    async with opened(settings) as copilot:
        await take_in(copilot, as_asker(READER), [data / "corpus.jsonl"], label(()))
    present = await stored(database_url(settings))
    if present >= chunks:
        return present
    embedder = load(settings.models_dir, settings.embedding_model or MODEL)
    try:
        async with roomy(settings.data_dir):
            await large(database_url(settings), embedder, _documents(data), chunks)
    finally:
        embedder.close()
    return await stored(database_url(settings))


def questions(most: int = 100) -> list[str]:
    """What is asked of it."""
    lines = (corpus(_CORPUS) / "queries.jsonl").read_text("utf-8").splitlines()[:most]
    return [json.loads(line)["question"] for line in lines]


def _documents(data: Path) -> list[tuple[str, str]]:
    lines = (data / "corpus.jsonl").read_text("utf-8").splitlines()
    return [(one["title"], one["text"]) for one in map(json.loads, lines)]
