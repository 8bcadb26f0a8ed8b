"""Readiness: each dependency by name, with "ok", what is wrong with it, or what goes on without it."""

from collections.abc import Mapping

OK = "ok"
DEGRADED = "degraded: "
"""Begins the state of a dependency without which questions are answered all the same, and say so."""


def serves(states: Mapping[str, str]) -> bool:
    """Whether requests may come: nothing is wrong with what they cannot do without."""
    return bool(states) and all(one == OK or one.startswith(DEGRADED) for one in states.values())
