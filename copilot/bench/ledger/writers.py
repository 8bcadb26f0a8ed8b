"""Sixteen writers in two processes: records of the log, and single rows of the same bytes, by turns."""

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Barrier

import psycopg

from copilot.bench.ledger.records import made
from copilot.ledger.entry import Entry
from copilot.ledger.log import Ledger
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.seal import Sealer
from retrieval.stores.postgres.database import Database

PROCESSES, WRITERS = 2, 8
_TIMEOUT_S = 30.0
_PLAIN = "INSERT INTO bench_plain (id, value) VALUES (%s, %s)"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is written."""

    turns: int = 5
    turn_s: float = 4.0


@dataclass(slots=True)
class Turn:
    """What one process wrote in a turn."""

    records_s: float
    """Records a second."""
    ms: list[float] = field(default_factory=list)
    """How long each took, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Turns:
    """All turns, of the log and of plain rows; records a second are those of both processes together."""

    ledger: Sequence[float]
    plain: Sequence[float]
    ledger_ms: Sequence[float]


def written(url: str, signer: Signer, effort: Effort = Effort()) -> Turns:
    """Both processes write at the same time, and each turn of the log follows one of plain rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_plain (id text PRIMARY KEY, value bytea)"
        )
        connection.execute("TRUNCATE bench_plain")
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    pipes, started = [], []
    for number in range(PROCESSES):
        here, there = context.Pipe(duplex=False)
        process = context.Process(
            target=_process, args=(url, signer, effort, number, barrier, there)
        )
        process.start()
        there.close()
        pipes.append(here)
        started.append(process)
    try:
        found: list[dict[str, list[Turn]]] = [one.recv() for one in pipes]
    finally:
        for process in started:
            process.join(_TIMEOUT_S)
            process.kill()
    return Turns(
        ledger=_together(found, "ledger"),
        plain=_together(found, "plain"),
        ledger_ms=[ms for one in found for turn in one["ledger"] for ms in turn.ms],
    )


def _together(found: Sequence[dict[str, list[Turn]]], name: str) -> list[float]:
    """Records a second of all processes, turn by turn."""
    turns = zip(*(one[name] for one in found), strict=True)
    return [sum(one.records_s for one in each) for each in turns]


def _process(
    url: str, signer: Signer, effort: Effort, number: int, barrier: Barrier, pipe: Pipe
) -> None:
    pipe.send(asyncio.run(_turns(url, signer, effort, number, barrier)))
    pipe.close()


async def _turns(
    url: str, signer: Signer, effort: Effort, number: int, barrier: Barrier
) -> dict[str, list[Turn]]:
    database = Database(url, timeout_s=_TIMEOUT_S, pool_size=WRITERS)
    await database.open()
    sealer = Sealer(database, [signer])
    sealer.watch()
    ledger = Ledger(database)
    plain = [await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(WRITERS)]
    numbers = iter(range(number, 2**60, PROCESSES))
    label_id = await ledger.label_id(made(0).label)

    async def record(_: int) -> None:
        await ledger.record(made(next(numbers)))

    async def row(writer: int) -> None:
        entry = Entry.of(made(next(numbers)), label_id)
        value = b"".join([entry.leaf, *(salt + text for salt, text in entry.openings.values())])
        await plain[writer].execute(_PLAIN, [entry.ledger_id, value])

    found: dict[str, list[Turn]] = {"plain": [], "ledger": []}
    for _ in range(effort.turns):
        for name, work in (("plain", row), ("ledger", record)):
            await asyncio.to_thread(barrier.wait, _TIMEOUT_S)
            found[name].append(await _turn(work, effort.turn_s))
    await sealer.close()
    for connection in plain:
        await connection.close()
    await database.close()
    return found


async def _turn(work: Callable[[int], Awaitable[None]], turn_s: float) -> Turn:
    turn = Turn(0.0)
    begun = time.perf_counter()

    async def writer(number: int) -> None:
        while (now := time.perf_counter()) - begun < turn_s:
            await work(number)
            turn.ms.append(1000 * (time.perf_counter() - now))

    await asyncio.gather(*map(writer, range(WRITERS)))
    turn.records_s = len(turn.ms) / (time.perf_counter() - begun)
    return turn
