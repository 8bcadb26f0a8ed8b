"""Documents as ingest reads them from a file, before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policy.labels import Label

Identity = tuple[str, Label]
"""A document's id and its own label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """All text of a document that carries one label, in reading order.

    One part for each label, not for each paragraph: what is hidden then cannot show in how the rest is cut.
    """

    label: Label
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one file, or one record of it, says."""

    document_id: str
    title: str
    label: Label
    """The label of id, title, file name and metadata; by default the join of the parts' labels."""
    parts: tuple[Part, ...]
    source: str
    """The file's name, without its folder."""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> Identity:
        """What it replaces and is replaced by, within its tenant."""
        return self.document_id, self.label

    @property
    def labels(self) -> list[Label]:
        """Its own, and that of each part."""
        return [self.label, *(part.label for part in self.parts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A file or a record that was not taken, and why; the rest goes on."""

    source: str
    line: int | None
    reason: str
