"""Reports: a figure passes by its goal alone, and tables say what failed."""

import json

import pytest

from copilot.bench.ask import _summarise
from copilot.bench.report import Figure, Report, percentile
from eval.results import Failure, Result, at_least, count
from eval.results import Figure as EvalFigure
from eval.table import table


@pytest.mark.parametrize(
    ("share", "value"), [(0.01, 1.0), (0.5, 50.0), (0.95, 95.0), (0.99, 99.0), (1.0, 100.0)]
)
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(
    share: float, value: float
) -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert percentile(values, share) == value


@pytest.mark.parametrize(
    ("values", "share", "value"),
    [([7.0], 0.5, 7.0), ([7.0], 0.95, 7.0), ([3, 1, 2], 0.5, 2), ([4, 1, 2, 3], 0.5, 2)],
)
def test_a_percentile_of_few_values_is_one_of_them(
    values: list[float], share: float, value: float
) -> None:
    assert percentile(values, share) == value


def test_a_percentile_is_given_in_hundredths() -> None:
    assert percentile([1.23456], 0.5) == 1.23


@pytest.mark.parametrize(
    ("value", "goal", "passed"),
    [(1.0, None, True), (499.9, "<= 500", True), (500.0, "<= 500", True), (500.1, "<= 500", False)],
)
def test_a_figure_passes_where_it_is_at_most_its_goal(
    value: float, goal: str | None, passed: bool
) -> None:
    limit = None if goal is None else 500.0
    assert Figure(value=value, unit="ms", goal=limit).to_json() == {
        "value": value,
        "unit": "ms",
        "goal": goal,
        "passed": passed,
    }


@pytest.mark.parametrize(("value", "passed"), [(96.9, False), (97.0, True), (97.1, True)])
def test_a_figure_whose_goal_is_a_floor_passes_from_there_upwards(
    value: float, passed: bool
) -> None:
    figure = Figure(value=value, unit="%", goal=97, more_is_better=True).to_json()
    assert (figure["goal"], figure["passed"]) == (">= 97", passed)


def test_a_report_shows_its_peers() -> None:
    report = Report(name="retrieval", peers={"haystack": "not installed"})
    assert report.to_json()["peers"] == {"haystack": "not installed"}


def test_a_report_passes_only_where_each_figure_does() -> None:
    report = Report(name="ask")
    assert report.to_json()["passed"] is True
    report.figures["fast"] = Figure(value=1, unit="ms", goal=2)
    assert report.to_json()["passed"] is True
    report.figures["slow"] = Figure(value=3, unit="ms", goal=2)
    assert report.to_json()["passed"] is False


def test_a_report_says_where_it_was_measured_and_is_json() -> None:
    report = Report(name="ask", environment={"questions": 3})
    value = json.loads(json.dumps(report.to_json()))
    assert value["name"] == "ask"
    assert set(value["environment"]) == {"python", "system", "processors", "questions"}
    assert value["environment"]["questions"] == 3


def test_a_table_puts_gates_before_what_is_only_reported() -> None:
    result = Result(
        name="generation",
        figures={"latency": count(12, "ms"), "recall": count(1, "share", at_least(0.9))},
    )
    head, gate, divider, reported = table(result).splitlines()
    assert head == "generation: passed"
    assert gate.split() == ["recall", "1.0", "share", ">=", "0.9", "ok"]
    assert divider == "reported"
    assert reported.split() == ["latency", "12.0", "ms"]


def test_a_table_says_which_gate_failed_and_counts_what_went_wrong_by_kind() -> None:
    result = Result(
        name="leaks",
        figures={"recall": EvalFigure(value=None, unit="share", goal=at_least(0.9))},
        failures=[
            Failure(name="q1", reason="no source\nlong story"),
            Failure(name="q2", reason="leaked"),
            Failure(name="q3", reason="no source\nanother story"),
        ],
    )
    head, gate, _, first, second = table(result).splitlines()
    assert head == "leaks: FAILED"
    assert gate.endswith(">= 0.9   FAILED")
    assert first.split(maxsplit=2) == ["2", "×", "no source"]
    assert second.split(maxsplit=2) == ["1", "×", "leaked"]


def test_a_bench_counts_what_was_answered_and_judges_our_own_share_apart_from_the_model() -> None:
    answers = [
        {"__typename": "Answer", "total": 4000.0, "timingsMs": {"generation": 3900.0}},
        {"__typename": "NotFound", "total": 80.0, "timingsMs": {"vector": 5.0}},
    ]
    for offline, passed in ((False, True), (True, False)):
        report = Report(name="ask")
        _summarise(report, answers, offline=offline)
        assert report.to_json()["passed"] is passed
        assert report.figures["ask_p95"].value == 4000.0
        assert report.figures["ask_besides_generation_p95"].value == 100.0
        assert report.figures["vector_p50"].value == 5.0
        assert report.environment == {"questions": 2, "answered": 1}
