"""Gates: beside its absolute floor, no figure may be worse than in the last accepted result."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from copilot.bench.paired import Parts, gain
from eval.results import Failure, Figure, Goal, Part, Result, exactly, ratio
from policy.errors import CopilotError

ACCEPTED = Path(__file__).with_name("accepted.json")
COMPARED = "worse_than_accepted"
_ROUNDING = 1e-6
"""Accepted parts are kept with six digits."""

Accepted = Mapping[str, Mapping[str, Part]]
"""By figure and question."""


def compared(result: Result, path: Path = ACCEPTED) -> Result:
    """The result with one more gate: how many of its gated shares are worse than the accepted ones."""
    try:
        accepted = read(path, result.name)
    except CopilotError as error:
        lost = Failure(name=COMPARED, reason=error.message)
        missing = Figure(value=None, unit="figures", goal=exactly(0))
        return _with(result, missing, [lost])
    worse = [
        Failure(name=f"{COMPARED}/{name}", reason=reason)
        for name, figure in gated_shares(result).items()
        if (reason := _worse(figure, accepted.get(name)))
    ]
    return _with(result, Figure(value=len(worse), unit="figures", goal=exactly(0)), worse)


def read(path: Path, suite: str) -> Accepted:
    """What was accepted for a suite. Raises where there is nothing: a lost file must not pass."""
    again = f"run `python -m eval {suite} --accept` once its floors hold"
    if not path.exists():
        raise CopilotError(f"there is no accepted result to compare with ({path.name}); {again}")
    try:
        held: Mapping[str, Accepted] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CopilotError(f"{path.name} is not JSON: {error}") from error
    if suite not in held:
        raise CopilotError(f"{path.name} holds no accepted result of this suite; {again}")
    return held[suite]


def accept(result: Result, path: Path = ACCEPTED) -> None:
    """Makes this result the one to compare with, better or worse; its floors must hold."""
    if failed := [name for name in result.failed_gates if name != COMPARED]:
        raise CopilotError(f"not accepted: {', '.join(failed)} failed")
    held = json.loads(path.read_text("utf-8")) if path.exists() else {}
    held[result.name] = {
        name: {question: [round(part, 6) for part in parts] for question, parts in rows.items()}
        for name, figure in gated_shares(result).items()
        if (rows := figure.by_question)
    }
    path.write_text(_compact(held), "utf-8")


def gated_shares(result: Result) -> dict[str, Figure]:
    """The figures that two results can be compared in question by question."""
    return {n: figure for n, figure in result.figures.items() if figure.goal and figure.by_question}


def _with(result: Result, figure: Figure, failures: list[Failure]) -> Result:
    figures = {**result.figures, COMPARED: figure}
    return replace(result, figures=figures, failures=[*result.failures, *failures])


def _worse(figure: Figure, accepted: Mapping[str, Part] | None) -> str | None:
    """Why the figure counts as worse; None where chance could have made the difference."""
    assert figure.goal is not None
    both = sorted(set(figure.by_question) & set(accepted or {}))
    if accepted is None or not both:
        return "no accepted result has this figure for these questions; accept one"
    now = np.array([figure.by_question[question] for question in both], np.float64)
    then = np.array([accepted[question] for question in both], np.float64)
    best = _best_case(now, then, figure.goal)
    if best >= 0:
        return None
    before, after = ratio(map(tuple, then.tolist())), ratio(map(tuple, now.tolist()))
    return (
        f"{before:.4f} was accepted, {after:.4f} is worse beyond chance (95 %: at best {best:+.4f})"
    )


def _best_case(now: Parts, then: Parts, goal: Goal) -> float:
    """The better end of the 95 % interval of the improvement."""
    low, high = gain(now, then)
    return (-low if goal.relation == "<=" else high) + _ROUNDING


def _compact(held: Mapping[str, Accepted]) -> str:
    """One line a figure: small, and readable in a difference between two versions."""
    suites = []
    for suite, figures in sorted(held.items()):
        lines = ",\n".join(
            f"  {json.dumps(name)}: {json.dumps(parts, sort_keys=True, separators=(',', ':'))}"
            for name, parts in figures.items()
        )
        suites.append(f"{json.dumps(suite)}: {{\n{lines}\n}}")
    return "{\n" + ",\n".join(suites) + "\n}\n"
