"""What is said where there is nothing to show: from principal and policy alone, the same for absent and hidden."""

from collections.abc import Mapping, Sequence

NOT_FOUND = "Nothing that you may read answers this question."
NO_SUCH = "Nothing that you may read has this name or id."
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


READ_AS = 'No passage that you may read has "{}"; it was read as "{}".'


def notice(
    step_up: bool, degraded: Sequence[str] = (), read_as: Mapping[str, str] | None = None
) -> str | None:
    """What goes with a result.

    That a stronger sign-in, or an arm that did not answer, might have made it fuller; and which names of the
    question were read as others.
    """
    told = [NOTICE] if step_up else []
    told += [DEGRADED[arm] for arm in degraded]
    told += [READ_AS.format(*names) for names in (read_as or {}).items()]
    return " ".join(told) or None
