"""A marking above the sources is not spoken."""

import pytest

from copilot.output_scan import Clean, Kind
from tests.unit.output_scan.claims import context, kinds, scan


@pytest.mark.parametrize(
    "text",
    [
        "(TS//HARBOR) Reiss met Voss.",
        "(TS) Reiss met Voss.",
        "Reiss met Voss (TS).",
        "Reiss met Voss (S//KITE//NF).",
        "TOP SECRET//HARBOR Reiss met Voss.",
        "(ＴＳ//HARBOR) Reiss met Voss.",
        "[TS//HARBOR] Reiss met Voss.",
        "Reiss met Voss 【TS】.",
        "(T\u200bS//HARBOR) Reiss met Voss.",
        "(S//NOT A MARK AT ALL) Reiss met Voss.",
    ],
)
def test_a_marking_above_the_sources_is_not_spoken(text: str) -> None:
    assert kinds(scan(text, context("Reiss met Voss.", "S"))) == {Kind.MARKING}


def test_the_marking_of_a_cited_source_and_those_below_may_be_spoken() -> None:
    source = context("Reiss met Voss.", "TS", frozenset(["HARBOR"]))
    for mark in ("(TS//HARBOR)", "(TS)", "(S)", "(U)"):
        assert scan(f"{mark} Reiss met Voss.", source) == Clean()
