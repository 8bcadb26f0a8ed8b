"""A result as a table for people."""

from collections import Counter

from eval.results import Figure, Result

_SHOWN_FAILURES = 20


def table(result: Result) -> str:
    """Gates first, then what is only reported, then what went wrong by kind."""
    gated = {n: figure for n, figure in result.figures.items() if figure.goal}
    reported = {n: figure for n, figure in result.figures.items() if not figure.goal}
    lines = [f"{result.name}: {'passed' if result.passed else 'FAILED'}"]
    lines += [_line(name, figure) for name, figure in gated.items()]
    lines += ["reported"]
    lines += [_line(name, figure) for name, figure in reported.items()]
    kinds = Counter(one.reason.split("\n", 1)[0] for one in result.failures)
    lines += [f"  {number:4} × {reason[:100]}" for reason, number in kinds.most_common(_SHOWN_FAILURES)]  # fmt: skip
    return "\n".join(lines)


def _line(name: str, figure: Figure) -> str:
    value = figure.to_json()["value"]
    goal = f"{figure.goal!s:8} {'ok' if figure.passed else 'FAILED'}" if figure.goal else ""
    return f"  {name:36} {value!s:>10} {figure.unit:9} {goal}".rstrip()
