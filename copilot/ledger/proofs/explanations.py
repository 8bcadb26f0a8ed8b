"""Which of the openings that are gone some erasure accounts for, and who erased them."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from copilot.ledger.proofs.erasures import Erasure
from copilot.ledger.proofs.gaps import Gaps, Gone
from copilot.ledger.proofs.rotation import KeyTerm
from policy.errors import BadInput

STRIPPED = frozenset(
    {"answer", "consulted", "contexts", "dropped", "recheck_dropped"}
    | {"plan", "question", "reason", "unnamed"}
)
"""Not kept of a question if its contexts, or a text that it quotes, are erased while it is asked: `late_openings`,
which the next export names. Of records of `_ASKED`, and of those of before there were schemas.

Of what came before there was that table, nothing says so.
"""
_ASKED = frozenset({"", "ask", "search", "denied", "failed"})
_REMEMBERED, _APART = timedelta(days=1), timedelta(hours=1)
"""What a record that names it may allow for beyond that."""
_ASKING, _SKEW = timedelta(hours=1), timedelta(minutes=5)
"""How long a question takes at most; and by how much the clocks of two processes differ."""
_TOLD = 5
"""People in a summary."""


class Problem(NamedTuple):
    """What is wrong with one leaf."""

    leaf_index: int
    says: str


class Explanations:
    """An erasure accounts for what came before it, in its tenant and under labels that its own covers, where a key of
    the log vouches for it; and what it takes out of records that come late, only where one was under way.
    """

    def __init__(
        self, gaps: Gaps, terms: Sequence[KeyTerm], *, unread_until: datetime | None = None
    ) -> None:
        """Before `unread_until` there may be erasures that were not read."""
        self._unread_until = unread_until
        self.problems = [
            Problem(one, "its leaf is of an older form than one before it")
            for one in gaps.gone_back()
        ]
        """Of erasures that nobody vouches for, and of leaves that would need nobody to."""
        self.by = Counter[str]()
        """Who erased how many openings."""
        self.unexplained = list[Gone]()
        self._named = defaultdict[tuple[str, str], list[Erasure]](list)
        self._erased_at = defaultdict[str, list[datetime]](list)
        for one in self._vouched(gaps.erasures, terms):
            self._take(one)
        for times in self._erased_at.values():
            times.sort()
        for gap in gaps.gone:
            self._explain(gap)

    def _take(self, one: Erasure) -> None:
        for name in one.names:
            self._named[name].append(one)
        if not one.late and one.filed.at and one.filed.label:
            self._erased_at[one.filed.label.tenant].append(one.filed.at)

    def _explain(self, gap: Gone) -> None:
        naming = self._named.get((gap.ledger_id, gap.name), [])
        if found := [one for one in naming if self._accounts_for(one, gap)]:
            self.by[found[-1].by] += 1
        else:
            self.unexplained.append(gap)

    def is_late(self, gap: Gone) -> bool:
        """Whether it may have been left out of a record that came while something of its tenant was erased."""
        return _may_be_late(gap) and self._near(gap, _ASKING, _SKEW)

    def _vouched(self, erasures: Sequence[Erasure], terms: Sequence[KeyTerm]) -> Iterator[Erasure]:
        for one in erasures:
            try:
                one.require_signed(terms)
            except BadInput as error:
                said = f"no key of the log vouches for what it says was erased: {error.message}"
                self.problems.append(Problem(one.leaf_index, said))
            else:
                yield one

    def _accounts_for(self, one: Erasure, gap: Gone) -> bool:
        covers = one.filed.label and gap.filed.label and one.filed.label.dominates(gap.filed.label)
        after = one.leaf_index > gap.leaf_index
        return bool(gap.erasable and after and covers and (not one.late or self._was_late(gap)))

    def _was_late(self, gap: Gone) -> bool:
        """As whoever erased found it: what goes is remembered for a day, and clocks may be far apart."""
        near = self._near(gap, _REMEMBERED, _APART)
        return _may_be_late(gap) and (near or self._follows_unread(gap))

    def _follows_unread(self, gap: Gone) -> bool:
        at, until = gap.filed.at, self._unread_until
        return at is not None and until is not None and at < until + _REMEMBERED

    def _near(self, gap: Gone, after: timedelta, before: timedelta) -> bool:
        """Whether something of its tenant was erased so long before it was recorded, or so long after."""
        if gap.filed.at is None or gap.filed.label is None:
            return False
        times = self._erased_at.get(gap.filed.label.tenant, [])
        first = bisect_left(times, gap.filed.at - after)
        return first < len(times) and times[first] <= gap.filed.at + before


def _may_be_late(gap: Gone) -> bool:
    return gap.name in STRIPPED and gap.filed.kind in _ASKED


def by_whom(by: Mapping[str, int]) -> str:
    """For a summary, after how many."""
    most = sorted(by.items(), key=lambda one: (-one[1], one[0]))
    named = [f"{count} by {sub or 'an act that was itself erased'}" for sub, count in most]
    more = [f"{len(named) - _TOLD} more people"] if len(named) > _TOLD else []
    return f" ({', '.join([*named[:_TOLD], *more])})" if named else ""
