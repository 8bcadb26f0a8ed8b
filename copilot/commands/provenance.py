"""`copilot provenance`: how an answer came about, as a page or as W3C PROV-JSON."""

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from copilot.commands.asker import asker
from copilot.commands.opened import opened
from copilot.commands.show import show_outcome
from copilot.provenance.results import Provenance, ProvenanceOutcome
from copilot.results import Unavailable
from copilot.serialise import outcome_json
from copilot.settings import Settings
from policy.errors import BadInput
from policy.principal import Asker


async def provenance(settings: Settings, options: Namespace) -> int:
    """Writes the file that is asked for; without one it prints the PROV-JSON."""
    who = asker(settings, options)
    path = options.html or options.json
    if path is None:
        outcome = await _read(settings, who, options.id)
        if isinstance(outcome, Provenance):
            print(outcome.prov)
    else:
        # Made before anything is asked for: what was given, and recorded, has a place then.
        with _new(path) as file:
            outcome = await _read(settings, who, options.id)
            if isinstance(outcome, Provenance):
                file.write((outcome.page if options.html else outcome.prov).encode())
        if isinstance(outcome, Provenance):
            print(f"({outcome.banner}) {path}, of the ledger entry {outcome.entry}")
        else:
            path.unlink()
    if not isinstance(outcome, Provenance):
        show_outcome(outcome_json(outcome))
    return 1 if isinstance(outcome, Unavailable) else 0


async def _read(settings: Settings, who: Asker, given_id: str) -> ProvenanceOutcome:
    async with opened(settings) as copilot:
        return await copilot.provenance(who, given_id)


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """A file that only its owner can read, and that is not left behind where something fails."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadInput(f"{path} is there already; move it away, or name another file") from error
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
