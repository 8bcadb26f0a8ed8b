"""The pairwise non-interference suite: so many corpora, each compared for each of its readers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from copilot.migrate import migrate
from eval import reduced
from eval.interference.bench import Bench
from eval.interference.corpora import draw
from eval.interference.ingested import compare_ingested
from eval.interference.pairs import compare
from eval.interference.tally import Tally, added
from eval.results import Figure, at_least, count, exactly, share

_INGESTED = 10
"""Pairs that go through ingest itself, after those that are written and reduced in the database."""
_OF_EACH = 20
"""Outputs of an ingested pair; the ingest between them and what is read again come on top."""
_AT_ONCE = 2
"""One may use this process while another waits for the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is compared, and how much of it at the least."""

    corpora: int
    of_each: int
    """Outputs compared for each of a corpus's two readers."""
    least: int


async def interference(
    bench: Bench, server: str, size: Size, *, ingested: int = _INGESTED
) -> Tally:
    """Compares on databases of its own on the server; `server` names any database there, as the owner."""
    async with migrated(server) as template:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(work: Awaitable[Tally]) -> Tally:
            async with turns:
                return await work

        written = [
            one(compare(bench, template, draw(number, bench.rule), most=size.of_each))
            for number in range(size.corpora)
        ]
        whole_way = [
            one(compare_ingested(bench, template, draw(number, bench.rule), most=_OF_EACH))
            for number in range(size.corpora, size.corpora + ingested)
        ]
        return added(await asyncio.gather(*written, *whole_way))


@asynccontextmanager
async def migrated(server: str) -> AsyncIterator[str]:
    """The URL of a new database without content, to be cloned."""
    template = await reduced.made(server)
    try:
        await migrate(template)
        yield template
    finally:
        await reduced.drop(template)


async def hurried(server: str) -> None:
    """For a server whose data is thrown away: what makes data survive a power cut only costs time."""
    async with await psycopg.AsyncConnection.connect(server, autocommit=True) as connection:
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("ALTER SYSTEM SET full_page_writes = off")
        await connection.execute("ALTER SYSTEM SET autovacuum = off")
        await connection.execute("SELECT pg_reload_conf()")


def figures(tally: Tally, size: Size) -> dict[str, Figure]:
    """What the policy suite says of it."""
    not_empty = share([("", (tally.not_empty, tally.compared))], at_least(0.8))
    return {
        "random_corpora": count(tally.corpora, "corpora", at_least(60)),
        "random_comparisons": count(tally.compared, "outputs", at_least(size.least)),
        "random_comparisons_with_content": not_empty,
        "random_differences": count(len(tally.differences), "outputs", exactly(0)),
        "store_comparisons": count(tally.probed, "outputs"),
        "store_differences": count(len(tally.probe_differences), "outputs", exactly(0)),
        "random_degraded_searches": count(tally.degraded, "searches", exactly(0)),
        "recheck_outputs": count(tally.rechecked, "outputs"),
        "recheck_leaks": count(len(tally.recheck_leaks), "outputs", exactly(0)),
    }
