"""What judgements of a model cost: `python -m tests.integration.consult_table` prints the table of decision 0016.

The case file's questions of the gate half, as their first asker, against the local server, which answers at once: what
is measured is our own side. Each question is split into its two halves, and every source is marked.
"""

import asyncio
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean, quantiles

from copilot.app import build
from copilot.settings import Settings
from eval.cases import FOLDER, Question, read_questions
from eval.stage import askers, ingested
from tests.servers.anthropic import AnthropicServer

MODES = {
    "without": {},
    "decompose": {"decompose": True},
    "filter_facts": {"filter_facts": True},
    "both": {"decompose": True, "filter_facts": True},
}


def halves(question: str) -> str:
    words = question.split()
    middle = len(words) // 2
    parts = [" ".join(words[:middle]), " ".join(words[middle:])]
    return json.dumps({"questions": [part for part in parts if part]})


async def measured(settings: Settings, server: AnthropicServer, asked: list[Question]) -> str:
    """Calls and tokens a question, and the time of a search in milliseconds, p50 and p95."""
    who, times = askers(FOLDER), []
    tenant = next(iter(who.values())).principal.tenant
    assert settings.tenants
    decompose = json.loads(settings.tenants.read_text())[tenant].get("decompose", False)
    async with build(settings) as copilot:
        for one in asked:
            if decompose:
                server.advice = [halves(one.question)]
            found = await copilot.search(who[next(iter(one.gold))], one.question)
            times.append(sum(found.timings_ms.values()))  # type: ignore[union-attr]
    tokens = [len(json.dumps(one.body)) // 4 for one in server.requests]
    cuts = quantiles(times, n=20)
    each = f"{mean(tokens):.0f}" if tokens else "–"
    return f"{len(tokens) / len(asked):.2f} | {each} | {cuts[9]:.0f} | {cuts[18]:.0f} |"


async def main() -> None:
    models = Settings.from_environment(os.environ).models_dir
    asked = list(read_questions(FOLDER / "questions.jsonl", "gate"))
    tenant = next(iter(askers(FOLDER).values())).principal.tenant
    print("| options | calls a question | input tokens a call | search p50, ms | p95, ms |")
    print("| --- | ---: | ---: | ---: | ---: |")
    async with ingested(FOLDER, models) as settings:
        for name, flags in MODES.items():
            with AnthropicServer() as server, tempfile.TemporaryDirectory() as folder:
                tenants = Path(folder) / "tenants.json"
                tenants.write_text(json.dumps({tenant: flags}))
                given = {"anthropic_api_key": "test", "anthropic_base_url": server.url}
                chosen = replace(settings, tenants=tenants, **given)  # type: ignore[arg-type]
                print(f"| {name} | {await measured(chosen, server, asked)}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
