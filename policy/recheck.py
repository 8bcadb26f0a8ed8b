"""The double check: after retrieval each label is decided on again, one by one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from policy.engine import Allowed, PolicyEngine
from policy.labels import Label
from policy.principal import Asker
from policy.scope import Scope


class Labelled(Protocol):
    """Anything retrieved: its interned label, and the label as it came with the content."""

    @property
    def label_id(self) -> int:
        """The id that the search filtered by."""

    @property
    def label(self) -> Label:
        """The content's own label, which is what is decided on."""


Item = TypeVar("Item", bound=Labelled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecked(Generic[Item]):
    """What may be passed on, in its order. Anything dropped is an incident: count and record it."""

    kept: tuple[Item, ...]
    dropped: tuple[Item, ...]


async def double_check(
    engine: PolicyEngine, asker: Asker, scope: Scope, items: Iterable[Item]
) -> Rechecked[Item]:
    """Keeps what the scope holds under this very label and the engine opens again."""
    items = tuple(items)
    in_scope = [item for item in items if scope.labels.get(item.label_id) == item.label]
    open_labels = await opened(engine, asker, (item.label for item in in_scope))
    kept = [item for item in in_scope if item.label in open_labels]
    passed = set(map(id, kept))
    return Rechecked(
        kept=tuple(kept), dropped=tuple(item for item in items if id(item) not in passed)
    )


async def opened(engine: PolicyEngine, asker: Asker, labels: Iterable[Label]) -> set[Label]:
    """Those of the labels that the asker may read, each decided by itself; Unavailable where it is not."""
    distinct = list(dict.fromkeys(labels))
    if not distinct:
        return set()
    pairs = zip(distinct, await engine.may_read(asker, distinct), strict=True)
    return {label for label, decision in pairs if isinstance(decision, Allowed)}
