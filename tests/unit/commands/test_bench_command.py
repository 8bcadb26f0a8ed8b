"""Benches: figures and their goals."""

import json

import pytest

from copilot.bench.report import Figure, Report
from copilot.commands import bench
from copilot.settings import Settings
from policy.errors import BadInput
from tests.unit.commands.product import typed

pytestmark = pytest.mark.anyio


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    made = Report(name="ask", figures={"ask_p95": Figure(value=700.0, unit="ms", goal=500.0)})

    async def run(settings: Settings) -> Report:
        return made

    monkeypatch.setitem(bench._BENCHES, "ask", run)
    return made


async def test_a_missed_goal_of_a_bench_is_said_and_no_failure_of_the_command(
    report: Report, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    report.figures["ask_p50"] = Figure(value=12.5, unit="ms")
    assert await bench.bench(settings, typed("bench", "ask")) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split(maxsplit=3) == ["ask_p95", "700.0", "ms", "(goal <= 500)  MISSED"]
    assert second.split() == ["ask_p50", "12.5", "ms"]


async def test_peers_are_shown_with_what_they_gave_or_why_they_are_absent(
    report: Report, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    report.peers |= {"bm25s": {"2wiki": {"recall@5": 64.1}}, "haystack": "not installed"}
    assert await bench.bench(settings, typed("bench", "ask")) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        'peer bm25s: {"2wiki": {"recall@5": 64.1}}',
        "peer haystack: not installed",
    ]


async def test_a_bench_as_json_is_one_document(
    report: Report, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await bench.bench(settings, typed("bench", "ask", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is False


async def test_an_unknown_bench_is_refused_with_those_that_are_known(settings: Settings) -> None:
    with pytest.raises(BadInput, match=r"no bench 'fly'; known: \['ask', "):
        await bench.bench(settings, typed("bench", "fly"))
