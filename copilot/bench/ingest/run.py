"""`copilot bench ingest`: how quickly documents come in, beside the bare embedder on the same texts.

Everything runs on an embedded database of its own, which is emptied first.
"""

import os
import resource
from dataclasses import dataclass, replace

from copilot.bench.corpus import corpus
from copilot.bench.ingest import broken_off, growth
from copilot.bench.ingest.beside_bare import beside_bare
from copilot.bench.ingest.stage import staged
from copilot.bench.report import Figure, Report
from copilot.settings import Settings
from retrieval.embedding_export import MODEL

_CORPUS = "2wiki"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured; figures of less than the default say nothing about the goals."""

    documents: int = 600
    """Taken in beside the bare embedder."""
    rounds: int = 6
    """In which they are taken in, each in turn with the embedder."""
    chunks: int = 20_000
    """Written from prepared vectors, to see whether writing grows dearer."""
    broken_off: int = 200
    """Documents of an ingest that is killed."""


async def run(settings: Settings, *, size: Size | None = None) -> Report:
    """Takes some minutes each time: what is measured is the taking in."""
    size = size or Size()
    load = [round(one, 1) for one in os.getloadavg()]
    file = corpus(_CORPUS) / "corpus.jsonl"
    report = Report(name="ingest", environment={"load_average_at_start": load})
    settings = replace(settings, data_dir=settings.data_dir / "bench-ingest")
    async with staged(settings, file) as stage:
        await beside_bare(report, stage, size.documents, size.rounds)
        report.figures["peak_memory"] = Figure(value=_peak_mb(), unit="MB")
        await broken_off.check(report, stage, file, size.broken_off)
        await growth.measure(report, stage, size.chunks)
    report.environment |= {
        "corpus": _CORPUS,
        "embedder": MODEL,
        "documents": size.documents,
        "rounds": size.rounds,
        "chunks_for_growth": size.chunks,
        "documents_broken_off": size.broken_off,
    }
    return report


def _peak_mb() -> float:
    """The most of this process that was ever in memory; Postgres is not part of it."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
