"""An ingest that is killed, taken up by the same command, and compared with one that nothing disturbed."""

import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from copilot.bench.corpus import PERSON
from copilot.bench.ingest.stage import LABEL, Stage
from copilot.bench.report import Figure, Report
from copilot.ingest.documents import Document
from copilot.ingest.reader import read
from policy.errors import Unavailable

_PATIENCE_S = 600.0
_BETWEEN_S = 0.05


async def check(report: Report, stage: Stage, file: Path, documents: int) -> None:
    """`copilot ingest`, killed once a third is stored; what was stored is not embedded again."""
    with tempfile.TemporaryDirectory() as scratch:
        corpus = _first(file, documents, Path(scratch))
        given = read([corpus], tenant=PERSON.tenant, default_label=LABEL)
        await stage.emptied()
        await stage.take(tuple(one for one in given if isinstance(one, Document)))
        undisturbed = await stage.content()
        await stage.emptied()
        kept = await _killed(stage, corpus, documents // 3)
        again = await _ended(await _begun(stage, corpus))
    once = again["unchanged"] == kept and again["ingested"] == documents - kept
    same = await stage.content() == undisturbed
    report.figures |= {
        "kept_when_killed": Figure(value=kept, unit="documents"),
        "taken_up_amiss": Figure(value=0 if once else 1, unit="runs", goal=0),
        "differing_from_undisturbed": Figure(value=0 if same else 1, unit="runs", goal=0),
    }


def _first(file: Path, documents: int, scratch: Path) -> Path:
    path = scratch / file.name
    with file.open(encoding="utf-8") as lines:
        path.write_text("".join(islice(lines, documents)), "utf-8")
    principal = {
        "tenant": PERSON.tenant,
        "clearance": str(PERSON.clearance),
        "nationality": PERSON.nationality,
        "roles": sorted(PERSON.roles),
        "purposes": list(PERSON.purposes),
    }
    (scratch / "principals.json").write_text(json.dumps({PERSON.sub: principal}), "utf-8")
    return path


async def _killed(stage: Stage, corpus: Path, after: int) -> int:
    """How many documents are stored once the command was killed."""
    process = await _begun(stage, corpus)
    deadline = time.monotonic() + _PATIENCE_S
    try:
        while await stage.stored() < after:
            if process.returncode is not None or time.monotonic() > deadline:
                raise Unavailable("ingest", "the command ended before it could be killed")
            await asyncio.sleep(_BETWEEN_S)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    return await _settled(stage)


async def _settled(stage: Stage) -> int:
    """The count when the server has noticed: what was committed with its last breath counts as well."""
    before, now = -1, await stage.stored()
    while before != now:
        await asyncio.sleep(1)
        before, now = now, await stage.stored()
    return now


async def _begun(stage: Stage, corpus: Path) -> Process:
    arguments = ["-m", "copilot", "ingest", str(corpus), "--as", PERSON.sub, "--json"]
    label = json.dumps(LABEL.to_json())
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        "--label",
        label,
        env=_environment(stage, corpus),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )


def _environment(stage: Stage, corpus: Path) -> Mapping[str, str]:
    """Ours, with the bench's own database."""
    ours = {name: value for name, value in os.environ.items() if name != "NEO4J_URL"}
    return ours | {
        "DATABASE_URL": stage.url,
        "COPILOT_MODELS_DIR": str(stage.settings.models_dir),
        "COPILOT_PRINCIPALS": str(corpus.with_name("principals.json")),
    }


async def _ended(process: Process) -> dict[str, Any]:
    out, _ = await asyncio.wait_for(process.communicate(), _PATIENCE_S)
    return dict(json.loads(out))
