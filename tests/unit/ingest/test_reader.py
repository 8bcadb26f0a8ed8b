"""Reading takes what it can, names what it cannot, and never raises."""

import json
import os
import time
import tracemalloc
import unicodedata
from pathlib import Path

import pytest

from copilot.ingest.documents import Document, Rejected
from copilot.ingest.reader import read
from policy.labels import Classification, Label

U = Label(tenant="t1", classification=Classification.U)


def _read(*paths: Path) -> list[Document | Rejected]:
    return list(read(paths, tenant="t1", default_label=U))


def test_a_folder_is_walked_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b/two.md", "a.txt", ".hidden.md", ".git/x.md", "b/README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Text.", "utf-8")
    taken = [result for result in _read(tmp_path) if isinstance(result, Document)]
    assert [document.source for document in taken] == ["a.txt", "README.md", "two.md"]


def test_an_unsupported_kind_is_named_with_the_supported_ones_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / "b.md").write_text("Text.", "utf-8")
    rejected, document = _read(tmp_path)
    assert isinstance(rejected, Rejected)
    assert ".md, .txt, .jsonl, .csv" in rejected.reason
    assert isinstance(document, Document)


def test_letters_and_their_accents_are_read_as_one_character(tmp_path: Path) -> None:
    """As questions are; macOS and many PDFs part them."""
    parted = unicodedata.normalize("NFD", "Jürgen Höß")
    (tmp_path / "a.md").write_text(f"# {parted}\n\n{parted} called.", "utf-8")
    record = {"id": "b", "title": parted, "text": f"{parted} called."}
    (tmp_path / "b.jsonl").write_text(json.dumps(record), "utf-8")
    for one in _read(tmp_path):
        assert isinstance(one, Document)
        assert (one.title, one.parts[0].text) == ("Jürgen Höß", "Jürgen Höß called.")


def test_a_missing_path_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    results = _read(tmp_path / "gone.md", tmp_path)
    assert all(
        isinstance(result, Rejected) and "no such file" in result.reason for result in results
    )
    assert len(results) == 2


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "lost.md").symlink_to(tmp_path / "nowhere")
    assert [r.reason for r in _read(tmp_path) if isinstance(r, Rejected)] == [
        "not a regular file"
    ] * 2


def test_a_link_out_of_the_folder_is_refused_and_one_within_or_named_is_read(
    tmp_path: Path,
) -> None:
    drop = tmp_path / "drop"
    (drop / "below").mkdir(parents=True)
    (tmp_path / "secret.conf").write_text("password", "utf-8")
    (drop / "b.md").write_text("Text.", "utf-8")
    (drop / "a.txt").symlink_to("../secret.conf")
    (drop / "below" / "c.md").symlink_to("../b.md")
    (drop / "d.md").symlink_to("d.md")
    (tmp_path / "named.txt").symlink_to("secret.conf")
    (tmp_path / "folder").symlink_to("drop")
    for folder in (drop, tmp_path / "folder"):
        results = _read(folder)
        assert [r.source for r in results if isinstance(r, Document)] == ["b.md", "c.md"]
        refused = {r.source: r.reason for r in results if isinstance(r, Rejected)}
        assert set(refused) == {"a.txt", "d.md"}
        assert "out of the folder" in refused["a.txt"]
    (named,) = _read(tmp_path / "named.txt")
    assert isinstance(named, Document)


@pytest.mark.parametrize("suffix", [".md", ".txt", ".jsonl", ".csv"])
@pytest.mark.timed
def test_a_200_mb_document_is_refused_quickly_without_being_held(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"huge{suffix}"
    with path.open("wb") as file:
        file.write(b"x" * 1000)
        file.truncate(200 * 1024 * 1024)
    tracemalloc.start()
    began = time.perf_counter()
    (rejected,) = _read(path)
    took, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(rejected, Rejected)
    assert "larger than" in rejected.reason
    assert took < 5
    assert peak < 100 * 1024 * 1024


@pytest.mark.parametrize("suffix", [".md", ".txt", ".jsonl", ".csv"])
def test_an_empty_file_is_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"empty{suffix}").write_bytes(b"")
    (rejected,) = _read(tmp_path)
    assert isinstance(rejected, Rejected)
    assert "empty" in rejected.reason
