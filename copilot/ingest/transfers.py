"""Bank transfers as CSV: one document a file, one sentence a row."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from copilot.ingest.documents import Document, Rejected
from copilot.ingest.parts import document_id, gathered, label_of, required
from copilot.ingest.source import MOST_TEXT, Line, lines
from policy.errors import BadInput
from policy.labels import Label, join_all
from retrieval.transfer_line import Transfer, parse

_COLUMNS = (
    "transaction_id", "date", "from_account", "from_name", "to_account", "to_name", "amount",
    "currency", "reference",
)  # fmt: skip
_LABELS = ("marking", "label")
_MOST_ROW = 64 * 1024
_AMOUNT = re.compile(r"(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,2})?")


@dataclass(slots=True)
class _Rows:
    """What has been read of a file so far."""

    rendered: list[tuple[Label, str]]
    size: int = 0

    def add(self, label: Label, sentence: str) -> None:
        self.size += len(sentence.encode("utf-8")) + 1
        if self.size > MOST_TEXT:
            raise _TooLarge("larger than 10 MB of text; split it into files")
        self.rendered.append((label, sentence))


class _TooLarge(BadInput):
    """The file, not the row, cannot be taken."""


def read(path: Path, *, tenant: str, default_label: Label | None) -> Iterator[Document | Rejected]:
    """The rejected rows of a file and then its document; a wrong header rejects the file.

    A row is one line, so that a quotation mark that is never closed costs one row and not the rest.
    """
    rows = _Rows([])
    content = lines(path, most=_MOST_ROW)
    columns = _header(next(content, None))
    for line in content:
        try:
            rows.add(*_row(line, columns, tenant, default_label))
        except _TooLarge:
            raise
        except BadInput as error:
            yield Rejected(source=path.name, line=line.number, reason=error.message)
    if not rows.rendered:
        raise BadInput("no row that can be taken")
    yield _document(path, rows)


def _document(path: Path, rows: _Rows) -> Document:
    parts = gathered(rows.rendered, between="\n")
    return Document(
        document_id=document_id(path.stem, "the file's name"),
        title=f"Transfers {path.stem}",
        label=join_all(part.label for part in parts),
        parts=parts,
        source=path.name,
        metadata={"kind": "transfers"},
    )


def _header(line: Line | None) -> list[str]:
    if line is None:
        raise BadInput("empty; give it rows or leave it out")
    columns = [name.strip().casefold() for name in _cells(line)]
    missing = [name for name in _COLUMNS if name not in columns]
    unknown = [name for name in columns if name not in (*_COLUMNS, *_LABELS)]
    if missing or unknown or len(set(columns)) < len(columns) or set(_LABELS) <= set(columns):
        fault = f"lacks {missing}" if missing else f"has {unknown or 'a column twice'}"
        raise BadInput(f"line 1: the header {fault}; expected {','.join(_COLUMNS)},marking|label")
    return columns


def _cells(line: Line) -> list[str]:
    if line.fault:
        raise BadInput(line.fault)
    try:
        (cells,) = csv.reader([line.text], strict=True)
    except (csv.Error, ValueError) as error:
        raise BadInput(f"not a CSV row: {error}") from error
    return cells


def _row(
    line: Line, columns: list[str], tenant: str, default_label: Label | None
) -> tuple[Label, str]:
    cells = _cells(line)
    if len(cells) != len(columns):
        raise BadInput(f"{len(cells)} columns where the header has {len(columns)}")
    row = {name: " ".join(cell.split()) for name, cell in zip(columns, cells, strict=True)}
    written = row.get("marking") or row.get("label")
    label = (
        label_of(written, tenant=tenant, where="marking")
        if written
        else required(default_label, tenant=tenant, where="the row")
    )
    return label, _sentence(row)


def _sentence(row: Mapping[str, str]) -> str:
    transfer = Transfer(
        transaction=_given(row, "transaction_id"),
        date=_date(row["date"]),
        from_account=_given(row, "from_account"),
        from_name=_given(row, "from_name"),
        to_account=_given(row, "to_account"),
        to_name=_given(row, "to_name"),
        amount=_amount(row["amount"]),
        currency=_currency(row["currency"]),
        reference=row["reference"].replace('"', "'"),
    )
    sentence = transfer.line()
    if parse(sentence) != transfer or not sentence.isprintable():
        raise BadInput("a name, account or reference that reads like another part of the sentence")
    return sentence


def _given(row: Mapping[str, str], column: str) -> str:
    if not row[column]:
        raise BadInput(f"`{column}` is empty")
    return row[column]


def _date(written: str) -> date:
    try:
        if len(written) != len("2024-02-11"):
            raise ValueError(written)
        return date.fromisoformat(written)
    except ValueError as error:
        raise BadInput(f"`date` must be like 2024-02-11, not {written!r:.40}") from error


def _amount(written: str) -> Decimal:
    amount = Decimal(written.replace(",", "")) if _AMOUNT.fullmatch(written) else Decimal(0)
    if not amount:
        raise BadInput(f"`amount` must be above zero and like 48500.00, not {written!r:.40}")
    return amount.quantize(Decimal("0.01"))


def _currency(written: str) -> str:
    if not re.fullmatch("[A-Z]{3}", written):
        raise BadInput(f"`currency` must be three capitals such as EUR, not {written!r:.40}")
    return written
