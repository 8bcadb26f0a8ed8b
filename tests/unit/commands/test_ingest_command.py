"""Taking in: what was taken and rejected is told, and a label that cannot be read is refused."""

import json
from pathlib import Path

import pytest

from copilot.commands import ingest
from copilot.ingest.documents import Document
from copilot.settings import Settings
from policy.errors import BadInput
from tests.unit.commands.product import Product, questions, typed

pytestmark = pytest.mark.anyio


async def test_ingest_takes_in_with_the_given_label_and_counts(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.md").write_text("A text.", "utf-8")
    label = '{"classification": "C"}'
    assert (
        await ingest.ingest(settings, typed("ingest", tmp_path / "one.md", "--label", label)) == 0
    )
    assert "1 documents ingested, 2 unchanged, 0 rejected" in capsys.readouterr().out
    (document,) = product.taken
    assert isinstance(document, Document)
    assert (document.label.classification, document.label.tenant) == ("C", "t1")


async def test_ingest_names_what_was_rejected_and_ends_with_1(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.exe").write_text("A text.", "utf-8")
    options = typed("ingest", tmp_path / "one.exe")
    assert await ingest.ingest(settings, options) == 1
    printed = capsys.readouterr()
    assert "0 documents ingested, 2 unchanged, 1 rejected" in printed.out
    assert "one.exe: not a kind of file that is read" in printed.err


async def test_ingest_as_json_prints_one_document_and_no_progress(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = questions(tmp_path, "{")
    assert await ingest.ingest(settings, typed("ingest", path, "--json")) == 1
    printed = capsys.readouterr()
    value = json.loads(printed.out)
    assert (value["ingested"], value["unchanged"]) == (0, 2)
    assert [(one["source"], one["line"]) for one in value["rejected"]] == [("questions.jsonl", 1)]
    assert printed.err == ""


@pytest.mark.parametrize(("label", "said"), [("U", "--label is not JSON"), ("{}", "--label: ")])
async def test_a_label_that_cannot_be_read_is_refused(
    product: Product, settings: Settings, label: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        await ingest.ingest(settings, typed("ingest", "folder", "--label", label))
    assert product.asked == []
