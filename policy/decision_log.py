"""Under which ids an engine has logged the decisions of an act, for the record of that act to name them."""

from contextvars import ContextVar

_ids: ContextVar[list[str] | None] = ContextVar("decision_ids", default=None)


def gathered() -> list[str]:
    """Empty; grows with each decision from now on of this task, and of those that it starts."""
    ids = list[str]()
    _ids.set(ids)
    return ids


def logged(decision_id: object) -> None:
    """Whatever the engine calls it; nothing, where it keeps no log."""
    ids = _ids.get()
    if ids is not None and isinstance(decision_id, str):
        ids.append(decision_id)
