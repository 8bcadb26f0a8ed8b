"""`copilot demo PATH`: loads a case file, asks it as two people, verifies the ledger, serves GraphQL."""

import json
import secrets
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from copilot.acts import Copilot
from copilot.api.server import create_app
from copilot.api.server import serve as listen
from copilot.app import database_url
from copilot.commands.asker import as_asker, principals
from copilot.commands.ingest import take_in
from copilot.commands.opened import opened
from copilot.commands.port import require_free
from copilot.commands.show import show_outcome
from copilot.ledger.seal import seal_now
from copilot.ledger.verify import verify
from copilot.serialise import outcome_json
from copilot.settings import Settings
from policy.errors import BadInput, CopilotError
from policy.principal import Principal


async def demo(settings: Settings, options: Namespace) -> int:
    """Ends after the printing with `--once`; otherwise serves on 127.0.0.1 until stopped."""
    folder: Path = options.path
    if not options.once:
        require_free("127.0.0.1", options.port)
    people = principals(folder / "principals.json")
    settings = replace(
        settings,
        principals=folder / "principals.json",
        jwt_secret=settings.jwt_secret or secrets.token_hex(32),
    )
    async with opened(settings, sealing=True) as copilot:
        await _load(copilot, folder, people)
        await _ask(copilot, folder, people)
        await _verify(settings)
        if not options.once:
            print(
                f"\nQuery page: http://127.0.0.1:{options.port}/graphql (Ctrl+C ends it)",
                flush=True,
            )
            await listen(create_app(copilot, demo_principals=people), "127.0.0.1", options.port)
    return 0


async def _load(copilot: Copilot, folder: Path, people: Mapping[str, Principal]) -> None:
    ingesters = [who for who in people.values() if "ingester" in who.roles]
    if not ingesters:
        raise BadInput(f"{folder / 'principals.json'}: nobody has the role ingester")
    print(f"Loading the case file {folder} as {ingesters[0].sub} …", file=sys.stderr, flush=True)
    report = await take_in(copilot, as_asker(ingesters[0]), [folder / "documents"], None)
    for one in report.rejected:
        print(f"{one.source}: {one.reason}", file=sys.stderr)
    print(f"{report.ingested} documents ingested, {report.unchanged} already there")


async def _ask(copilot: Copilot, folder: Path, people: Mapping[str, Principal]) -> None:
    plan = json.loads((folder / "demo.json").read_text("utf-8"))
    for question in plan["questions"]:
        print(f"\n{question}")
        for name in plan["principals"]:
            who = people[name]
            held = "/".join(sorted(who.compartments)) or "no compartments"
            print(f" {name} ({who.clearance}, {held}, {who.nationality}):")
            show_outcome(outcome_json(await copilot.ask(as_asker(who), question)))


async def _verify(settings: Settings) -> None:
    url = database_url(settings)
    await seal_now(settings, url)
    result = await verify(url)
    if result.problems:
        raise CopilotError(f"the ledger does not verify: {result.problems[0]}")
    print(f"\n{result.summary()}", flush=True)
