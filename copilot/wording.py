"""What is said where there is nothing to show: from principal and policy alone, the same for absent and hidden."""

NOT_FOUND = "Nothing that you may read answers this question."
STEP_UP = (
    "Nothing that your present sign-in opens answers this. With a recent strong sign-in policy may open "
    "more to you; whether there is more, this does not say."
)
NOTICE = "Policy may open more to you with a recent strong sign-in."
CHANGED = "Your access, or what this answer rests on, changed while it was written; ask again."
CLOSED_LABEL = "You may put a document only under a label that you may read yourself."
REFUSED = "The output filter held this answer back; the ledger has its reasons."


def notice(step_up: bool) -> str | None:
    """What goes with a result that a stronger sign-in might have made fuller."""
    return NOTICE if step_up else None
