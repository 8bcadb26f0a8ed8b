"""The report is well-formed XML whatever was said, and fails where a gate fails."""

from pathlib import Path
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval import junit
from eval.results import Failure, Figure, Result, at_least
from eval.table import table


def result(reason: str = "", value: float = 0.5, name: str = "demo") -> Result:
    figures = {
        "right": Figure(value=value, unit="share", goal=at_least(0.8)),
        "took": Figure(value=3.0, unit="ms"),
    }
    return Result(name=name, figures=figures, failures=[Failure(name=reason, reason=reason)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.text(alphabet=st.characters(codec=None)))
def test_any_text_gives_xml_that_can_be_read(tmp_path: Path, text: str) -> None:
    junit.write(result(text, name=text), tmp_path / "report.xml")
    tree = ElementTree.parse(tmp_path / "report.xml")
    assert len(list(tree.iter("testcase"))) == 3


def test_a_case_for_each_gate_and_each_wrong_question(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.xml"
    junit.write(result("q1: <no> & \x00 answer"), path)
    root = ElementTree.parse(path).getroot()
    assert root.attrib == {"tests": "3", "failures": "2", "errors": "0"}
    failed = {case.attrib["name"] for case in root.iter("testcase") if case.find("failure") is not None}  # fmt: skip
    assert failed == {"right", "q1: <no> & \ufffd answer"}


def test_a_gate_that_holds_is_a_case_that_passes() -> None:
    root = junit.suite(result(value=0.9))
    (gate,) = [case for case in root.iter("testcase") if case.attrib["name"] == "right"]
    assert gate.find("failure") is None


def test_the_table_says_which_gate_failed() -> None:
    lines = table(result("it went wrong")).splitlines()
    assert lines[0] == "demo: FAILED"
    assert lines[1].split() == ["right", "0.5", "share", ">=", "0.8", "FAILED"]
