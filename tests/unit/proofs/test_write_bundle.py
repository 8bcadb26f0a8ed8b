"""A bundle is there as a whole or not at all."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import pytest

from copilot.ledger.proofs import write_bundle
from copilot.ledger.proofs.record import BundledRecord
from copilot.ledger.proofs.write_bundle import BundleWriter, Contents, Export
from policy.errors import BadInput
from tests.unit.proofs.bundles import KEY, Log, export, random_log

LOG = random_log(Random(5), 8)
SIZE = len(LOG.records)
BY = Export("auditor eve", "2026-11-22T01:00:00Z", [KEY])
CONTENTS = Contents(checkpoint=LOG.checkpoint(), keys=[KEY.verifier_key])
PROOFS = LOG.tree()[1]


def broken_off(at: int) -> Iterator[BundledRecord]:
    yield from LOG.shown(SIZE)[:at]
    raise ConnectionError("the database is gone")


def written(folder: Path, records: Iterable[BundledRecord]) -> None:
    with BundleWriter(folder, CONTENTS, PROOFS) as writer:
        for one in records:
            writer.add(one)
        writer.finish(BY)


@pytest.mark.parametrize("at", [0, 3, SIZE])
def test_what_is_broken_off_leaves_nothing(at: int, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        write_bundle.write_bundle(tmp_path / "bundle", CONTENTS, broken_off(at), PROOFS, BY)
    assert list(tmp_path.iterdir()) == []


def test_until_it_is_given_there_is_no_bundle_of_that_name(tmp_path: Path) -> None:
    with BundleWriter(tmp_path / "bundle", CONTENTS, PROOFS) as writer:
        for one in LOG.shown(SIZE):
            writer.add(one)
            assert not (tmp_path / "bundle").exists()
        writer.finish(BY)
        assert not (tmp_path / "bundle").exists()
        writer.give()
        assert (tmp_path / "bundle/statement.dsse.json").is_file()
    assert [one.name for one in tmp_path.iterdir()] == ["bundle"]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    assert export(LOG, tmp_path / "bundle").stat().st_mode & 0o777 == 0o700


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    for name in ("folder", "link"):
        (tmp_path / name).mkdir() if name == "folder" else (tmp_path / name).symlink_to("nowhere")
        with pytest.raises(BadInput, match="is there already"):
            export(LOG, tmp_path / name)


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (Log(LOG.records[:3]), "has not 3"),
        (Log([LOG.records[1], LOG.records[0]]), "out of order"),
        (Log([LOG.records[0], LOG.records[0]]), "out of order"),
        (Log([LOG.records[0]._replace(leaf_index=SIZE)]), "too new"),
        (Log([LOG.records[0]._replace(path=[])]), "in a whole log none"),
        (Log([LOG.records[0]._replace(leaf=b"{}")]), "its leaf"),
    ],
)
def test_what_is_no_whole_log_is_not_written(log: Log, why: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=why):
        written(tmp_path / "bundle", log.records)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("contents", "why"),
    [
        (CONTENTS._replace(extra={"../x": b""}), "no file that a bundle can hold"),
        (CONTENTS._replace(extra={"records.ndjson": b""}), "no file that a bundle can hold"),
        (CONTENTS._replace(earlier=[LOG.checkpoint(3), LOG.checkpoint(2)]), "growing size"),
        (CONTENTS._replace(earlier=[LOG.checkpoint()]), "growing size"),
        (CONTENTS._replace(checkpoint=b"x"), "the note"),
    ],
)
def test_contents_that_make_no_bundle_are_refused(
    contents: Contents, why: str, tmp_path: Path
) -> None:
    with (
        pytest.raises(BadInput, match=why),
        BundleWriter(tmp_path / "bundle", contents, PROOFS),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_no_reader_takes_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_bundle, "LONGEST_LINE", 100)
    with pytest.raises(BadInput, match="longer than a line may be"):
        export(LOG, tmp_path / "bundle")
