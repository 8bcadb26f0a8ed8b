"""Openings that are gone and that no erasure names, as far as was read: what else may account for them, if anything."""

from dataclasses import dataclass, field

from copilot.ledger.proofs.explanations import Explanations
from copilot.ledger.proofs.gaps import Gone

_NAMED = 100
"""Openings that are named, of however many."""


@dataclass(slots=True)
class Unexplained:
    """Each opening counts once."""

    late: int = 0
    """What is not kept of a question that was asked when something was erased."""
    elsewhere: int = 0
    """What is followed by records in archives that were not given, of which one may be its erasure."""
    problems: list[str] = field(default_factory=list)
    """The rest, the first of it by name; before it, erasures that explain nothing."""


def unexplained(found: Explanations, sealed: int, unread: int) -> Unexplained:
    """`unread` is the last leaf whose archive was not given, or -1; from `sealed` on they wait for their places."""
    problems = [f"{_where(one.leaf_index, sealed)}: {one.says}" for one in found.problems]
    left, rest = Unexplained(problems=problems), list[Gone]()
    for one in found.unexplained:
        if found.is_late(one):
            left.late += 1
        elif one.erasable and one.leaf_index < unread:
            left.elsewhere += 1
        else:
            rest.append(one)
    for one in rest[:_NAMED]:
        where = _where(one.leaf_index, sealed, one.ledger_id)
        problems.append(f"{where}: {one.name} is gone, and no erasure says why")
    if more := len(rest[_NAMED:]):
        problems.append(f"{more} more openings are gone, and no erasure says why")
    return left


def _where(leaf_index: int, sealed: int, ledger_id: str | None = None) -> str:
    if leaf_index < sealed:
        return f"entry {leaf_index}"
    return f"unsealed entry {ledger_id or leaf_index - sealed}"
