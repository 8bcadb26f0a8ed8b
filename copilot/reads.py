"""What a read showed: which parts under which labels, for the double check and the ledger."""

from dataclasses import dataclass
from typing import Any

from copilot.results import (
    Answer,
    Citation,
    DocumentView,
    EntityMention,
    EntityView,
    PartView,
)
from policy.labels import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A part of which text or a name was shown."""

    part_id: str
    label: Label

    def to_json(self) -> dict[str, Any]:
        return {"part_id": self.part_id, "label": self.label.to_json()}


def read_in(view: DocumentView | EntityView | Answer) -> list[Read]:
    """Every part that the view draws on, once, in its order."""
    return list(
        dict.fromkeys(Read(part_id=one.part_id, label=one.label) for one in _drawn_on(view))
    )


def _drawn_on(
    view: DocumentView | EntityView | Answer,
) -> list[PartView | EntityMention | Citation]:
    match view:
        case DocumentView():
            return [*view.parts]
        case EntityView():
            return [*view.mentions, *(relation.citation for relation in view.relations)]
        case Answer():
            return [one for sentence in view.sentences for one in sentence.citations]
