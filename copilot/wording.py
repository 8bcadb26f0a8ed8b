"""What is said where there is nothing to show: from principal and policy alone, the same for absent and hidden."""

from collections.abc import Sequence

NOT_FOUND = "Nothing that you may read answers this question."
STEP_UP = (
    "Nothing that your present sign-in opens answers this. With a recent strong sign-in policy may open "
    "more to you; whether there is more, this does not say."
)
NOTICE = "Policy may open more to you with a recent strong sign-in."
CHANGED = "Your access, or what this answer rests on, changed while it was written; ask again."
CLOSED_LABEL = "You may put a document only under a label that you may read yourself."
REFUSED = "The output filter held this answer back; the ledger has its reasons."


DEGRADED = {
    "graph": "The graph did not answer: what only names lead to is missing here.",
    "keyword": "The search by words did not answer: this is what is near in meaning alone.",
}


def notice(step_up: bool, degraded: Sequence[str] = ()) -> str | None:
    """What goes with a result that a stronger sign-in, or an arm that did not answer, might have made fuller."""
    told = [NOTICE] if step_up else []
    return " ".join([*told, *(DEGRADED[arm] for arm in degraded)]) or None
