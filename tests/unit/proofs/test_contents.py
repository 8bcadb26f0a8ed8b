"""What the records of a bundle say is held against the schemas they name, apart from the hashes."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from copilot.ledger.proofs import batches
from copilot.ledger.proofs import folder as folder_files
from copilot.ledger.proofs.policies import built_of, policy_files
from copilot.ledger.proofs.record import Leaf, commitment
from copilot.ledger.proofs.verify_bundle import BundleReport
from copilot.ledger.proofs.verify_contents import verify_contents
from tests.unit.proofs import bundles
from tests.unit.proofs.bundles import NARROWER, POLICY, SCHEMA_NAMED, Log, export, restate, verify


def of(folder: Path, *details: dict[str, Any], processes: int = 1) -> BundleReport:
    """The report on a log of such records, all hashes of which hold."""
    random, log = Random(1), Log()
    for one in details:
        log.add(random, one)
    report = verify(export(log, folder / "bundle"), processes=processes)
    assert report.problems == []
    return report


def test_a_record_that_fits_is_counted_and_one_that_does_not_is_named_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_ALONE", 1)
    monkeypatch.setattr(folder_files, "_BLOCK", 500)
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        report = of(folder, {"question": "?"}, {"question": 1}, {"new": 1}, processes=processes)
        assert (report.contents.fitted, report.contents.unnamed) == (3, 0)
        assert report.contents.problems == [
            "records.ndjson line 2: it does not fit search-1: /question: it is not of type string",
            "records.ndjson line 3: it does not fit search-1: /new: the schema knows no such member",
        ]
        assert "contents NOT as they should be: 2 problems" in report.contents.summary()


def test_records_of_before_there_were_schemas_verify_and_are_counted_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def old(self: Log, random: Random, details: dict[str, Any], kind: str = "search") -> str:
        return add(self, random, details | {"index": {"tenant": "t1"}}, kind)

    add = Log.add
    monkeypatch.setattr(Log, "add", old)
    report = of(tmp_path, {"whatever": 1}, {"decided": {"policy": {"release": POLICY.sha256}}})
    assert (report.contents.fitted, report.contents.unnamed) == (0, 2)
    assert report.contents.problems == []
    assert "2 older ones name none" in report.contents.summary()


def test_an_erased_opening_makes_no_record_unfit_and_hides_no_unknown_name(tmp_path: Path) -> None:
    random, log = Random(2), Log()
    log.add(random, {"question": "?", "contexts": []})
    log.add(random, {"new": 1})
    log.erase(random, 0, "contexts", "question")
    log.erase(random, 1, "new")
    report = verify(export(log, tmp_path / "bundle"))
    assert report.problems == ["record 1: new is not there, and no erasure says why"]
    assert report.erased == 2
    assert [one for one in report.contents.problems if "line 2" in one] == report.contents.problems
    assert "/new: the schema knows no such member" in report.contents.problems[0]


def test_an_opening_that_is_no_json_is_named_although_its_hash_holds(tmp_path: Path) -> None:
    log = Log()
    log.add(Random(3), {"question": "?"})
    [record] = log.records
    openings = {**record.openings, "question": (bytes(16), b"{not json")}
    commitments = {name: commitment(one) for name, one in openings.items()}
    leaf = Leaf(json.loads(record.leaf)["id"], commitments)
    log.records = [record._replace(leaf=bytes(leaf), openings=openings)]
    report = verify(export(log, tmp_path / "bundle"))
    assert report.problems == []
    assert report.contents.problems == ["records.ndjson line 1: an opening of it cannot be read"]


@pytest.mark.parametrize(
    "said",
    [
        {"decided": {"policy": {"release": NARROWER.sha256, "own": None}}},
        {"decided": {"policy": {"release": POLICY.sha256, "own": NARROWER.sha256}}},
        {"policy": {"before": None, "after": {"release": NARROWER.sha256}}},
    ],
)
def test_a_policy_that_is_named_must_be_there(tmp_path: Path, said: dict[str, Any]) -> None:
    missing = f"the policy {NARROWER.sha256} by which it was decided is not there"
    assert any(missing in one for one in of(tmp_path, said).contents.problems)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda at: (at / "rules.json").write_bytes(b'{"read.rego": "package read"}'), "digest"),
        (lambda at: (at / "rules.json").write_bytes(b"[]"), "digest"),
        (lambda at: (at / "rules.json").unlink(), "digest"),
        (lambda at: (at / "policy.wasm").write_bytes(b"\0asm"), "digest"),
        (lambda at: (at / "more.rego").write_bytes(b""), "a policy has no such file"),
        (lambda at: at.rename(at.with_name("ab12")), "a policy has no such file"),
    ],
)
def test_a_policy_is_what_its_digest_says_to_the_byte(
    tmp_path: Path, change: Callable[[Path], object], problem: str
) -> None:
    """Also where the right key signs what the folder holds now."""
    log = Log()
    log.add(Random(3), {"question": "?"})
    folder = export(log, tmp_path / "bundle")
    change(folder / "policy" / POLICY.sha256)
    restate(folder)
    assert any(problem in one for one in verify(folder).problems)


def test_a_policy_is_read_as_it_was_written() -> None:
    rules, wasm = policy_files(POLICY).values()
    assert built_of(rules, wasm) == POLICY
    assert built_of(b"\xff", wasm) is None


@pytest.mark.parametrize("data", [b"{}", b"\xff", b"[" * 100_000, b'{"$ref": "#"}'])
def test_a_schema_that_is_none_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    """Although the records commit to it."""
    named = SCHEMA_NAMED | {"sha256": hashlib.sha256(data).hexdigest()}
    monkeypatch.setattr(bundles, "SCHEMA_NAMED", named)
    monkeypatch.setattr(bundles, "EXTRA", {**bundles.EXTRA, bundles.SCHEMA_FILE: data})
    report = of(tmp_path, {"question": "?"})
    assert "is another than it was written by, or is none" in report.contents.problems[0]


def test_a_bundle_that_changes_between_the_stages_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(blocks: Any, **given: Any) -> Any:
        records = tmp_path / "bundle" / "records.ndjson"
        records.write_bytes(records.read_bytes().replace(b"search", b"import"))
        return verify_contents(blocks, **given)

    monkeypatch.setattr("copilot.ledger.proofs.verify_bundle.verify_contents", changing)
    report = of(tmp_path, {"question": "?"})
    assert "the bundle was changed while it was verified" in report.contents.problems
