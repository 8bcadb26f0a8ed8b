"""`copilot bench NAME`."""

import json
from argparse import Namespace
from collections.abc import Awaitable, Callable

from copilot.bench import ask, governance
from copilot.bench.report import Report
from copilot.bench.retrieval import run as retrieval
from copilot.settings import Settings
from policy.errors import BadInput

_BENCHES: dict[str, Callable[[Settings], Awaitable[Report]]] = {
    "ask": ask.run,
    "governance": governance.run,
    "retrieval": retrieval.run,
}


async def bench(settings: Settings, options: Namespace) -> int:
    """Measures and prints the figures; a missed goal is said, and is no failure of the command."""
    if options.name not in _BENCHES:
        raise BadInput(f"there is no bench {options.name!r}; known: {sorted(_BENCHES)}")
    value = (await _BENCHES[options.name](settings)).to_json()
    if options.json:
        print(json.dumps(value))
        return 0
    width = max(map(len, value["figures"]), default=0)
    for name, figure in value["figures"].items():
        goal = "" if figure["goal"] is None else f"  (goal {figure['goal']})"
        missed = "" if figure["passed"] else "  MISSED"
        print(f"{name:{width}} {figure['value']:>10} {figure['unit']}{goal}{missed}")
    for name, peer in value["peers"].items():
        print(f"peer {name}: {peer if isinstance(peer, str) else json.dumps(peer)}")
    return 0
