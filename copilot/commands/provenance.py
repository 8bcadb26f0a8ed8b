"""`copilot provenance`: how an answer came about, as a page or as W3C PROV-JSON."""

import os
from argparse import Namespace
from pathlib import Path

from copilot.commands.asker import asker
from copilot.commands.opened import opened
from copilot.commands.show import show_outcome
from copilot.provenance.results import Provenance
from copilot.results import Unavailable
from copilot.serialise import outcome_json
from copilot.settings import Settings
from policy.errors import BadInput


async def provenance(settings: Settings, options: Namespace) -> int:
    """Writes the file that is asked for; without one it prints the PROV-JSON."""
    who = asker(settings, options)
    path: Path | None = options.html or options.json
    if path is not None:
        _create(path)  # first: what is given is recorded as given, so it must have a place
    kept = False
    try:
        async with opened(settings) as copilot:
            outcome = await copilot.provenance(who, options.id)
        if isinstance(outcome, Provenance):
            _give(outcome, path, outcome.page if options.html else outcome.prov)
            kept = True
        else:
            show_outcome(outcome_json(outcome))
    finally:
        if path is not None and not kept:
            _remove(path)
    return 1 if isinstance(outcome, Unavailable) else 0


def _create(path: Path) -> None:
    """A new file that its owner alone can read; BadInput where there is one, or none can be made."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        raise BadInput(f"{path} is there already; move it away, or name another file") from error
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _give(outcome: Provenance, path: Path | None, form: str) -> None:
    if path is None:
        print(form)
        return
    try:
        path.write_text(form, "utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
    print(f"({outcome.banner}) {path}, from the ledger entry {outcome.entry}")
