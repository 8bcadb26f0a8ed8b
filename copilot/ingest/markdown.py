"""Markdown and plain text: one document a file, with front matter and portion marks."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copilot.ingest.documents import Document
from copilot.ingest.front_matter import front_matter
from copilot.ingest.parts import document_id, gathered, kept, label_of, own, required, storable
from copilot.ingest.source import whole
from policy.errors import BadInput
from policy.labels import Label, join_all
from policy.markings import split_portion

_OWN_FIELDS = frozenset(["id", "title", "label"])
_PARAGRAPH = re.compile(r"(?:[^\n]*\S[^\n]*(?:\n|\Z))+")
_HEADING = re.compile(r"(#{1,6}[ \t]+)(?=\S)")
_CLOSING_HASHES = re.compile(r"[ \t]+#+[ \t]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paragraph:
    """A paragraph without its portion mark."""

    mark: Label | None
    text: str
    line: int

    @property
    def heading(self) -> str | None:
        """What a paragraph that is one Markdown heading says."""
        match = _HEADING.match(self.text)
        if match is None or "\n" in self.text:
            return None
        return _CLOSING_HASHES.sub("", self.text[match.end() :]).strip()


def read(path: Path, *, tenant: str, default_label: Label | None) -> Iterator[Document]:
    """The document of one file; BadInput, with the line, where it cannot be taken.

    Front matter beside title, id and label is metadata, written under the label that holds for text without
    a mark. It is dropped where the document's own label, lowered by a mark on the title, does not dominate
    that one: `title: "(U) Meeting"` does not release `source: Daniel Ferro (PILOTFISH)`.
    """
    text = whole(path)
    fields, body, first_line = front_matter(text)
    given = fields.get("label")
    label = default_label if given is None else label_of(given, tenant=tenant, where="`label`")
    paragraphs = list(_paragraphs(body, first_line, tenant))
    head, paragraphs = _head(fields, paragraphs, tenant)
    parts = gathered(
        ((_label(paragraph, label, tenant), paragraph.text) for paragraph in paragraphs),
        between="\n\n",
    )
    if not parts:
        raise BadInput("no text below the title; give it a paragraph or leave the file out")
    joined = join_all(part.label for part in parts)
    document = head.label_over(joined, label, tenant)
    metadata = storable({k: v for k, v in fields.items() if k not in _OWN_FIELDS}, "front matter")
    yield Document(
        document_id=document_id(fields.get("id", path.stem), "front matter"),
        title=head.title,
        label=document,
        parts=parts,
        source=path.name,
        metadata=kept(metadata, over=label or joined, document=document),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """A title and what is known of its label."""

    title: str
    mark: Label | None = None
    """The mark that the title begins with: the document's own label."""
    dropped: tuple[Label | None, ...] = ()
    """The mark, or its absence, of the heading that the title was taken from or repeats."""
    from_body: bool = False

    def label_over(self, parts: Label, fallback: Label | None, tenant: str) -> Label:
        """The document's label: its title's mark or the join of its parts, never below the heading's."""
        label = self.mark or parts
        for heading in self.dropped:
            if heading is not None:
                label = label.join(heading)
            elif self.from_body and fallback is not None:
                label = label.join(own(fallback, tenant=tenant, where="`label`"))
        return label


def _head(
    fields: Mapping[str, Any], paragraphs: list[_Paragraph], tenant: str
) -> tuple[_Head, list[_Paragraph]]:
    """The title, and the paragraphs without the first heading if that says the same."""
    at, heading = next(
        ((i, p) for i, p in enumerate(paragraphs) if p.heading is not None), (0, None)
    )
    said = heading.heading or "" if heading else ""
    if "title" in fields:
        if not isinstance(fields["title"], str):
            raise BadInput("front matter: `title` must be a text")
        mark, title = split_portion(fields["title"].strip(), tenant, "`title`")
        title = " ".join(title.split())
    else:
        mark, title = None, said
    if heading is None or said != title:
        return _Head(title=title, mark=mark), paragraphs
    head = _Head(title=title, mark=mark, dropped=(heading.mark,), from_body="title" not in fields)
    return head, paragraphs[:at] + paragraphs[at + 1 :]


def _paragraphs(body: str, line: int, tenant: str) -> Iterator[_Paragraph]:
    at = 0
    for match in _PARAGRAPH.finditer(body):
        line += body.count("\n", at, match.start())
        at = match.start()
        mark, text = _split(match.group().strip("\n"), tenant, f"line {line}")
        if text.strip():
            yield _Paragraph(mark=mark, text=text.strip(), line=line)
        elif mark is not None:
            raise BadInput(f"line {line}: a portion mark without text")


def _split(paragraph: str, tenant: str, where: str) -> tuple[Label | None, str]:
    """The paragraph's mark, which in a heading stands behind the signs, and the rest."""
    signs = _HEADING.match(paragraph)
    if signs is None:
        return split_portion(paragraph, tenant, where)
    mark, text = split_portion(paragraph[signs.end() :], tenant, where)
    return mark, signs[1] + text if text.strip() else ""


def _label(paragraph: _Paragraph, fallback: Label | None, tenant: str) -> Label:
    return paragraph.mark or required(fallback, tenant=tenant, where=f"line {paragraph.line}")
