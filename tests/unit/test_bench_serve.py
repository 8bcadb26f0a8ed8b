"""The serving bench: what it makes of two data directories, of which one is small."""

from copilot.bench.report import Report
from copilot.bench.serve import Measured, figures


def measured(chunks: int, mb: float, *, seconds: float = 2.0) -> Measured:
    return Measured(
        chunks=chunks,
        stopped_s=[seconds + 5, seconds],
        running_s=[seconds, seconds + 5],
        fresh_mb=250.0,
        asked_mb=mb,
        search_ms=[10.0, 20.0, 30.0],
    )


def found(small: Measured, large: Measured) -> Report:
    report = Report(name="serve")
    figures(report, small, large)
    return report


def test_growth_is_told_by_the_difference_between_the_two() -> None:
    report = found(measured(1_000, 300.0), measured(101_000, 420.0))
    assert report.figures["resident_per_1000_chunks"].value == 1.2


def test_the_quickest_start_counts_and_goals_are_those_that_are_promised() -> None:
    good = found(measured(1_000, 300.0), measured(101_000, 420.0))
    assert good.figures["ready_postgres_stopped"].value == 2.0
    assert all(one.passed for one in good.figures.values())
    slow = found(measured(1_000, 300.0), measured(101_000, 420.0, seconds=3.1))
    assert [name for name, one in slow.figures.items() if not one.passed] == [
        "ready_postgres_stopped",
        "ready_postgres_running",
    ]
    fat = found(measured(1_000, 300.0), measured(101_000, 701.0))
    assert [name for name, one in fat.figures.items() if not one.passed] == ["resident"]
