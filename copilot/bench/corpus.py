"""The public corpora that benches read, and the person who asks them."""

import os
from pathlib import Path

from policy.errors import Misconfigured
from policy.labels import Classification
from policy.principal import Principal

PERSON = Principal(
    sub="bench",
    tenant="bench",
    clearance=Classification.S,
    nationality="USA",
    roles=frozenset(["analyst", "ingester"]),
    purposes=("measurement",),
)


def corpus(name: str) -> Path:
    """The folder of a public corpus; Misconfigured where it is not there."""
    path = Path(os.environ.get("COPILOT_SHARED_DATA") or "../shared/data") / name
    if not path.is_dir():
        raise Misconfigured(f"COPILOT_SHARED_DATA must name the folder that holds {name}/")
    return path
