"""`copilot bench ask`: questions over HTTP GraphQL, on a public corpus taken in by the product's own ingest.

It measures whatever answers: the offline generator, or the model that the environment configures.
"""

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import uvicorn

from copilot.acts import Copilot
from copilot.api.server import configure, create_app
from copilot.bench.corpus import PERSON, corpus
from copilot.bench.report import Figure, Report, percentile
from copilot.commands.asker import as_asker
from copilot.commands.ingest import take_in
from copilot.commands.opened import opened
from copilot.data_files import folder
from copilot.settings import Settings
from copilot.tokens import issue
from policy.labels import Classification, Label

_CORPUS = "2wiki"
_GOAL_MS = 500.0
_MODEL_GOAL_MS = 5000.0


async def run(settings: Settings) -> Report:
    """Ingests (the second time nothing is left to do), asks every question once, one after the other."""
    data = corpus(_CORPUS)
    settings = replace(
        settings,
        data_dir=settings.data_dir / "bench",
        jwt_secret=secrets.token_hex(32),
        jwks_url=None,
    )
    report = Report(name="ask")
    async with opened(settings) as copilot:
        await _ingest(copilot, data, report)
        async with _served(copilot) as url:
            answers = await _ask_all(url, settings, data / "queries.jsonl")
    _summarise(report, answers, offline=settings.anthropic_api_key is None)
    return report


async def _ingest(copilot: Copilot, data: Path, report: Report) -> None:
    label = Label(tenant=PERSON.tenant, classification=Classification.U)
    begun = time.perf_counter()
    taken = await take_in(copilot, as_asker(PERSON), [data / "corpus.jsonl"], label)
    seconds = time.perf_counter() - begun
    if taken.ingested:
        rate = taken.ingested / seconds
        report.figures["ingest_documents_per_second"] = Figure(value=round(rate, 1), unit="1/s")
    report.environment["documents"] = taken.ingested + taken.unchanged


@asynccontextmanager
async def _served(copilot: Copilot) -> AsyncIterator[str]:
    server = uvicorn.Server(configure(create_app(copilot), "127.0.0.1", 0))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await anyio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/graphql"
        server.should_exit = True


async def _ask_all(url: str, settings: Settings, questions: Path) -> list[dict[str, Any]]:
    token = issue(
        PERSON, settings.jwt_secret, audience=settings.jwt_audience, issuer=settings.jwt_issuer
    )
    operation = (folder("graphql") / "operations" / "Ask.graphql").read_text("utf-8")
    headers = {"Authorization": f"Bearer {token}"}
    answers = []
    lines = questions.read_text("utf-8").splitlines()  # noqa: ASYNC240 - once, before measuring
    async with httpx2.AsyncClient(headers=headers, timeout=120) as client:
        for line in lines:
            variables = {"question": json.loads(line)["question"], "details": True}
            begun = time.perf_counter()
            response = await client.post(url, json={"query": operation, "variables": variables})
            total = (time.perf_counter() - begun) * 1000
            answers.append(response.raise_for_status().json()["data"]["ask"] | {"total": total})
    return answers


def _summarise(report: Report, answers: list[dict[str, Any]], *, offline: bool) -> None:
    totals = [one["total"] for one in answers]
    ours = [one["total"] - one["timingsMs"].get("generation", 0.0) for one in answers]
    goal = _GOAL_MS if offline else _MODEL_GOAL_MS
    report.times("ask", totals)
    report.aim("ask_p95", goal)
    report.figures["ask_besides_generation_p95"] = Figure(
        value=percentile(ours, 0.95), unit="ms", goal=_GOAL_MS
    )
    for stage in dict.fromkeys(stage for one in answers for stage in one["timingsMs"]):
        taken = [one["timingsMs"][stage] for one in answers if stage in one["timingsMs"]]
        report.times(stage, taken)
    report.environment["questions"] = len(answers)
    report.environment["answered"] = sum(one["__typename"] == "Answer" for one in answers)
