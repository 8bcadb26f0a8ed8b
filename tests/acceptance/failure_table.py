"""The table of docs/failures.md, measured.

python -m tests.acceptance.failure_table > docs/failures.md
"""

import os
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import anyio

from copilot.bench.report import machine
from copilot.migrate import migrate
from copilot.settings import Settings
from retrieval.embedding import load
from tests.acceptance.failures import CELLS, SLACK_S, TIMEOUTS, Cell, measure
from tests.servers import opa, postgres
from tests.servers.besieged import besieged
from tests.servers.product import load_case_file

_TEXT = """# When a dependency fails

The program over HTTP with the case file and a proxy before each dependency. The proxy fails, four acts (ask, search,
read a document, read an entity; for the model, ask) are tried at once, the proxy heals, and one ask follows. In each
line: what the acts gave, how long the slowest took, the most that it may take (the timeout of that dependency
+ {slack:g} s), and what the first ask gave afterwards. No cell released an answer or a text, and what was released
before and after is in the ledger; no reply shows an address or a traceback.

`tests/acceptance/test_dependencies.py` holds all of this, `tests/acceptance/test_mid_act.py` the same for a dependency
that fails in the middle of an act: at each statement of an ask, at each decision, within a stream.
`tests/integration/test_damaged_embedder.py` holds that a missing, truncated or altered embedding model stops the start.

Measured {when} on {where} with the timeouts {timeouts}; made by `python -m tests.acceptance.failure_table`.

| dependency | fails | the acts give | slowest, s | bound, s | the next ask |
| --- | --- | --- | ---: | ---: | --- |
{rows}
"""

NEO4J = Path(__file__).with_name("failures_neo4j.md").read_text("utf-8")
"""Written by hand; the tests that it names hold it."""


def main() -> int:
    """Prints the page; 1 where a promise was broken, which goes to standard error."""
    with tempfile.TemporaryDirectory(prefix="copilot-") as folder:
        cells, wrong = _measured(Path(folder))
    print(_page(cells), end="")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _measured(folder: Path) -> tuple[list[Cell], list[str]]:
    models = _exported()
    cells, wrong = [], []
    with postgres.start(folder) as uri, opa.serve() as opa_url:
        postgres.template(uri, migrate)
        database = postgres.clone(uri)
        settings = Settings(data_dir=folder, models_dir=models, database_url=database)
        anyio.run(load_case_file, settings)
        with besieged(database, opa_url, models, folder) as world:
            for dependency, fault in CELLS:
                cell = measure(world, dependency, fault)
                cells.append(cell)
                wrong += [f"{dependency}, {fault}: {one}" for one in cell.wrong(world)]
    return cells, wrong


def _exported() -> Path:
    """The tests' embedder: made once for all runs on this machine."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    models = cache / "copilot-tests" / "models"
    load(models).close()
    return models


def _page(cells: Iterable[Cell]) -> str:
    found = machine()
    measured = _TEXT.format(
        slack=SLACK_S,
        when=datetime.now(UTC).date().isoformat(),
        where=", ".join(f"{name} {value}" for name, value in found.items()),
        timeouts=", ".join(f"{name} {seconds:g} s" for name, seconds in TIMEOUTS.items()),
        rows="\n".join(_row(cell) for cell in cells),
    )
    return f"{measured}\n{NEO4J}"


def _row(cell: Cell) -> str:
    values = (
        cell.dependency,
        cell.fault,
        ", ".join(cell.kinds),
        f"{cell.seconds:.2f}",
        f"{cell.bound:.1f}",
        f"{cell.after.kind}, {cell.after.seconds:.2f} s",
    )
    return f"| {' | '.join(values)} |"


if __name__ == "__main__":
    sys.exit(main())
