"""`copilot delete`, `relabel`, `revoke` and `reinstate`: access that is taken away, or given back."""

import json
import sys
from argparse import Namespace
from typing import Any

from copilot.commands.asker import as_asker, principal
from copilot.commands.ingest import given_label
from copilot.commands.opened import opened
from copilot.commands.show import show_outcome
from copilot.results import (
    Deleted,
    DeleteOutcome,
    Relabelled,
    RelabelOutcome,
    StandingChanged,
    Unavailable,
)
from copilot.serialise import outcome_json
from copilot.settings import Settings
from policy.errors import BadInput
from policy.principal import Asker


async def delete(settings: Settings, options: Namespace) -> int:
    """Deletes all that the principal may read of a document."""
    who = _asker(settings, options)
    async with opened(settings) as copilot:
        outcome = await copilot.administration.delete(who, options.id)
    return _show(outcome, as_json=options.json)


async def relabel(settings: Settings, options: Namespace) -> int:
    """Puts what the principal may read of a document, or one part, under another label."""
    who = _asker(settings, options)
    label = given_label(options.label, who.principal.tenant)
    if label is None:
        raise BadInput("say under which label: --label JSON")
    async with opened(settings) as copilot:
        outcome = await copilot.administration.relabel(who, options.id, label)
    return _show(outcome, as_json=options.json)


async def revoke(settings: Settings, options: Namespace) -> int:
    """Takes all access from a principal of the tenant."""
    who = _asker(settings, options)
    async with opened(settings) as copilot:
        changed = await copilot.administration.revoke(who, options.sub, options.reason)
    return _show_standing(changed, as_json=options.json)


async def reinstate(settings: Settings, options: Namespace) -> int:
    """Gives back what was revoked."""
    who = _asker(settings, options)
    async with opened(settings) as copilot:
        changed = await copilot.administration.reinstate(who, options.sub)
    return _show_standing(changed, as_json=options.json)


def _asker(settings: Settings, options: Namespace) -> Asker:
    return as_asker(principal(settings, options.act_as))


def _show(outcome: DeleteOutcome | RelabelOutcome, *, as_json: bool) -> int:
    value = _json(outcome)
    if as_json:
        print(json.dumps(value))
    elif isinstance(outcome, Deleted | Relabelled):
        under = f" under {outcome.marking}" if isinstance(outcome, Relabelled) else ""
        print(f"{outcome.kind} {outcome.document_id}{under}: {len(outcome.part_ids)} parts")
        if outcome.notice:
            print(f"note: {outcome.notice}", file=sys.stderr)
    else:
        show_outcome(value)
    return 1 if isinstance(outcome, Unavailable) else 0


def _json(outcome: DeleteOutcome | RelabelOutcome) -> dict[str, Any]:
    if not isinstance(outcome, Deleted | Relabelled):
        return outcome_json(outcome)
    value: dict[str, Any] = {
        "kind": outcome.kind,
        "document_id": outcome.document_id,
        "part_ids": list(outcome.part_ids),
        "notice": outcome.notice,
        "ledger_id": outcome.ledger_id,
    }
    return value | ({"label": outcome.label.to_json()} if isinstance(outcome, Relabelled) else {})


def _show_standing(changed: StandingChanged, *, as_json: bool) -> int:
    if as_json:
        value = {"sub": changed.sub, "revoked": changed.revoked, "ledger_id": changed.ledger_id}
        print(json.dumps(value))
    else:
        print(f"{changed.sub}: access {'revoked' if changed.revoked else 'not revoked'}")
    return 0
