"""What `docs/benchmarks` shows is what the run that lies beside it gave."""

import json
from pathlib import Path

from copilot.bench.retrieval.plots import plots

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"


def test_page_and_plots_are_those_of_the_result() -> None:
    result = json.loads((FOLDER / "retrieval.json").read_text("utf-8"))
    for name, text in plots(result).items():
        assert (FOLDER / name).read_text("utf-8") == text, f"{name}: make it again from the JSON"
