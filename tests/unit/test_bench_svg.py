"""Charts: well-formed whatever they are given, every value in its place, the same bytes each time."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.bench.svg import Point, bars, points

_SVG = "{http://www.w3.org/2000/svg}"
_NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))
_PERCENT = st.floats(0, 100)
_MS = st.floats(0.001, 100_000)
COLOURS = {"ours": "#006d2c", "theirs": "#fd8d3c"}
GROUPS = {"2wiki": {"ours": 97.8, "theirs": 63.4}, "hotpot": {"ours": 50.0}}


def drawn(svg: str, tag: str, colour: str) -> list[ElementTree.Element]:
    """The shapes in a colour that say what they show."""
    found = ElementTree.fromstring(svg).iter(f"{_SVG}{tag}")
    return [
        one for one in found if one.get("fill") == colour and one.find(f"{_SVG}title") is not None
    ]


def test_each_value_is_a_bar_that_says_what_it_is() -> None:
    svg = bars("recall", GROUPS, COLOURS)
    ours = drawn(svg, "rect", COLOURS["ours"])
    assert [one.findtext(f"{_SVG}title") for one in ours] == [
        "2wiki, ours: 97.8 %",
        "hotpot, ours: 50 %",
    ]
    assert len(drawn(svg, "rect", COLOURS["theirs"])) == 1


def test_a_bar_is_as_high_as_its_value() -> None:
    tall, short = drawn(bars("recall", GROUPS, COLOURS), "rect", COLOURS["ours"])
    height = float(tall.get("height", 0)) / float(short.get("height", 0))
    assert height == pytest.approx(97.8 / 50, abs=0.01)


def test_bars_of_a_group_stand_beside_one_another() -> None:
    svg = bars("recall", {"2wiki": GROUPS["2wiki"]}, COLOURS)
    [ours], [theirs] = (drawn(svg, "rect", colour) for colour in COLOURS.values())
    assert float(ours.get("x", 0)) + float(ours.get("width", 0)) <= float(theirs.get("x", 0))


def test_a_series_without_a_colour_is_refused() -> None:
    with pytest.raises(KeyError):
        bars("recall", GROUPS, {"ours": "#006d2c"})


def test_what_is_quicker_stands_to_the_left_and_what_is_better_above() -> None:
    found = [
        Point(label="ours", p50=10, p95=20, value=97.8),
        Point(label="theirs", p50=100, p95=200, value=63.4),
    ]
    svg = points("latency", found, COLOURS, worth="recall@5")
    [ours], [theirs] = (drawn(svg, "circle", colour) for colour in COLOURS.values())
    assert float(ours.get("cx", 0)) < float(theirs.get("cx", 0))
    assert float(ours.get("cy", 0)) < float(theirs.get("cy", 0))
    assert ours.findtext(f"{_SVG}title") == "ours: 97.8 % at 10 ms, p95 20 ms"


@given(st.dictionaries(_NAMES, st.dictionaries(_NAMES, _PERCENT)), _NAMES)
def test_bars_are_well_formed_whatever_the_names(
    groups: dict[str, dict[str, float]], title: str
) -> None:
    colours = {series: "#000000" for values in groups.values() for series in values}
    svg = bars(title, groups, colours)
    assert ElementTree.fromstring(svg).tag == f"{_SVG}svg"
    assert svg == bars(title, groups, colours)


@given(st.lists(st.tuples(_NAMES, _MS, _MS, _PERCENT)), _NAMES)
def test_points_are_well_formed_and_within_the_picture(
    rows: list[tuple[str, float, float, float]], title: str
) -> None:
    found = [Point(label=a, p50=min(b, c), p95=max(b, c), value=d) for a, b, c, d in rows]
    root = ElementTree.fromstring(points(title, found, {one[0]: "#000" for one in rows}, worth="&"))
    _, _, width, height = (float(part) for part in root.get("viewBox", "").split())
    circles = list(root.iter(f"{_SVG}circle"))
    assert len(circles) == len(rows)
    assert all(0 <= float(one.get("cx", -1)) <= width for one in circles)
    assert all(0 <= float(one.get("cy", -1)) <= height for one in circles)
