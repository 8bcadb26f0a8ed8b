"""A bundle holds where it is the log that the held key signed; each thing that is wrong is said with its place."""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.ledger.proofs import batches, bundle, folder, verify_bundle
from copilot.ledger.proofs.bundle import (
    CHECKPOINT,
    EARLIER,
    KEYS,
    RECORDS,
    STATEMENT,
    WRITTEN,
    is_extra,
)
from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.note import Note
from policy.errors import BadInput
from tests.unit.proofs.bundles import (
    KEY,
    ORIGIN,
    OTHER,
    STRANGER,
    Log,
    copied,
    export,
    random_log,
    restate,
    verify,
)

LOG = random_log(Random(5), 24)
SIZE = len(LOG.records)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(LOG, tmp_path_factory.mktemp("whole") / "bundle", earlier=[0, 3, 16])


@pytest.fixture
def changed(whole: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return copied(whole, tmp_path / "changed")


def test_a_whole_log_is_told_with_all_that_was_checked(whole: Path) -> None:
    report = verify(whole, LOG.checkpoint(9))
    gone = sum(
        len(one.openings) - len(left.openings)
        for one, left in zip(LOG.records, LOG.shown(SIZE), strict=True)
    )
    assert report.problems == []
    assert (report.whole, report.size, report.records) == (True, SIZE, SIZE)
    assert (report.erased, report.unexplained, report.held) == (gone, 0, 1)
    assert (report.origin, report.root) == (ORIGIN, LOG.tree()[0].root)
    assert (report.exported_by, report.exported_at) == ("auditor eve", "2026-11-22T01:00:00Z")
    assert gone
    assert report.summary() == (
        f"bundle verified: all {SIZE} records of {ORIGIN}, {gone} openings erased ({gone} by ann), "
        f"1 held checkpoints, root {report.root.hex()[:16]}…"
    )


def test_an_empty_log_holds(tmp_path: Path) -> None:
    report = verify(export(Log(), tmp_path / "empty"), Log().checkpoint())
    assert (report.problems, report.size) == ([], 0)


def test_what_is_wrong_is_said_first(whole: Path) -> None:
    report = verify(whole, key=STRANGER)
    assert report.summary().startswith(f"bundle NOT verified: {len(report.problems)} problems")


@pytest.mark.parametrize("name", [*WRITTEN, STATEMENT])
def test_a_missing_file_is_named(changed: Path, name: str) -> None:
    (changed / name).unlink()
    assert f"{name}: it is missing" in verify(changed).problems


def link(at: Path) -> None:
    (at / "policy/link").symlink_to(at / CHECKPOINT)


def linked_folder(at: Path) -> None:
    (at / "prov").symlink_to("/etc")


def replaced(at: Path) -> None:
    (at / RECORDS).rename(at.parent / "elsewhere")
    (at / RECORDS).symlink_to(at.parent / "elsewhere")


def pipe(at: Path) -> None:
    os.mkfifo(at / "policy/pipe")


def empty_folder(at: Path) -> None:
    (at / "policy/one").mkdir()
    for depth in range(bundle.MOST_DEPTH):
        at = at / ("policy" if depth == 0 else "d")
        at.mkdir(exist_ok=True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (link, "'policy/link': it is a link, or no file"),
        (linked_folder, "'prov': it is a link, or no file"),
        (replaced, "'records.ndjson': it is a link, or no file"),
        (pipe, "'policy/pipe': it is a link, or no file"),
        (empty_folder, "'policy/d/d/d/d/d/d/d': it is a link, or no file"),
        (lambda at: (at / "extra").write_text("x"), "'extra': a bundle has no such file"),
        (lambda at: (at / "policy/.x").write_text("x"), "'policy/.x': a bundle has no such file"),
        (lambda at: (at / "policy/new").write_text("x"), "policy/new: the statement does not name"),
        (
            lambda at: (at / "schemas/search-1.json").unlink(),
            "'schemas/search-1.json' is named there",
        ),
        (
            lambda at: (at / "schemas/search-1.json").write_text("[]"),
            "schemas/search-1.json: it is not",
        ),
        (lambda at: (at / "\x1b[2J").write_text("x"), r"'\x1b[2J': a bundle has no such file"),
    ],
)
def test_what_does_not_belong_is_named_and_not_followed(
    changed: Path, change: Callable[[Path], object], problem: str
) -> None:
    change(changed)
    problems = verify(changed).problems
    assert any(problem in one for one in problems), problems


def test_names_that_lead_elsewhere_are_no_names_of_extra_files() -> None:
    assert is_extra("policy/ab12/rules.tar.gz")
    for name in (
        "policy",
        "policy/",
        "policy/../x",
        "/policy/x",
        "policy//x",
        "other/x",
        "prov/a b",
    ):
        assert not is_extra(name)
    assert not is_extra("policy/" + "x" * 1000)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("nothing", "file"):
        with pytest.raises(BadInput, match="no folder that can be read"):
            verify(tmp_path / name)


def test_too_many_files_are_not_looked_at(changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MOST_FILES", 3)
    assert any("more than 3 files" in one for one in verify(changed).problems)


def test_a_file_is_read_no_further_than_its_limit(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "LARGEST_SMALL", 100)
    assert f"{STATEMENT}: it is larger than 100 bytes" in verify(whole).problems


@pytest.mark.parametrize("block", [1, 7, 600, 2**20])
def test_however_a_file_is_read_it_says_the_same(
    block: int, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_BLOCK", block)
    assert verify(whole, LOG.checkpoint(9)).problems == []


@pytest.mark.parametrize("block", [7, 600, 2**20])
def test_a_line_that_is_too_long_is_named_and_the_others_keep_their_numbers(
    block: int, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_BLOCK", block)
    monkeypatch.setattr(batches, "LONGEST_LINE", 4_000)
    lines = (changed / RECORDS).read_bytes().splitlines(keepends=True)
    lines[2] = b"x" * 9_000 + b"\n"
    lines[5] = lines[5].replace(b'"index":5', b'"index":6')
    (changed / RECORDS).write_bytes(b"".join(lines))
    problems = verify(changed).problems
    if block < 4_000:
        assert "records.ndjson: a line is longer than 4000 bytes" in problems
    assert "records.ndjson line 3: it is not JSON in UTF-8" in problems
    assert "records.ndjson line 6: its index is 6 instead of 5" in problems


def test_problems_are_listed_up_to_a_number(changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_bundle, "MOST_LISTED", 5)
    (changed / RECORDS).write_bytes(b"x\n" * 100)
    problems = verify(changed).problems
    assert len(problems) == 6
    assert problems[-1] == "there are more problems than are listed"


def test_several_processes_find_the_same(changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_ALONE", 2)
    monkeypatch.setattr(folder, "_BLOCK", 1_000)
    lines = (changed / RECORDS).read_bytes().replace(b"signed", b"sighed")
    (changed / RECORDS).write_bytes(lines)
    held = LOG.checkpoint(9)
    assert verify(changed, held, processes=2) == verify(changed, held)


@pytest.mark.parametrize("name", [*WRITTEN, STATEMENT])
@settings(max_examples=25)
@given(data=st.data())
def test_garbage_in_any_file_is_a_problem_and_never_an_error(
    name: str, whole: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = copied(whole, tmp_path_factory.getbasetemp() / "garbage")
    honest = (whole / name).read_bytes()
    garbage = data.draw(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
    cut = data.draw(st.integers(0, len(honest)))
    mixed = data.draw(st.sampled_from([garbage, honest[:cut] + garbage, garbage + honest[cut:]]))
    (folder / name).write_bytes(mixed)
    assert bool(verify(folder, LOG.checkpoint(9)).problems) is (mixed != honest)
    if name != STATEMENT:
        restate(folder)  # earlier checkpoints may be fewer: nobody promised which
        problems = verify(folder, LOG.checkpoint(9)).problems
        assert name == EARLIER or bool(problems) is (mixed != honest)


def test_the_checkpoint_of_another_log_is_none_of_this_one(whole: Path) -> None:
    tree, _ = LOG.tree()
    body = Checkpoint(origin=OTHER, size=tree.size, root=tree.root)
    held = bytes(Note.sign(str(body), [KEY]))
    assert any("another log" in one for one in verify(whole, held).problems)
    report = verify(whole, origin=OTHER)
    assert any("another log" in one for one in report.problems)


def test_an_earlier_checkpoint_that_the_log_does_not_continue_is_named(tmp_path: Path) -> None:
    other = random_log(Random(99), 8)
    shown = export(LOG, tmp_path / "forked", notes=[other.checkpoint(7)])
    assert verify(shown).problems == [
        f"{EARLIER} line 1: the log of {SIZE} does not continue it",
        f"{EARLIER} line 1: the records do not lead to it",
    ]


def test_a_selection_needs_a_path_to_what_is_held(tmp_path: Path) -> None:
    shown = export(LOG, tmp_path / "some", selected=[1], earlier=[4])
    [problem] = verify(shown, LOG.checkpoint(5)).problems
    assert problem.startswith("records.ndjson: nothing leads to the held checkpoint of 5; have")
    other = random_log(Random(99), 8)
    [problem] = verify(shown, other.checkpoint(4)).problems
    assert problem == "records.ndjson: this is not the log of the held 4"


def test_keys_that_nobody_vouches_for_are_a_problem(tmp_path: Path) -> None:
    shown = export(LOG, tmp_path / "bundle", keys=[KEY, STRANGER])
    [problem] = verify(shown).problems
    assert problem == f"{KEYS}: these are not the keys for which the held one vouches"
