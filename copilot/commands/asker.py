"""Who a command acts for: a principal from the file that COPILOT_PRINCIPALS names."""

import getpass
import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from copilot.settings import Settings
from policy.errors import BadInput, Misconfigured
from policy.principal import Asker, Principal


def principals(path: Path | None) -> Mapping[str, Principal]:
    """The principals of the file, by sub."""
    if path is None:
        raise Misconfigured("COPILOT_PRINCIPALS is not set; it names the JSON file of principals")
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(f"cannot read the principals in {path}: {error.strerror}") from error
    except ValueError as error:
        raise Misconfigured(f"the principals in {path} are not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Misconfigured(f"the principals in {path} must be an object of name to attributes")
    return {sub: Principal.from_json(sub, given, where=str(path)) for sub, given in value.items()}


def principal(settings: Settings, sub: str | None) -> Principal:
    """The one that `--as` or COPILOT_AS names."""
    name = sub or settings.act_as
    if name is None:
        raise BadInput("say for whom: --as SUB, or COPILOT_AS")
    known = principals(settings.principals)
    if name not in known:
        raise BadInput(
            f"there is no principal {name!r} in {settings.principals}; known: {sorted(known)}"
        )
    return known[name]


def asker(settings: Settings, options: Namespace) -> Asker:
    """The principal in this request; who runs the command is recorded as impersonating."""
    who = principal(settings, options.act_as)
    return as_asker(who, getattr(options, "purpose", None), getattr(options, "reason", None) or "")


def as_asker(who: Principal, purpose: str | None = None, reason: str = "") -> Asker:
    """The purpose is the first of the principal's own where none is given."""
    chosen = purpose or (who.purposes[0] if who.purposes else "")
    return Asker(principal=who, purpose=chosen, reason=reason, impersonated_by=_operator())


def _operator() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
