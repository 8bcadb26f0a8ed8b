"""Each row of a bank's export is one sentence under its own label, or is named with its line."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.ingest import transfers
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.reader import read
from policy.labels import Classification, Label
from retrieval.transfer_line import parse

HEADER = "transaction_id,date,from_account,from_name,to_account,to_name,amount,currency,reference,marking"
GOOD = "T-0193,2024-02-11,MT31X,Alder Shipping Ltd,MT99Y,Brightwater Trading,48500,EUR,consultancy Q1,S//NF"
SENTENCE = (
    "On 2024-02-11, Alder Shipping Ltd (account MT31X) paid EUR 48,500.00 to Brightwater Trading "
    '(account MT99Y), reference "consultancy Q1" (transaction T-0193).'
)
S_NF = Label(tenant="t1", classification=Classification.S, releasable_to=frozenset(["USA"]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bank.csv"


def _read(
    path: Path, *rows: str, header: str = HEADER, default: Label | None = None
) -> list[Document | Rejected]:
    path.write_text("\n".join([header, *rows]), "utf-8", errors="surrogatepass")
    return list(read([path], tenant="t1", default_label=default))


def test_a_row_is_exactly_this_sentence(path: Path) -> None:
    (document,) = _read(path, GOOD, GOOD.replace("S//NF", "(U)"), GOOD.replace("T-0193", "T-0194"))
    assert isinstance(document, Document)
    assert (document.document_id, document.title, document.label) == (
        "bank",
        "Transfers bank",
        S_NF,
    )
    assert [part.text for part in document.parts] == [
        f"{SENTENCE}\n{SENTENCE.replace('0193', '0194')}",
        SENTENCE,
    ]
    assert document.parts[0].label == S_NF


def test_an_empty_reference_is_left_out(path: Path) -> None:
    (document,) = _read(path, GOOD.replace("consultancy Q1", ""))
    assert isinstance(document, Document)
    assert document.parts[0].text == SENTENCE.replace(', reference "consultancy Q1"', "")


@pytest.mark.parametrize(
    ("was", "now", "reason"),
    [
        ("2024-02-11", "11.2.2024", "date"),
        ("2024-02-11", "2024-02-30", "date"),
        ("48500", "-5", "amount"),
        ("48500", "0", "amount"),
        ("48500", "1e5", "amount"),
        ("48500", "5.001", "amount"),
        ("EUR", "Euro", "currency"),
        (",EUR", "", "9 columns"),
        ("EUR", "EUR,x", "11 columns"),
        ("Alder Shipping Ltd", "", "from_name"),
        ("Alder Shipping Ltd", '"Alder', "CSV"),
        ("Alder Shipping Ltd", "A (account 1) paid EUR 1.00 to B", "reads like"),
        ("MT31X", "MT(31)X", "reads like"),
        ("S//NF", "X", "mark"),
        ("S//NF", "", "--label"),
    ],
)
def test_a_malformed_row_is_named_and_the_rest_is_taken(
    path: Path, was: str, now: str, reason: str
) -> None:
    rejected, document = _read(path, GOOD.replace(was, now, 1), GOOD)
    assert isinstance(rejected, Rejected)
    assert (rejected.source, rejected.line) == ("bank.csv", 2)
    assert reason in rejected.reason
    assert isinstance(document, Document)
    assert document.parts[0].text == SENTENCE


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (HEADER.replace("amount,", ""), "lacks ['amount']"),
        (f"{HEADER},extra", "has ['extra']"),
        (f"{HEADER},label", "twice"),
        (f"{HEADER},date", "twice"),
    ],
)
def test_a_wrong_header_rejects_the_file(path: Path, header: str, reason: str) -> None:
    (rejected,) = _read(path, GOOD, header=header)
    assert isinstance(rejected, Rejected)
    assert rejected.line == 1
    assert reason in rejected.reason


def test_a_file_with_too_much_text_is_rejected_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "MOST_TEXT", 2 * len(SENTENCE))
    (rejected,) = _read(path, GOOD, GOOD, GOOD)
    assert isinstance(rejected, Rejected)
    assert "10 MB" in rejected.reason


CELL = st.text(alphabet="aA1 (),\"'\\n.;é$:") | st.sampled_from(
    ["2024-01-01", "5", "EUR", " paid ", "(account x)", "(U)"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=8, max_size=11), max_size=4))
def test_every_row_is_a_sentence_that_can_be_read_back_or_a_rejection(
    path: Path, rows: list[list[str]]
) -> None:
    written = io.StringIO()
    csv.writer(written).writerows(["T-1", "2024-02-11", "a", *row] for row in rows)
    for result in _read(path, written.getvalue(), default=S_NF):
        if isinstance(result, Document):
            assert all(parse(line) for part in result.parts for line in part.text.split("\n"))
