"""`copilot bench ledger`: records written by sixteen at once, sealed, proved, exported and checked offline."""

import os
import random
import shutil
import statistics
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from copilot.bench.ledger.records import made, size
from copilot.bench.ledger.writers import written
from copilot.bench.report import Figure, Report, percentile
from copilot.commands.opened import ready_url
from copilot.ledger.bundled import export
from copilot.ledger.keys import signers
from copilot.ledger.log import Ledger, append_all
from copilot.ledger.proofs.keys import Signer
from copilot.ledger.proofs.merkle import plan_inclusion
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.seal import Sealer
from copilot.ledger.stored import stored_log
from copilot.settings import Settings
from policy.errors import CopilotError
from retrieval.stores.postgres.database import Database, Role

_BATCH = 500
_TIMEOUT_S = 120.0
_PROOFS = 300
_RECORDS_S, _WRITE_MS, _LAG_S, _RATIO = 3_000.0, 25.0, 1.0, 0.8
_CHECKED_S, _PROOF_MS = 50_000.0, 5.0
_LAG = """
    SELECT extract(epoch FROM c.sealed_at - e.recorded_at)::float8 AS s FROM ledger_leaves l
    JOIN ledger_entries e USING (ledger_id)
    CROSS JOIN LATERAL (SELECT sealed_at FROM ledger_checkpoints WHERE size > l.leaf_index ORDER BY size LIMIT 1) c
    WHERE l.leaf_index >= %s"""


async def run(settings: Settings) -> Report:
    """The first run writes the records, which takes minutes for a million; each adds what its writers write."""
    report, records = Report(name="ledger"), size()
    folder = settings.data_dir / f"bench-ledger-{records}"
    settings = replace(
        settings, data_dir=folder, database_url=None, neo4j_url=None, ledger_key=None
    )
    url = await ready_url(settings)
    signer = signers(settings)[0]
    before = await _filled(url, signer, records)
    await _proofs(report, url)
    await _offline(report, url, signer, folder / "bundle")
    _writers(report, url, signer, before)
    return report


async def _filled(url: str, signer: Signer, records: int) -> int:
    """Brings the log to so many records, sealed; gives how many there are."""
    database = Database(url, timeout_s=_TIMEOUT_S)
    await database.open()
    try:
        sealer, label_id = (
            Sealer(database, [signer]),
            await Ledger(database).label_id(made(0).label),
        )
        await sealer.seal()
        numbers = iter(range(await _sealed(url), records))
        while some := list(islice(numbers, _BATCH)):
            async with database.transaction(Role.LEDGER) as connection:
                await append_all(connection, [(made(one), label_id) for one in some])
            await sealer.seal()
    finally:
        await database.close()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("VACUUM ANALYZE")
    return await _sealed(url)


async def _sealed(url: str) -> int:
    async with stored_log(url) as log:
        newest = await log.newest()
    return newest.size if newest else 0


async def _proofs(report: Report, url: str) -> None:
    rng, taken = random.Random(0), list[float]()  # noqa: S311  nothing is kept secret by it
    async with stored_log(url) as log:
        newest = await log.newest()
        assert newest is not None
        report.environment["records"] = newest.size
        for _ in range(_PROOFS):
            begun = time.perf_counter()
            plan = plan_inclusion(rng.randrange(newest.size), newest.size)
            plan.proof(await log.subtrees(plan.subtrees))
            taken.append(1000 * (time.perf_counter() - begun))
    report.figures["inclusion_proof_p95"] = Figure(
        value=percentile(taken, 0.95), unit="ms", goal=_PROOF_MS
    )


async def _offline(report: Report, url: str, signer: Signer, bundle: Path) -> None:
    shutil.rmtree(bundle, ignore_errors=True)
    begun = time.perf_counter()
    async with stored_log(url) as log:
        given = await export(log, bundle, by="copilot bench ledger", signers=[signer])
    exported_s = time.perf_counter() - begun
    cores = os.cpu_count() or 1
    found = verify_bundle(bundle, signer.verifier_key, [given.checkpoint], processes=cores)
    if found.problems or found.contents.problems:
        raise CopilotError(f"{found.summary()}; {found.contents.summary()}")
    bytes_ = (bundle / "records.ndjson").stat().st_size
    report.figures |= {
        "exported": Figure(value=round(given.size / exported_s), unit="records/s"),
        "checked_offline": Figure(
            value=round(given.size / found.seconds),
            unit="records/s",
            goal=_CHECKED_S,
            more_is_better=True,
        ),
        "fitted_offline": Figure(
            value=round(given.size / found.contents.seconds), unit="records/s"
        ),
        "record_in_bundle": Figure(value=round(bytes_ / given.size), unit="bytes"),
    }


def _writers(report: Report, url: str, signer: Signer, before: int) -> None:
    turns = written(url, signer)
    ratios = [ours / plain for ours, plain in zip(turns.ledger, turns.plain, strict=True)]
    with psycopg.connect(url, row_factory=dict_row) as connection:
        lags = [row["s"] for row in connection.execute(_LAG, [before]).fetchall()]
        [bytes_] = connection.execute(
            "SELECT avg(length(value))::float8 AS b FROM bench_plain"
        ).fetchall()
    report.figures |= {
        "written": Figure(
            value=round(statistics.median(turns.ledger)),
            unit="records/s",
            goal=_RECORDS_S,
            more_is_better=True,
        ),
        "write_p50": Figure(value=percentile(turns.ledger_ms, 0.5), unit="ms"),
        "write_p99": Figure(value=percentile(turns.ledger_ms, 0.99), unit="ms", goal=_WRITE_MS),
        "plain_insert": Figure(value=round(statistics.median(turns.plain)), unit="records/s"),
        "ratio_to_plain_insert": Figure(
            value=round(statistics.median(ratios), 3),
            unit="ratio",
            goal=_RATIO,
            more_is_better=True,
        ),
        "seal_lag_p99": Figure(value=percentile(lags, 0.99), unit="s", goal=_LAG_S),
        "record": Figure(value=round(bytes_["b"]), unit="bytes"),
    }
