"""Whether a document costs more to write the more there are."""

import time

from copilot.bench import recombined
from copilot.bench.ingest.stage import Stage
from copilot.bench.report import Figure, Report

_BASE = 300
"""Passages that are recombined."""
_BATCH = 256
"""Documents of a transaction."""


async def measure(report: Report, stage: Stage, chunks: int) -> None:
    """Writes chunks from prepared vectors, and compares the last tenth of them with the first.

    With the embedder before it, what the writing costs would not show.
    """
    await stage.emptied()
    base = await recombined.base(
        [(one.title, one.parts[0].text) for one in stage.documents[:_BASE]], stage.embedder
    )
    marks = [(0, time.perf_counter())]
    async with recombined.filling(stage.url) as (database, scope):
        await recombined.fill(
            database,
            scope,
            base,
            chunks,
            batch=_BATCH,
            written=lambda more: marks.append((marks[-1][0] + more, time.perf_counter())),
        )
    first = marks[: max(2, sum(written <= chunks / 10 for written, _ in marks))]
    last = marks[-max(2, sum(written >= chunks * 0.9 for written, _ in marks)) :]
    report.figures |= {
        "writing_first_tenth": Figure(value=_each(first), unit="ms"),
        "writing_last_tenth": Figure(value=_each(last), unit="ms"),
        "writing_last_over_first": Figure(value=round(_each(last) / _each(first), 2), unit="×"),
    }


def _each(marks: list[tuple[int, float]]) -> float:
    """Milliseconds a chunk between the first mark and the last."""
    (chunks, begun), (more, ended) = marks[0], marks[-1]
    return round((ended - begun) * 1000 / (more - chunks), 3)
