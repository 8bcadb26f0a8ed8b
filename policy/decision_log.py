"""Under which ids an engine has logged the decisions of an act, for the record of that act to name them."""

from contextvars import ContextVar

_ids: ContextVar[list[str] | None] = ContextVar("decision_ids", default=None)


def begin() -> None:
    """From now on those of this task, and of those that it starts, are gathered."""
    _ids.set([])


def gathered() -> list[str]:
    """Those since the act began; grows with each decision. Of an act that began nowhere, from now on."""
    ids = _ids.get()
    if ids is None:
        ids = []
        _ids.set(ids)
    return ids


def logged(decision_id: object) -> None:
    """Whatever the engine calls it; nothing, where it keeps no log."""
    ids = _ids.get()
    if ids is not None and isinstance(decision_id, str):
        ids.append(decision_id)
