"""The form of a benchmark's result: figures with their goals, and where they were measured."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number. It passes where it is on the right side of its goal, or where it has none."""

    value: float
    unit: str
    goal: float | None = None
    more_is_better: bool = False
    """Whether the goal is a floor; else it is a ceiling."""

    @property
    def passed(self) -> bool:
        if self.goal is None:
            return True
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal

    def to_json(self) -> dict[str, Any]:
        """The goal is text, as in the results of `eval`: a bare number does not say which side is meant."""
        relation = ">=" if self.more_is_better else "<="
        goal = None if self.goal is None else f"{relation} {self.goal:g}"
        return {"value": self.value, "unit": self.unit, "goal": goal, "passed": self.passed}


@dataclass(slots=True, kw_only=True)
class Report:
    """What one benchmark found."""

    name: str
    figures: dict[str, Figure] = field(default_factory=dict)
    peers: dict[str, Any] = field(default_factory=dict)
    """By name, what others do with the same questions, or why that was not measured."""
    environment: dict[str, Any] = field(default_factory=dict)

    def times(self, name: str, taken: Sequence[float]) -> None:
        """Adds the median and the 95th percentile of some milliseconds."""
        for suffix, share in (("p50", 0.5), ("p95", 0.95)):
            self.figures[f"{name}_{suffix}"] = Figure(value=percentile(taken, share), unit="ms")

    def aim(self, name: str, goal: float, *, more_is_better: bool = False) -> None:
        """Gives a figure that is there already its goal."""
        self.figures[name] = replace(self.figures[name], goal=goal, more_is_better=more_is_better)

    def to_json(self) -> dict[str, Any]:
        figures = {name: figure.to_json() for name, figure in self.figures.items()}
        return {
            "name": self.name,
            "passed": all(figure["passed"] for figure in figures.values()),
            "figures": figures,
            "peers": self.peers,
            "environment": machine() | self.environment,
        }


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ranked = sorted(values)
    return round(ranked[max(0, -(-len(ranked) * int(share * 100) // 100) - 1)], 2)
