"""Selections, erased openings and shared scopes: what a bundle may lack, and what must explain it."""

import json
from pathlib import Path
from random import Random

import pytest

from copilot.ledger.proofs.bundle import RECORDS, STATEMENT
from copilot.ledger.proofs.erasures import erasure
from copilot.ledger.proofs.explanations import by_whom
from copilot.ledger.proofs.record import BundledRecord, Leaf, commitment
from copilot.ledger.proofs.rotation import Rotation, trusted
from policy.errors import BadInput
from tests.unit.proofs.bundles import (
    KEY,
    NEXT,
    ORIGIN,
    Log,
    export,
    random_log,
    restate,
    verify,
    without,
)

LOG = random_log(Random(5), 24)
SIZE = len(LOG.records)


def test_a_selection_holds_by_its_paths(tmp_path: Path) -> None:
    shown = export(LOG, tmp_path / "some", earlier=[4, 9], selected=[0, 5, SIZE - 1])
    report = verify(shown, LOG.checkpoint(9), LOG.checkpoint())
    assert report.problems == []
    assert (report.whole, report.records, report.size) == (False, 3, SIZE)
    assert f"3 of {SIZE} records" in report.summary()


def test_a_selection_of_nothing_holds(tmp_path: Path) -> None:
    shown = export(LOG, tmp_path / "none", selected=[])
    assert verify(shown).problems == []


def test_an_opening_without_an_erasure_is_told_apart_and_only_a_whole_log_must_explain_it(
    tmp_path: Path,
) -> None:
    position = min(position for position, _ in LOG.erasures.values())
    erasures = {at for at, (one, _) in LOG.erasures.items() if one == position}
    selected = [one for one in range(SIZE) if one not in erasures]
    report = verify(export(LOG, tmp_path / "some", selected=selected))
    assert report.problems == []
    assert report.unexplained == len(report.unexplained_at) == 2
    assert report.unexplained_at[0].startswith(f"record {position}: contexts is not there")
    assert "2 openings not given" in report.summary()


def test_an_opening_that_nobody_erased_fails_a_whole_log(tmp_path: Path) -> None:
    told = {*LOG.erasures, *(position for position, _ in LOG.erasures.values())}
    kept = min({*range(SIZE)} - told)
    for name in ("act", "index", "question"):
        log = Log([*LOG.records], LOG.erasures)
        log.records[kept] = without(log.records[kept], name)
        report = verify(export(log, tmp_path / name))
        assert report.problems == [f"record {kept}: {name} is not there, and no erasure says why"]
        assert report.unexplained == 1


def test_no_erasure_takes_the_index_and_none_explains_what_came_after_it(tmp_path: Path) -> None:
    random, log = Random(1), Log()
    for _ in range(3):
        log.add(random, {"question": "who?"})
    log.erase(random, 0, "question", "index")
    report = verify(export(log, tmp_path / "index"))
    assert report.problems == [
        f"record 0: {name} is not there, and no erasure says why" for name in ("index", "question")
    ]
    log.add(random, {"question": "who?"})
    log.erasures = {3: (0, ["question"]), 2: (4, ["question"])}
    report = verify(export(log, tmp_path / "later"))
    assert report.problems == ["record 4: question is not there, and no erasure says why"]


def test_the_acts_of_the_first_form_held_a_reason_and_may_be_gone(tmp_path: Path) -> None:
    random, log = Random(1), Log()
    log.add(random, {}, form=1)
    log.take(random, 0, "act", form=1)
    log.add(random, {"question": "?"})
    log.erase(random, 2, "question")
    assert verify(export(log, tmp_path / "both")).problems == []
    log.add(random, {}, form=1)
    assert verify(export(log, tmp_path / "back")).problems == [
        "record 4: its leaf is of an older form than one before it"
    ]


def test_a_late_erasure_explains_what_came_while_another_was_under_way(tmp_path: Path) -> None:
    """And of that no more than what a question rests on."""
    for name, at, explained in (
        ("contexts", "2026-11-22T23:59:00+00:00", True),
        ("contexts", "2026-11-21T23:01:00+00:00", True),
        ("contexts", "2026-11-23T00:01:00+00:00", False),
        ("contexts", "2026-11-21T22:59:00+00:00", False),
        ("decided", "2026-11-22T00:59:00+00:00", False),
    ):
        random, log = Random(1), Log()
        log.add(random, {"question": "?"})
        log.erase(random, 0, "question")
        log.add(random, {name: []}, recorded_at=at)
        log.take(random, 2, name, by=[KEY], late=True)
        report = verify(export(log, tmp_path / f"{name} {at}"))
        assert (report.problems == []) is explained, report.problems


def test_a_selection_must_give_who_did_what_as_well(tmp_path: Path) -> None:
    log = Log([*LOG.records], LOG.erasures)
    log.records[5] = without(log.records[5], "act", "question")
    report = verify(export(log, tmp_path / "some", selected=[4, 5]))
    assert report.problems == ["record 5: act is not there, and no erasure says why"]


def test_whoever_erased_is_named_with_how_much(tmp_path: Path) -> None:
    report = verify(export(LOG, tmp_path / "all"))
    assert report.erased_by == {"ann": report.erased}
    assert f"{report.erased} openings erased ({report.erased} by ann)" in report.summary()
    many = dict.fromkeys("abcdef", 1) | {"": 9}
    assert by_whom(many) == (
        " (9 by an act that was itself erased, 1 by a, 1 by b, 1 by c, 1 by d, 2 more people)"
    )


def test_an_erasure_is_vouched_for_by_a_key_that_the_log_has_or_just_had() -> None:
    """One that it had long ago may be in anybody's hands."""
    random, log = Random(1), Log()
    log.add(random, {"question": "?"})
    log.erase(random, 0, "question")
    stated = Rotation(origin=ORIGIN, old=KEY.verifier_key, new=NEXT.verifier_key, size=1)
    terms = trusted(KEY.verifier_key, [stated])
    [made] = log.records[1:]
    values = {name: value for name, (_, value) in made.openings.items()}
    said = erasure(1, json.loads(made.leaf)["id"], 2, values)
    assert said is not None
    said.require_signed(terms)
    said._replace(leaf_index=100_001).require_signed(terms)
    with pytest.raises(BadInput, match="no signature by a known key"):
        said._replace(leaf_index=100_002).require_signed(terms)


def test_a_leaf_that_commits_to_no_index_is_a_problem(tmp_path: Path) -> None:
    log = Log()
    for _ in range(2):
        opening = (bytes(16), b"{}")
        leaf = bytes(Leaf("0f" * 16, {"act": commitment(opening)}))
        log.records.append(BundledRecord(len(log.records), leaf, {"act": opening}))
    assert verify(export(log, tmp_path / "bundle")).problems == [
        f"records.ndjson line {number}: its leaf commits to no index" for number in (1, 2)
    ]


@pytest.mark.parametrize("kind", ["ask", "erasure"])
def test_only_an_erasure_explains(kind: str, tmp_path: Path) -> None:
    random, log = Random(1), Log()
    log.add(random, {"question": "who?"})
    ledger_id = json.loads(log.records[0].leaf)["id"]
    log.add(random, {"erased": [{"ledger_id": ledger_id, "names": ["question"]}]}, kind, by=[KEY])
    log.erasures = {1: (0, ["question"])}
    assert (verify(export(log, tmp_path / kind)).problems == []) is (kind == "erasure")


@pytest.mark.parametrize("erased", [7, [7], [{"names": ["act"]}], [{"ledger_id": "x"}]])
def test_an_erasure_that_cannot_be_read_is_a_problem(erased: object, tmp_path: Path) -> None:
    log = Log()
    log.add(Random(1), {"erased": erased}, "erasure")
    [problem] = verify(export(log, tmp_path / "bundle")).problems
    assert problem == "records.ndjson line 1: what it says was erased cannot be read"


def scoped() -> Log:
    log, random = Log(), Random(2)
    for labels in (["U"], ["U"], ["U", "S"]):
        log.add(random, {"scope": labels})
    return log


def test_a_scope_comes_once_with_the_first_record_that_names_it(tmp_path: Path) -> None:
    shown = export(scoped(), tmp_path / "bundle")
    lines = (shown / RECORDS).read_bytes().splitlines()
    assert [b'"scopes"' in line for line in lines] == [True, False, True]
    assert verify(shown).problems == []


@pytest.mark.parametrize(
    ("first", "problems"),
    [
        (None, ["line 1: no record up to it brings its scope", "line 3"]),
        ({0: b'["T"]'}, ["was changed"]),
        ({0: b'["U"]', 1: b'["U","S"]'}, ["it does not name the scope"]),
    ],
)
def test_a_scope_that_is_missing_or_changed_is_named(
    first: dict[int, bytes] | None, problems: list[str], tmp_path: Path
) -> None:
    log = scoped()
    digests = [*log.records[0].scopes, *log.records[2].scopes]
    scopes = {digests[at]: value for at, value in (first or {}).items()}
    log.records[0] = log.records[0]._replace(scopes=scopes)
    if first is None:
        log.records = [one._replace(scopes={}) for one in log.records]
    found = verify(export(log, tmp_path / "bundle")).problems
    assert all(any(one in problem for problem in found) for one in problems), found


def test_a_scope_with_another_number_of_labels_is_named(tmp_path: Path) -> None:
    log, random = Log(), Random(2)
    log.add(random, {"scope": ["U"]})
    digest, value = next(iter(log.records[0].scopes.items()))
    other = Log()
    other.add(random, {"scope": {"labels": 2, "sha256": digest}})
    other.records[0] = other.records[0]._replace(scopes={digest: value})
    found = verify(export(other, tmp_path / "bundle")).problems
    assert f"records.ndjson line 1: its scope {digest} has 1 labels" in found


def test_an_erasure_explains_nothing_that_came_after_it(tmp_path: Path) -> None:
    random, log = Random(1), Log()
    log.add(random, {"question": "who?"})
    log.erase(random, 0, "question")
    first, erasure = log.shown(2)
    turned = Log([erasure._replace(leaf_index=0), first._replace(leaf_index=1)])
    assert verify(export(turned, tmp_path / "bundle")).problems == [
        "record 1: question is not there, and no erasure says why"
    ]


def test_a_selected_record_that_is_not_in_the_tree_is_named(tmp_path: Path) -> None:
    shown = export(LOG, tmp_path / "some", selected=[1, 4])
    lines = (shown / RECORDS).read_bytes()
    (shown / RECORDS).write_bytes(lines.replace(b'{"index":4', b'{"index":5'))
    restate(shown)
    assert verify(shown).problems == [
        "records.ndjson line 2: its path does not lead from the leaf 5 to the root of the checkpoint"
    ]


def test_a_selected_record_is_there_once_and_in_its_order(tmp_path: Path) -> None:
    shown = export(LOG, tmp_path / "some", selected=[1, 4])
    one, other = (shown / RECORDS).read_bytes().splitlines(keepends=True)
    for lines in ([one, one], [other, one]):
        (shown / RECORDS).write_bytes(b"".join(lines))
        restate(shown)
        problem = "records.ndjson: the index 1 is there twice, or out of order"
        assert problem in verify(shown).problems


def test_a_statement_on_another_bundle_is_named(tmp_path: Path) -> None:
    shown = export(LOG, tmp_path / "some", selected=[1, 4])
    other = export(LOG, tmp_path / "other", size=20, selected=[1])
    (shown / STATEMENT).write_bytes((other / STATEMENT).read_bytes())
    problems = verify(shown).problems
    assert f"{STATEMENT}: it is on another checkpoint than the bundle's" in problems
    assert "records.ndjson: of 1 records 2 are there" in problems
