"""Paragraphs gathered into single-label parts, and the labels that documents give them."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from copilot.ingest.documents import Part
from policy.errors import BadInput
from policy.labels import Label
from policy.markings import parse_portion, split_portion

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


def gathered(paragraphs: Iterable[tuple[Label, str]], *, between: str) -> tuple[Part, ...]:
    """One part for each label, its paragraphs in order; labels in order of their first paragraph."""
    texts: dict[Label, list[str]] = {}
    for label, text in paragraphs:
        texts.setdefault(label, []).append(text)
    return tuple(Part(label=label, text=between.join(some)) for label, some in texts.items())


def label_of(value: object, *, tenant: str, where: str) -> Label:
    """A label given as an object or as a mark such as "S//NF"; one of another tenant is refused."""
    if isinstance(value, str):
        return marked(value, tenant=tenant, where=where)
    return own(Label.from_json(value, tenant=tenant, where=where), tenant=tenant, where=where)


def marked(mark: str, *, tenant: str, where: str) -> Label:
    """The label of a mark, with its parentheses or without."""
    written = mark.strip()
    return parse_portion(written if written.startswith("(") else f"({written})", tenant, where)


def own(label: Label, *, tenant: str, where: str) -> Label:
    """The label, if it is of the ingester's tenant."""
    if label.tenant != tenant:
        raise BadInput(
            f"{where}: the label names tenant {label.tenant!r}, and you ingest for {tenant!r}"
        )
    return label


def required(label: Label | None, *, tenant: str, where: str) -> Label:
    """The label that content without one of its own takes."""
    if label is None:
        raise BadInput(f"{where}: no label; give `label` in the file or `--label`")
    return own(label, tenant=tenant, where=where)


def check_marks(text: str, label: Label, *, tenant: str, where: str) -> None:
    """A text that is taken as it is, with one label, has no paragraph that is marked above it."""
    for paragraph in _BLANK_LINE.split(text):
        mark, _ = split_portion(paragraph, tenant, where)
        if mark is not None and not label.dominates(mark):
            raise BadInput(f"{where} has a paragraph marked above its label: {paragraph:.40}")


def document_id(value: object, where: str) -> str:
    """An id as it may stand in a citation: one line, no white space around it."""
    if not isinstance(value, str):
        raise BadInput(f"{where}: `id` must be a text, not {value!r:.60}")
    if not value.strip() or value != value.strip() or not value.isprintable() or len(value) > 400:
        raise BadInput(f"{where}: `id` must be one line of 1 to 400 characters, not {value!r:.60}")
    return value


def kept(metadata: dict[str, Any], *, over: Label, document: Label) -> dict[str, Any]:
    """The metadata, or none of it where the document's own label does not dominate the one it is given under.

    A mark on the title lowers what the title, id and file name say; whoever wrote it has not said that
    of the other fields, which may name a source.
    """
    return metadata if document.dominates(over) else {}


def storable(value: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Metadata that JSON and UTF-8 can hold; BadInput otherwise."""
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"{where}: a value that JSON in UTF-8 cannot hold") from error
    if "\\u0000" in written:
        raise BadInput(f"{where}: a NUL character")
    return dict(value)
