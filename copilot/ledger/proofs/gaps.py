"""Openings that are gone, and erasures that say so, as they are met; `Explanations` says which explain which."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from copilot.ledger.proofs.erasures import Erasure, Filed, erasure
from copilot.ledger.proofs.record import FORMS
from policy.errors import BadInput

INDEX = "index"
"""When, for which tenant and under which label."""
NEVER_ERASED = {1: frozenset([INDEX]), 2: frozenset([INDEX, "act", "shown"])}
"""By version of the leaf: who did what, and what they were shown. An erasure that takes it explains nothing.

Acts of the first held the words of a reason.
"""
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
        return self.name not in NEVER_ERASED[self.form]


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
