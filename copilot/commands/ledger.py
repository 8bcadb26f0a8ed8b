"""`copilot ledger verify|export|checkpoint`: for the operator who holds the database's own credentials."""

import json
import sys
from argparse import Namespace
from pathlib import Path

from copilot.commands.opened import ready_url
from copilot.ledger import verify as verification
from copilot.settings import Settings
from policy.errors import BadInput


async def verify(settings: Settings, options: Namespace) -> int:
    """Recomputes the whole log; exit code 1 where it does not hold."""
    held = _checkpoint(options.checkpoint) if options.checkpoint else None
    result = await verification.verify(await ready_url(settings), held)
    for problem in result.problems[:20]:
        print(problem, file=sys.stderr)
    if options.json:
        value = {
            "verified": not result.problems,
            "entries": result.entries,
            "erased": result.erased,
            "head": result.head,
            "problems": result.problems,
        }
        print(json.dumps(value))
    elif not result.problems:
        print(result.summary())
    else:
        print(result.summary(), file=sys.stderr)
    return 1 if result.problems else 0


async def checkpoint(settings: Settings, _: Namespace) -> int:
    """Prints the head of the log, to be kept outside."""
    print(json.dumps((await verification.checkpoint(await ready_url(settings))).to_json()))
    return 0


async def export(settings: Settings, _: Namespace) -> int:
    """Prints every entry as a line of JSON."""
    async for entry in verification.export(await ready_url(settings)):
        print(json.dumps(entry, ensure_ascii=False))
    return 0


def _checkpoint(path: Path) -> verification.Checkpoint:
    try:
        return verification.Checkpoint.from_json(path.read_text("utf-8"), where=str(path))
    except OSError as error:
        raise BadInput(f"cannot read the checkpoint {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"cannot read the checkpoint {path}: it is not UTF-8") from error
