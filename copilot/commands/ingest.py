"""`copilot ingest`."""

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from copilot.acts import Copilot
from copilot.commands.asker import asker
from copilot.commands.opened import opened
from copilot.ingest.reader import read
from copilot.ingest.report import IngestReport
from copilot.settings import Settings
from policy.errors import BadInput
from policy.labels import Label
from policy.principal import Asker


async def ingest(settings: Settings, options: Namespace) -> int:
    """Takes in files and folders; exit code 1 where anything was rejected."""
    who = asker(settings, options)
    label = given_label(options.label, who.principal.tenant)
    async with opened(settings) as copilot:
        report = await take_in(copilot, who, options.paths, label, quiet=options.json)
    _show(report, as_json=options.json)
    return 1 if report.rejected else 0


async def take_in(
    copilot: Copilot, who: Asker, paths: list[Path], label: Label | None, *, quiet: bool = False
) -> IngestReport:
    """Reads and ingests with a progress bar on standard error."""
    documents = read(paths, tenant=who.principal.tenant, default_label=label)
    with tqdm(unit=" documents", file=sys.stderr, disable=quiet or None) as bar:
        return await copilot.ingest(who, documents, lambda: _advance(bar))


def _advance(bar: "tqdm[NoReturn]") -> None:
    bar.update()


def given_label(text: str | None, tenant: str) -> Label | None:
    """The label that `--label` gives as JSON; None where it was left out."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadInput(
            f'--label is not JSON: {error}; write \'{{"classification": "U"}}\''
        ) from error
    return Label.from_json(value, tenant=tenant, where="--label")


def _show(report: IngestReport, *, as_json: bool) -> None:
    rejected = [
        {"source": one.source, "line": one.line, "reason": one.reason} for one in report.rejected
    ]
    if as_json:
        counts = {"ingested": report.ingested, "unchanged": report.unchanged}
        lists = {"rejected": rejected, "notes": list(report.notes)}
        print(json.dumps(counts | lists, ensure_ascii=False))
        return
    print(
        f"{report.ingested} documents ingested, {report.unchanged} unchanged, {len(rejected)} rejected"
    )
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    for one in report.rejected:
        line = f", line {one.line}" if one.line else ""
        print(f"{one.source}{line}: {one.reason}", file=sys.stderr)
