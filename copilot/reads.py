"""What a read showed: which parts under which labels, for the double check and the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from copilot.results import (
    Answer,
    Citation,
    DocumentView,
    EntityMention,
    EntityPage,
    EntityPaths,
    EntityView,
    NamedIn,
    PartView,
)
from policy.labels import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A part of which text or a name was shown."""

    part_id: str
    label: Label
    document_id: str | None = None
    """By which id its document was shown, where one was."""

    def to_json(self) -> dict[str, Any]:
        shown = {"part_id": self.part_id, "label": self.label.to_json()}
        return shown if self.document_id is None else {**shown, "document_id": self.document_id}


View = DocumentView | EntityView | EntityPage | EntityPaths | Answer


def read_in(view: View) -> list[Read]:
    """Every part that the view draws on, once, in its order."""
    reads = (
        Read(
            part_id=one.part_id,
            label=one.label,
            document_id=_document_id(view, one),
        )
        for one in _drawn_on(view)
    )
    return list(dict.fromkeys(reads))


def _document_id(view: View, one: PartView | EntityMention | NamedIn | Citation) -> str | None:
    if isinstance(view, DocumentView):
        return view.document_id
    return one.document_id if isinstance(one, EntityMention | Citation) else None


def entities_in(view: View) -> list[str]:
    """The ids of the entities that were shown as such, in alphabetical order."""
    match view:
        case EntityView():
            related = ((one.source_id, one.target_id) for one in view.relations)
            shown = {view.entity_id, *(one for both in related for one in both)}
        case EntityPage():
            shown = {one.entity_id for one in view.entities}
        case EntityPaths():
            shown = {one.entity_id for path in view.paths for one in path.entities}
        case _:
            shown = set()
    return sorted(shown)


def _drawn_on(view: View) -> Sequence[PartView | EntityMention | NamedIn | Citation]:
    match view:
        case DocumentView():
            return view.parts
        case EntityView():
            return [*view.mentions, *(relation.citation for relation in view.relations)]
        case EntityPage():
            return [one for entity in view.entities for one in entity.named_in]
        case EntityPaths():
            steps = [step for path in view.paths for step in path.steps]
            return [relation.citation for step in steps for relation in step.relations]
        case Answer():
            return [one for sentence in view.sentences for one in sentence.citations]
