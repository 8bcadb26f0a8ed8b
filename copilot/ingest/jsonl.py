"""JSON lines: one document a record, with its text as one part."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from copilot.ingest.documents import Document, Part, Rejected
from copilot.ingest.parts import check_marks, document_id, kept, label_of, required, storable
from copilot.ingest.source import MOST_TEXT, Line, lines
from copilot.texts import composed
from policy.errors import BadInput
from policy.labels import Label
from policy.markings import split_portion

_OWN_FIELDS = frozenset(["id", "title", "text", "label", "metadata"])


def read(path: Path, *, tenant: str, default_label: Label | None) -> Iterator[Document | Rejected]:
    """The records of a file, one at a time; a bad one is named with its line, and the rest goes on.

    `text` is taken as it is, with one label: portion marks belong to Markdown, and one that asks for more
    than the record's label is refused. Fields that are not known are kept as metadata, unless a mark on
    the title lowers the document's label below the record's.
    """
    count = 0
    for line in lines(path):
        count += 1
        try:
            yield _document(line, path.name, tenant, default_label)
        except BadInput as error:
            yield Rejected(source=path.name, line=line.number, reason=error.message)
    if not count:
        raise BadInput("empty; give it records or leave it out")


def _document(line: Line, source: str, tenant: str, default_label: Label | None) -> Document:
    if line.fault:
        raise BadInput(line.fault)
    record = _record(line.text)
    text = _text(record, "text")
    if len(text.encode("utf-8")) > MOST_TEXT:
        raise BadInput("`text` is larger than 10 MB; split it into documents")
    if not text.strip():
        raise BadInput("`text` is empty")
    label = _label(record.get("label"), tenant, default_label)
    check_marks(text, label, tenant=tenant, where="`text`")
    title = _text(record, "title", default="")
    mark, title = split_portion(title.strip(), tenant, "`title`")
    return Document(
        document_id=document_id(record.get("id"), "the record"),
        title=" ".join(title.split()),
        label=mark or label,
        parts=(Part(label=label, text=text),),
        source=source,
        metadata=kept(_metadata(record), over=label, document=mark or label),
    )


def _record(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"not a JSON record: {str(error)[:120]}") from error
    if not isinstance(record, dict):
        raise BadInput('a record must be an object such as {"id": "…", "title": "…", "text": "…"}')
    return record


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; two values of one name are refused, since which of two labels was meant nobody knows."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name is given twice in one object")
    return value


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _text(record: dict[str, Any], field: str, default: str | None = None) -> str:
    value = record.get(field, default)
    if not isinstance(value, str):
        raise BadInput(f"`{field}` must be a text, not {value!r:.60}")
    storable({field: value}, f"`{field}`")
    return composed(value)


def _label(value: object, tenant: str, default_label: Label | None) -> Label:
    if value is None:
        return required(default_label, tenant=tenant, where="the record")
    return label_of(value, tenant=tenant, where="`label`")


def _metadata(record: dict[str, Any]) -> dict[str, Any]:
    given = record.get("metadata") or {}
    if not isinstance(given, dict):
        raise BadInput(f"`metadata` must be an object, not {given!r:.60}")
    others = {name: value for name, value in record.items() if name not in _OWN_FIELDS}
    return storable(others | given, "`metadata`")
