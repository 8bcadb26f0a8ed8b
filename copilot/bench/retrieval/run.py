"""Runs the bench: each set ingested once, asked, and scored."""

import os
from collections.abc import Sequence
from dataclasses import replace

from copilot.bench.report import Figure, Report
from copilot.bench.retrieval import figures
from copilot.bench.retrieval.asked import ask, warmed
from copilot.bench.retrieval.peers import all as peers
from copilot.bench.retrieval.questions import SETS, PublicSet, Slice, passages, questions
from copilot.bench.retrieval.stage import staged
from copilot.settings import Settings
from retrieval.embedding_export import MODEL


async def run(
    settings: Settings, *, sets: Sequence[PublicSet] = SETS, part: Slice | None = None
) -> Report:
    """The first run ingests, which takes minutes; later ones find everything in the data directory."""
    load = [round(one, 1) for one in os.getloadavg()]
    report = Report(name="retrieval", environment={"load_average_at_start": load})
    for one in sets:
        await _measure(report, settings, one, part)
    report.environment |= {
        "embedder": MODEL,
        "language_model": "none",
        "times": "one client, the question's embedding excluded, in turn, the quickest of three rounds",
    }
    if part is not None:
        report.environment["slice"] = f"{part.passages} passages, {part.questions} questions"
    return report


async def _measure(report: Report, settings: Settings, one: PublicSet, part: Slice | None) -> None:
    folder = settings.data_dir / "bench-retrieval"
    corpus = passages(one, folder, part)
    async with staged(replace(settings, data_dir=folder / one.name), corpus) as stage:
        asked = questions(one, part)
        memory = await warmed(stage, asked)
        if "memory" not in report.figures:
            # Of the first set alone: peers stay in the process that has imported them.
            report.figures["memory"] = Figure(value=memory, unit="MB")
        with peers.built(stage.passages, stage.definitions, external=one.external) as built:
            measured = await ask(stage, asked, built.peers)
    report.peers |= {name: why for name, why in built.absent.items() if name not in report.peers}
    report.environment.setdefault("peers", {}).update(built.versions)
    figures.add(report, one.name, measured)
    report.environment[one.name] = {
        "passages": len(stage.passages),
        "questions": len(asked),
        "ingested_now": stage.ingested,
    }
