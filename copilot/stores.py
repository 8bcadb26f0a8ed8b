"""The stores that a process reads: Postgres, with copies in memory that follow it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from policy.errors import Unavailable
from retrieval.background import Background
from retrieval.stores.postgres.database import Database
from retrieval.stores.postgres.graph import PostgresGraph
from retrieval.stores.postgres.in_step import InStep
from retrieval.stores.postgres.names_in_step import Names
from retrieval.stores.postgres.near import Near
from retrieval.stores.postgres.search import PostgresPassages
from retrieval.stores.postgres.words_in_step import Words

FORGOTTEN_S = 10.0
"""After so many seconds at most, what another process deleted goes from memory, whether or not anybody asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Postgres, with copies in memory of what searches look through."""

    passages: PostgresPassages
    graph: PostgresGraph
    names: Names


@asynccontextmanager
async def stores(database: Database) -> AsyncIterator[Stores]:
    """The copies fill as they are needed, and are dropped at the end."""
    near, words, names = Near(database), Words(database), Names(database)
    copies = (near, words, names)
    looking = Background()
    looking.begin(partial(_look_again, copies))
    try:
        yield Stores(
            passages=PostgresPassages(database, near, words),
            graph=PostgresGraph(database, names),
            names=names,
        )
    finally:
        await looking.stop()
        for copy in copies:
            await copy.close()


async def _look_again(copies: Sequence[InStep]) -> None:
    """Nobody may ask for what was deleted by another process; its words go all the same."""
    while True:
        await asyncio.sleep(FORGOTTEN_S)
        for copy in copies:
            with suppress(Unavailable):
                await copy.look_again()
