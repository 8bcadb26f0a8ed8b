"""`copilot reembed`: for the operator who holds the database's own credentials."""

import shutil
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from copilot.app import engine_of
from copilot.commands.opened import ready_url
from copilot.ledger.log import Ledger, Record, append
from copilot.ledger.records import Kind
from copilot.operating import lowest, operators
from copilot.reembedding.job import Reembedding, opened
from copilot.settings import Settings
from policy.engine import PolicyEngine
from policy.errors import Misconfigured
from policy.labels import Label
from retrieval.embedding import Model, kept, load
from retrieval.embedding_card import FILES
from retrieval.embedding_export import BUILT_IN, MODEL
from retrieval.stores.postgres.database import Connection, Database

_EACH = 1000


async def reembed(settings: Settings, options: Namespace) -> int:
    """Changes the embedding model while others serve; goes on where an earlier run ended."""
    url = await ready_url(settings)
    told = _Told()
    async with opened(url, told) as job:
        if options.abandon:
            unfinished = (await job.state()).wanted
            await job.abandon()
            print(
                "what had been laid beside the vectors that are searched was taken away"
                if unfinished
                else "nothing lay beside the vectors that are searched"
            )
            return 0
        changed = await _run(settings, url, job, options.model or settings.embedding_model or MODEL)
        stored = (await job.state()).stored
    print(f"the vectors are {'now ' if changed else ''}of {stored or 'no model yet'}")
    return 0


async def _run(settings: Settings, url: str, job: Reembedding, name: str) -> bool:
    embedder = load(settings.models_dir, name)
    keep(settings.models_dir, name, embedder.model)
    engine, database = engine_of(settings), Database(url, timeout_s=settings.database_timeout_s)
    await database.open()
    try:
        labels = await _labels(job, Ledger(database))

        async def record(connection: Connection, before: Model | None, after: Model) -> None:
            for label, label_id in labels:
                await append(connection, _record(engine, label, before, after), label_id)

        return await job.run(embedder, record)
    finally:
        embedder.close()
        await database.close()
        await engine.close()


def keep(models: Path, name: str, model: Model) -> None:
    """Copies a model of one's own to where whoever serves will find it; all of it or nothing."""
    folder = kept(models, model)
    if name in BUILT_IN or folder.is_dir():
        return
    try:
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models) as scratch:
            new = Path(scratch) / "new"
            new.mkdir()
            for file in FILES:
                shutil.copyfile(Path(name) / file, new / file)
            new.rename(folder)
    except OSError as error:
        raise Misconfigured(
            f"cannot copy the model to {folder} ({error.strerror}); see COPILOT_MODELS_DIR"
        ) from error


async def _labels(job: Reembedding, ledger: Ledger) -> list[tuple[Label, int]]:
    """For each tenant the label of the record: no content stands in it, and each of their auditors may read it."""
    labels = [lowest(tenant) for tenant in await job.tenants()]
    return [(label, await ledger.label_id(label)) for label in labels]


def _record(engine: PolicyEngine, label: Label, before: Model | None, after: Model) -> Record:
    said = {"before": str(before), "after": str(after)}
    return operators(engine, label.tenant, Kind.REEMBEDDING, "Reembedded", embedding_model=said)


class _Told:
    """Says on standard error how far it is."""

    def __init__(self) -> None:
        self._chunks = 0

    def __call__(self, chunks: int) -> None:
        before, self._chunks = self._chunks, self._chunks + chunks
        if before // _EACH < self._chunks // _EACH:
            print(f"{self._chunks} chunks embedded", file=sys.stderr, flush=True)
