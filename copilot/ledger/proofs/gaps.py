"""Openings that are gone, and erasures that say so, as they are met; `Explanations` says which explain which."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from copilot.ledger.proofs.erasures import UNSIGNED_FORM, Erasure, Filed, erasure
from copilot.ledger.proofs.record import FORMS
from policy.errors import BadInput

INDEX = "index"
"""When, for which tenant and under which label."""
WORDS = frozenset(
    {"question", "plan", "unnamed", "answer", "dropped", "consulted", "reason", "grant_reason"}
    | {"because", "comment", "message", "source", "entity", "entities", "from_entity", "from_name"}
    | {"to_entity", "to_name", "ledger", "who_saw", "what_did", "answer_id", "provenance", "after"}
    | {"ledger_entry", "ledger_proof", "replay", "grant_id", "access_grants"}
)
"""Openings with what people typed or texts say: an erasure looks for words in them, as `runs_in_ledger` has it. What is
typed for the id of a record or a page is one of them, since such an id has no eight words; for that of a document, not.
"""
_ERASABLE = WORDS | {"contexts", "recheck_dropped"}
"""Of leaves of version 2: all else says who did what, saw what and decided by what. An erasure that takes it explains
nothing. Of version 1 it might take all but the index.
"""


def may_be_erased(name: str, form: int) -> bool:
    """Of a leaf of that version."""
    return name in _ERASABLE if form > UNSIGNED_FORM else name != INDEX


_NONE_YET = 2**63


class Gone(NamedTuple):
    """An opening that is not there."""

    leaf_index: int
    ledger_id: str
    name: str
    filed: Filed = Filed()
    form: int = FORMS[-1]
    """The version of its leaf."""

    @property
    def erasable(self) -> bool:
        return may_be_erased(self.name, self.form)


@dataclass(slots=True)
class Gaps:
    """Of any number of records; takes as much memory as there are openings gone and erasures that name them."""

    gone: list[Gone] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)
    last_of_form: dict[int, int] = field(default_factory=dict)
    first_of_form: dict[int, int] = field(default_factory=dict)
    """Leaves by their version."""

    def add(self, other: "Gaps") -> None:
        self.gone += other.gone
        self.erasures += other.erasures
        for form in other.first_of_form:
            self.note(other.first_of_form[form], form)
            self.note(other.last_of_form[form], form)

    def note(self, leaf_index: int, form: int) -> None:
        """Takes in which form the leaf has."""
        if leaf_index > self.last_of_form.get(form, -1):
            self.last_of_form[form] = leaf_index
        if leaf_index < self.first_of_form.get(form, _NONE_YET):
            self.first_of_form[form] = leaf_index

    def read(
        self, leaf_index: int, ledger_id: str, form: int, opened: Mapping[str, bytes]
    ) -> list[str]:
        """Takes in what the record, of which these values open, says was erased; gives what is wrong with that."""
        self.note(leaf_index, form)
        try:
            said = erasure(leaf_index, ledger_id, form, opened)
        except BadInput as error:
            return [error.message]
        self.erasures += [said] if said else []
        return []

    def gone_back(self) -> Iterator[int]:
        """Leaves of an older form than one before them, the last of each form: later erasures must be signed."""
        for form, last in self.last_of_form.items():
            newer = [first for other, first in self.first_of_form.items() if other > form]
            if last > min(newer, default=last):
                yield last
