"""A gate is a floor, and no worse than what was accepted."""

import json
from pathlib import Path

import pytest

from eval import gates
from eval.results import Goal, Part, Result, at_least, at_most, exactly, percentile, share
from policy.errors import CopilotError


def result(good: int, goal: Goal | None = None) -> Result:
    """Of 60 questions so many are right."""
    parts: list[tuple[str, Part]] = [(f"q{i}", (float(i < good), 1.0)) for i in range(60)]
    return Result(name="demo", figures={"right": share(parts, goal or at_least(0.5))})


def accepted(tmp_path: Path, good: int, goal: Goal | None = None) -> Path:
    path = tmp_path / "accepted.json"
    gates.accept(result(good, goal), path)
    return path


def test_a_figure_meets_its_goal_or_fails_and_nothing_measured_meets_none() -> None:
    assert at_least(0.8).met(0.8)
    assert not at_least(0.8).met(0.79)
    assert at_most(0.05).met(0.05)
    assert exactly(0).met(0)
    assert not any(goal.met(None) for goal in (at_least(0), at_most(1), exactly(0)))


def test_the_same_result_and_a_better_one_are_no_worse(tmp_path: Path) -> None:
    path = accepted(tmp_path, 50)
    assert gates.compared(result(50), path).passed
    assert gates.compared(result(55), path).passed


def test_one_question_lost_may_be_chance_and_ten_are_not(tmp_path: Path) -> None:
    path = accepted(tmp_path, 50)
    assert gates.compared(result(49), path).passed
    worse = gates.compared(result(40), path)
    assert worse.failed_gates == [gates.COMPARED]
    assert "0.8333 was accepted, 0.6667" in worse.failures[0].reason


def test_where_less_is_better_more_is_worse(tmp_path: Path) -> None:
    path = accepted(tmp_path, 5, at_most(0.5))
    assert gates.compared(result(2, at_most(0.5)), path).passed
    assert not gates.compared(result(20, at_most(0.5)), path).passed


def test_two_comparisons_give_the_same(tmp_path: Path) -> None:
    path = accepted(tmp_path, 50)
    assert gates.compared(result(45), path).to_json() == gates.compared(result(45), path).to_json()


@pytest.mark.parametrize("content", [None, "not JSON", "{}"])
def test_a_lost_accepted_result_fails_the_comparison_and_says_what_to_do(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "accepted.json"
    if content is not None:
        path.write_text(content)
    compared = gates.compared(result(60), path)
    assert compared.failed_gates == [gates.COMPARED]
    assert "accepted.json" in compared.failures[0].reason


def test_a_figure_that_was_never_accepted_fails_the_comparison(tmp_path: Path) -> None:
    path = accepted(tmp_path, 50)
    held = json.loads(path.read_text())
    path.write_text(json.dumps({"demo": {"other": held["demo"]["right"]}}))
    assert not gates.compared(result(60), path).passed


def test_what_fails_its_floor_is_not_accepted(tmp_path: Path) -> None:
    with pytest.raises(CopilotError, match="right failed"):
        accepted(tmp_path, 10)


def test_accepting_one_suite_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "accepted.json"
    path.write_text(json.dumps({"other": {"x": {"q1": [1, 1]}}}))
    gates.accept(result(50), path)
    assert set(json.loads(path.read_text())) == {"other", "demo"}


def test_percentiles() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 50) == 2
    assert percentile([3.0, 1.0, 2.0, 4.0], 95) == 4
    assert percentile([], 50) is None
