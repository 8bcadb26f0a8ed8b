"""What was compared, and what was wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from eval.acts import Json, difference, has_content
from eval.results import Failure


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was compared so far, and what was wrong."""

    corpora: int = 0
    compared: int = 0
    not_empty: int = 0
    probed: int = 0
    rechecked: int = 0
    degraded: int = 0
    """Searches that went without the graph."""
    differences: list[Failure] = field(default_factory=list)
    probe_differences: list[Failure] = field(default_factory=list)
    recheck_leaks: list[Failure] = field(default_factory=list)

    def compare(self, name: str, with_hidden: Json, without: Json) -> None:
        """Counts one comparison, and keeps where the two part."""
        self.compared += 1
        self.not_empty += has_content(with_hidden)
        if reason := difference(with_hidden, without):
            self.differences.append(Failure(name=f"interference/{name}", reason=reason))

    def add(self, other: "Tally") -> None:
        self.corpora += other.corpora
        self.compared += other.compared
        self.not_empty += other.not_empty
        self.probed += other.probed
        self.rechecked += other.rechecked
        self.degraded += other.degraded
        self.differences += other.differences
        self.probe_differences += other.probe_differences
        self.recheck_leaks += other.recheck_leaks

    @property
    def wrong(self) -> list[Failure]:
        return [*self.differences, *self.probe_differences, *self.recheck_leaks]


def added(tallies: Iterable[Tally]) -> Tally:
    """One tally of all."""
    total = Tally()
    for one in tallies:
        total.add(one)
    return total
