"""`copilot bench NAME`."""

import json
from argparse import Namespace
from collections.abc import Awaitable, Callable

from copilot import processes
from copilot.bench import ask, audited, filtered, governance, scale, serve
from copilot.bench.ingest.run import run as ingest
from copilot.bench.ledger.run import run as ledger
from copilot.bench.report import Report
from copilot.bench.retrieval import run as retrieval
from copilot.settings import Settings
from policy.errors import BadInput

_BENCHES: dict[str, Callable[[Settings], Awaitable[Report]]] = {
    "ask": ask.run,
    "audit": audited.run,
    "filter": filtered.run,
    "governance": governance.run,
    "ingest": ingest,
    "ledger": ledger,
    "retrieval": retrieval.run,
    "scale": scale.run,
    "serve": serve.run,
}


async def bench(settings: Settings, options: Namespace) -> int:
    """Measures and prints the figures; a missed goal is said, and is no failure of the command."""
    if options.name not in _BENCHES:
        raise BadInput(f"there is no bench {options.name!r}; known: {sorted(_BENCHES)}")
    processes.share_heaps()  # as `copilot serve` does, and the next
    processes.collect_seldom()
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
