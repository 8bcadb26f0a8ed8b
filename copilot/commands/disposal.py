"""`copilot hold`, `release`, `certificate` and `retention apply`: what must stay, and what must go."""

import json
from argparse import Namespace
from typing import Any

from copilot.commands.asker import as_asker, principal
from copilot.commands.opened import opened
from copilot.commands.show import show_outcome
from copilot.disposal import Retired
from copilot.results import (
    Certificate,
    CertificateOutcome,
    HoldChanged,
    HoldOutcome,
    Unavailable,
)
from copilot.serialise import outcome_json
from copilot.settings import Settings


async def hold(settings: Settings, options: Namespace) -> int:
    """Puts what the principal may read of a document under legal hold."""
    who = as_asker(principal(settings, options.act_as))
    async with opened(settings) as copilot:
        outcome = await copilot.disposal.hold(who, options.id, options.reason)
    return _show(outcome, as_json=options.json)


async def release(settings: Settings, options: Namespace) -> int:
    """Releases what the principal may read of a document."""
    who = as_asker(principal(settings, options.act_as))
    async with opened(settings) as copilot:
        outcome = await copilot.disposal.release(who, options.id, options.reason)
    return _show(outcome, as_json=options.json)


async def certificate(settings: Settings, options: Namespace) -> int:
    """Prints the certificate of a document's last deletion, as JSON."""
    who = as_asker(principal(settings, options.act_as))
    async with opened(settings) as copilot:
        outcome = await copilot.disposal.certificate(who, options.id)
    return _show(outcome, as_json=options.json)


async def apply(settings: Settings, options: Namespace) -> int:
    """Deletes what is past its tenant's rule, as far as the principal may read it, and is not held."""
    who = as_asker(principal(settings, options.act_as))
    async with opened(settings) as copilot:
        retired = await copilot.disposal.retire(who, dry_run=options.dry_run)
    if options.json:
        print(json.dumps(_retired_json(retired)))
        return 0
    for one in retired.due:
        held = ", held" if one.held else ""
        print(f"{one.document_id}: taken in {one.ingested_at:%Y-%m-%d}, {one.rule.days} days{held}")
    print(f"{len(retired.due)} due, {len(retired.deleted)} deleted")
    return 0


def _retired_json(retired: Retired) -> dict[str, Any]:
    return {
        "kind": "Retention",
        "dry_run": retired.dry_run,
        "due": [one.to_json() for one in retired.due],
        "deleted": list(retired.deleted),
        "ledger_id": retired.ledger_id,
    }


def _show(outcome: HoldOutcome | CertificateOutcome, *, as_json: bool) -> int:
    value = _json(outcome)
    if as_json:
        print(json.dumps(value))
    elif isinstance(outcome, HoldChanged):
        print(f"{outcome.document_id}: {'held' if outcome.held else 'not held'}")
    elif isinstance(outcome, Certificate):
        print(json.dumps(outcome.body, indent=2, ensure_ascii=False))
    else:
        show_outcome(value)
    return 1 if isinstance(outcome, Unavailable) else 0


def _json(outcome: HoldOutcome | CertificateOutcome) -> dict[str, Any]:
    match outcome:
        case HoldChanged():
            return {
                "kind": outcome.kind,
                "document_id": outcome.document_id,
                "held": outcome.held,
                "part_ids": list(outcome.part_ids),
                "notice": outcome.notice,
                "ledger_id": outcome.ledger_id,
            }
        case Certificate():
            return {
                "kind": outcome.kind,
                "certificate": dict(outcome.body),
                "ledger_id": outcome.ledger_id,
            }
    return outcome_json(outcome)
