"""Two policies compared: which labels the second opens or closes, and which acts, for whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policy.engine import Act, Allowed, PolicyEngine
from policy.labels import Label
from policy.markings import portion
from policy.principal import Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that the second policy opens or closes, and for whom."""

    subject: str
    """A portion marking with its tenant, or the name of an act."""
    subs: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"subject": self.subject, "for": list(self.subs)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What would change; nothing where both policies decide alike."""

    opens: tuple[Change, ...] = ()
    closes: tuple[Change, ...] = ()
    acts_opened: tuple[Change, ...] = ()
    acts_closed: tuple[Change, ...] = ()
    compared: int = 0
    """Decisions on a label or an act that were compared."""

    def to_json(self) -> dict[str, Any]:
        parts = ("opens", "closes", "acts_opened", "acts_closed")
        changes = {name: [one.to_json() for one in getattr(self, name)] for name in parts}
        return changes | {"compared": self.compared}


@dataclass(slots=True)
class _Found:
    opened: dict[str, list[str]] = field(default_factory=dict)
    closed: dict[str, list[str]] = field(default_factory=dict)

    def note(self, sub: str, before: Iterable[str], after: Iterable[str]) -> None:
        for found, subjects in (
            (self.opened, sorted(set(after) - set(before))),
            (self.closed, sorted(set(before) - set(after))),
        ):
            for subject in subjects:
                found.setdefault(subject, []).append(sub)


async def compare(
    now: PolicyEngine, then: PolicyEngine, askers: Mapping[str, Asker], labels: Sequence[Label]
) -> Difference:
    """How the decisions of `then` differ from those of `now`, on these labels and on every act."""
    of_labels, of_acts = _Found(), _Found()
    for sub, asker in sorted(askers.items()):
        of_labels.note(
            sub, await _readable(now, asker, labels), await _readable(then, asker, labels)
        )
        of_acts.note(sub, await _permitted(now, asker), await _permitted(then, asker))
    return Difference(
        opens=_changes(of_labels.opened),
        closes=_changes(of_labels.closed),
        acts_opened=_changes(of_acts.opened),
        acts_closed=_changes(of_acts.closed),
        compared=len(askers) * (len(labels) + len(Act)),
    )


async def _readable(engine: PolicyEngine, asker: Asker, labels: Sequence[Label]) -> set[str]:
    opened = await engine.readable(asker, labels)
    return {f"{labels[one].tenant} {portion(labels[one])}" for one in opened.positions}


async def _permitted(engine: PolicyEngine, asker: Asker) -> set[str]:
    # As somebody else asked for it, briefly: so that only the role and the tenant's own rules decide.
    subject = {"requested_by": f"not {asker.principal.sub}", "seconds": 1}
    decided = {act: await engine.permits(asker, act, subject) for act in Act}
    return {str(act) for act, decision in decided.items() if isinstance(decision, Allowed)}


def _changes(found: Mapping[str, Sequence[str]]) -> tuple[Change, ...]:
    return tuple(Change(subject=one, subs=tuple(subs)) for one, subs in sorted(found.items()))
