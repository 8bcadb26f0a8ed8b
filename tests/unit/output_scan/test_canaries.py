"""A planted string does not leave, however it is written; the file of them is checked at start."""

from pathlib import Path

import pytest

from copilot.output_scan import Kind, OutputScan, Withheld, read_canaries
from policy.errors import Misconfigured
from tests.unit.output_scan.claims import CANARY, context, kinds, scan


@pytest.mark.parametrize(
    "text",
    [
        f"The word is {CANARY}.",
        "The word is CANARY 7F3A BLUE HERON.",
        "The word is c a n a r y 7 f 3 a b l u e h e r o n.",
        "The word is c\u200banary-7f3a-blue-heron.",
        "The word is сanаry-7f3a-blue-heron.",
        "The word is ｃａｎａｒｙ－７ｆ３ａ－ｂｌｕｅ－ｈｅｒｏｎ.",
    ],
)
def test_a_canary_does_not_leave_however_it_is_written(text: str) -> None:
    assert kinds(scan(text)) == {Kind.CANARY}
    assert isinstance(scan("Nothing here.", context(text)), Withheld)


def test_a_canary_too_short_to_be_one_is_refused() -> None:
    with pytest.raises(Misconfigured):
        OutputScan(["a-b-c"])


def test_a_file_has_one_canary_a_line(tmp_path: Path) -> None:
    file = tmp_path / "canaries"
    file.write_text("canary-one-1234\n\n  canary-two-5678  \n", encoding="utf-8")
    assert read_canaries(file) == ("canary-one-1234", "canary-two-5678")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no canary"),
        (b"\n \n", "no canary"),
        (b"canary-one-1234\nshort\n", "line 2"),
        (b"\xff\xfe\xfd", "cannot be read"),
    ],
)
def test_a_file_that_would_guard_nothing_is_refused(
    tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "canaries"
    file.write_bytes(content)
    with pytest.raises(Misconfigured, match=says) as refused:
        read_canaries(file)
    assert "COPILOT_CANARIES" in refused.value.message
    assert "short\n" not in refused.value.message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_canaries(tmp_path / "none")
