"""Openings that are gone and that no erasure names, as far as was read: what else may account for them, if anything."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from copilot.ledger.proofs.gaps import NEVER_ERASED, Gaps, Gone

_NAMED = 100
"""Openings that are named, of however many."""
_STRIPPED = frozenset({"answer", "consulted", "contexts", "dropped", "recheck_dropped"})
"""Not kept of a question whose contexts are erased while it is asked: `late_openings`, which the next export names.

Of what came before there was that table, nothing says so.
"""
_ASKING, _SKEW = timedelta(hours=1), timedelta(minutes=5)
"""How long a question takes at most; and by how much the clocks of two processes differ."""


@dataclass(slots=True)
class Unexplained:
    """Each opening counts once."""

    late: int = 0
    """What is not kept of a question that was asked when something was erased."""
    elsewhere: int = 0
    """What is followed by records in archives that were not given, of which one may be its erasure."""
    problems: list[str] = field(default_factory=list)
    """The rest, the first of it by name."""


def unexplained(gaps: Gaps, sealed: int, unread: int) -> Unexplained:
    """`unread` is the last leaf whose archive was not given, or -1; from `sealed` on they wait for their places."""
    found, rest = Unexplained(), 0
    erased_at = sorted(one.at for one in gaps.erasures if one.at)
    for one in gaps.unexplained():
        if _is_late(one, erased_at):
            found.late += 1
        elif one.name != NEVER_ERASED and one.leaf_index < unread:
            found.elsewhere += 1
        elif len(found.problems) < _NAMED:
            waits = one.leaf_index >= sealed
            where = f"unsealed entry {one.ledger_id}" if waits else f"entry {one.leaf_index}"
            found.problems.append(f"{where}: {one.name} is gone, and no erasure says why")
        else:
            rest += 1
    if rest:
        found.problems.append(f"{rest} more openings are gone, and no erasure says why")
    return found


def _is_late(one: Gone, erased_at: Sequence[datetime]) -> bool:
    if one.name not in _STRIPPED or one.at is None:
        return False
    first = bisect_left(erased_at, one.at - _ASKING)
    return first < len(erased_at) and erased_at[first] <= one.at + _SKEW
