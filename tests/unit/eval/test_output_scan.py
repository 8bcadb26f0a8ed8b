"""The measure of the output scan meets its goals on a small draw, and can fail."""

import json
from pathlib import Path

import pytest

from copilot.output_scan import Clean, Redacted
from eval import output_scan
from eval.cases import FOLDER
from eval.disguises import cut
from eval.personal_labels import LISTED
from eval.synthetic import Sample, card, iban


def test_a_small_draw_meets_every_goal(capsys: pytest.CaptureFixture[str]) -> None:
    code = output_scan.main(["--json", "--each", "20", "--seed", "5"])
    result = json.loads(capsys.readouterr().out)
    missed = [name for name, figure in result["figures"].items() if not figure["passed"]]
    # Time is measured here too, on a machine that runs other tests.
    assert set(missed) <= {"p95 open", "p95 personal"}
    assert code == bool(missed)
    assert result["figures"]["sentences of the case file"]["value"] > 1000


def test_what_is_listed_by_hand_stands_in_the_case_file() -> None:
    files = [file for file in (FOLDER / "documents").rglob("*") if file.is_file()]
    texts = [file.read_text(encoding="utf-8") for file in files]
    for listed in LISTED:
        assert any(listed.document_id in text and listed.words in text for text in texts), listed


def test_a_clean_outcome_and_a_half_redacted_one_are_misses() -> None:
    sample = Sample(type="phone", text="Call 555-0151.", value="555-0151")
    assert not output_scan._caught(sample, Clean())
    assert not output_scan._caught(sample, Redacted(text="Call 555-0151.", findings=()))


def test_a_document_with_something_that_is_not_listed_counts_as_false(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.md").write_text(
        '---\nid: A\ntitle: "(U) A"\nlabel: {"classification": "U"}\n---\nCall +371 2911 2233.\n',
        encoding="utf-8",
    )
    result = output_scan.run(tmp_path, each=1)
    assert result.figures["false positives"].value == 1.0
    assert not result.passed


def test_the_generator_keeps_the_rules_of_the_numbers() -> None:
    import random

    rng = random.Random(1)
    digits = [int(char) for char in card(rng) if char.isdigit()]
    doubled = [
        d if place % 2 == 0 else sum(divmod(2 * d, 10)) for place, d in enumerate(digits[::-1])
    ]
    assert sum(doubled) % 10 == 0
    account = "".join(char for char in iban(rng) if char.isalnum()).upper()
    turned = account[4:] + account[:4]
    assert int("".join(str(int(char, 36)) for char in turned)) % 97 == 1
    assert "".join(cut("abcdef", rng, "bcde")) == "abcdef"
