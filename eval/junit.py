"""JUnit XML: a test case for each gate and one for each question that went wrong."""

import re
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from eval.results import Figure, Result

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""


def write(result: Result, path: Path) -> None:
    """Writes the report; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tree = ElementTree(suite(result))
    indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def suite(result: Result) -> Element:
    """The gates fail the build; questions are told apart by their class name."""
    cases = [_gate(result.name, name, figure) for name, figure in result.figures.items()]
    cases += [_case(f"{result.name}.question", f.name, f.reason) for f in result.failures]
    failures = sum(len(case) for case in cases)
    root = Element("testsuites", tests=str(len(cases)), failures=str(failures), errors="0")
    held = SubElement(
        root,
        "testsuite",
        name=_clean(f"eval.{result.name}"),
        tests=str(len(cases)),
        failures=str(failures),
        errors="0",
    )
    held.extend(cases)
    return root


def _gate(suite_name: str, name: str, figure: Figure) -> Element:
    value = figure.to_json()
    reason = None if figure.passed else f"{value['value']} {figure.unit}, goal {figure.goal}"
    return _case(f"{suite_name}.gate", name, reason)


def _case(class_name: str, name: str, reason: str | None) -> Element:
    case = Element("testcase", classname=_clean(f"eval.{class_name}"), name=_clean(name))
    if reason is not None:
        clean = _clean(reason)
        SubElement(case, "failure", message=clean.split("\n", 1)[0][:200]).text = clean
    return case


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
