"""`copilot ledger verify|export|archive|checkpoint|key`: for the operator who holds the database's own credentials."""

import json
import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from copilot.commands.opened import ready_url
from copilot.commands.operator import operating
from copilot.ledger import bundled
from copilot.ledger import verify as verification
from copilot.ledger.archive import Archiver
from copilot.ledger.held import Held
from copilot.ledger.keys import signers
from copilot.ledger.month import Month
from copilot.ledger.proofs.keys import Signer, VerifierKey
from copilot.ledger.proofs.verify_bundle import verify_bundle
from copilot.ledger.seal import seal_now
from copilot.ledger.stored import stored_log
from copilot.provenance.exported import PROV_LINES, prov_line
from copilot.settings import Settings
from policy.errors import BadInput


async def verify(settings: Settings, options: Namespace) -> int:
    """Recomputes the whole log, or a bundle of it; exit code 1 where it does not hold."""
    if options.bundle is not None:
        return _verify_bundle(options)
    key = VerifierKey.parse(options.key) if options.key else None
    held = [_held(path, key) for path in options.checkpoint]
    url = await ready_url(settings)
    result = await verification.verify(url, held, key, options.archive)
    if options.whole and result.ungiven:
        result.problems.append(f"{result.ungiven} archives are not given; give each by --archive")
    figures = {
        "entries": result.entries,
        "sealed": result.sealed,
        "checkpoints": result.checkpoints,
        "erased": result.erased,
        "erased_by": dict(result.erased_by),
        "late": result.late,
        "elsewhere": result.elsewhere,
        "archived": result.archived,
        "archived_checked": result.archived_checked,
        "root": result.root,
    }
    try:
        async with operating(settings, url) as operator:
            await operator.verified(result)
    finally:  # it holds no content, and who verifies a ledger that takes no records must hear of the rest
        code = _say(options, result.problems, result.summary(), figures)
    return code


def _verify_bundle(options: Namespace) -> int:
    if not options.key:
        raise BadInput("--key is missing: a bundle proves nothing to whoever has no key of the log")
    if options.archive:
        raise BadInput(
            "--archive is for the log in the database; an archive is a bundle of its own"
        )
    key = VerifierKey.parse(options.key)
    held = [_read(path) for path in options.checkpoint]
    report = verify_bundle(options.bundle, key, held, processes=os.cpu_count() or 1)
    if options.whole and not report.whole:
        report.add(f"it is a selection: {report.records} of {report.size} records")
    contents = report.contents
    figures = {
        "records": report.records,
        "size": report.size,
        "whole": report.whole,
        "held": report.held,
        "erased": report.erased,
        "erased_by": dict(report.erased_by),
        "unexplained": report.unexplained,
        "root": report.root.hex(),
        "seconds": round(report.seconds, 3),
        "contents": {
            "fitted": contents.fitted,
            "unnamed": contents.unnamed,
            "seconds": round(contents.seconds, 3),
            "problems": contents.problems,
        },
    }
    problems = [*report.problems, *contents.problems]
    hashed = f"{report.summary()} ({_rate(report.records, report.seconds)})"
    fitted = f"{contents.summary()} ({_rate(report.records, contents.seconds)})"
    return _say(options, problems, f"{hashed}\n{fitted}", figures)


def _rate(records: int, seconds: float) -> str:
    return f"{records / seconds:,.0f} records/s" if seconds else "nothing to measure"


def _say(
    options: Namespace, problems: Sequence[str], summary: str, figures: Mapping[str, Any]
) -> int:
    for problem in problems[:20]:
        print(problem, file=sys.stderr)
    if options.json:
        print(json.dumps({"verified": not problems, **figures, "problems": problems}))
    else:
        print(summary, file=sys.stderr if problems else sys.stdout)
    return 1 if problems else 0


async def export(settings: Settings, options: Namespace) -> int:
    """Writes all sealed records to a new folder, with what it takes to check them."""
    held = _sizes(options)
    url = await ready_url(settings)
    keys = signers(settings)
    async with operating(settings, url) as operator:
        await operator.late(settings)
        await seal_now(settings, url, operator.rotated)
        async with stored_log(url) as log:
            newest = await bundled.export(
                log,
                options.bundle,
                by="copilot ledger export",
                signers=keys,
                held=held,
                given=operator.exported,
                told={PROV_LINES: prov_line},
            )
            known = await log.keys()
    print(f"{newest.size} records in {options.bundle}; check them with")
    print(f"copilot ledger verify {options.bundle} --key {known[-1]}")
    return 0


async def archive(settings: Settings, options: Namespace) -> int:
    """Puts a month's records into a bundle, and takes them out of the database once that was checked."""
    month, folder, held = Month.parse(options.month), options.folder, _sizes(options)
    url = await ready_url(settings)
    keys = signers(settings)
    async with operating(settings, url) as operator:
        await operator.late(settings)
        await seal_now(settings, url, operator.rotated)
        archiver = Archiver(
            url=url,
            signers=keys,
            recorded=operator.archived,
            told={PROV_LINES: prov_line},
            held=held,
        )
        records = await archiver.archive(month, folder)
        await seal_now(settings, url, operator.rotated)
    print(f"{records} records of {month} are in {folder}, and no longer here; keep copies of it;")
    print(f"`copilot ledger verify --archive {folder}` checks it with the rest")
    return 0


async def checkpoint(settings: Settings, _: Namespace) -> int:
    """Seals what waits, and prints the signed head of the log, to be kept outside."""
    url = await _sealed(settings)
    async with stored_log(url) as log:
        newest = await log.newest()
    if newest is None:
        raise BadInput("the ledger has no entries yet, so there is nothing to sign")
    print(newest.note.decode(), end="")
    return 0


async def key(settings: Settings, options: Namespace) -> int:
    """Prints the public keys that have signed the log, or makes a new secret one."""
    if options.new is not None:
        print(Signer.generate(options.new).secret())
        print(
            "to change keys, set COPILOT_LEDGER_KEY to the old key and this one, separated by a space; "
            "once that is sealed, to this one alone",
            file=sys.stderr,
        )
        return 0
    url = await _sealed(settings)
    async with stored_log(url) as log:
        keys = await log.keys()
    if not keys:
        raise BadInput("the ledger has no entries yet, so no key has signed it")
    print("\n".join(map(str, keys)))
    return 0


async def _sealed(settings: Settings) -> str:
    """The database's URL, once what waited is sealed."""
    url = await ready_url(settings)
    async with operating(settings, url) as operator:
        await operator.late(settings)
        await seal_now(settings, url, operator.rotated)
    return url


def _sizes(options: Namespace) -> list[int]:
    """Of the checkpoints that were kept outside: a log that never had one of them says so when it is written out."""
    return [_held(path, None).said.size for path in options.checkpoint]


def _held(path: Path, key: VerifierKey | None) -> Held:
    """As it was kept. Of which log it is shows here; whether that signed it, where all keys of the log are known."""
    held = Held.parse(_read(path), str(path))
    if key is not None and held.said.origin != key.name:
        raise BadInput(f"{path}: it is of another log than the key, which is of {key.name}")
    return held


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read the checkpoint {path}: {error.strerror}") from error
