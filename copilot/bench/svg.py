"""Charts as SVG text, without a plotting library: the same bytes for the same values."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

_WIDTH, _HEIGHT = 960, 460
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 44, 230, 56
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_INK, _RULE = "#222222", "#dddddd"
_PERCENTS = range(0, 101, 20)
_BAR_SHARE = 0.86
"""Of a group's width, for its bars; the rest parts it from the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A method: what it costs, in milliseconds at p50 and p95, and what it is worth, in per cent."""

    label: str
    p50: float
    p95: float
    value: float


def bars(title: str, groups: Mapping[str, Mapping[str, float]], colours: Mapping[str, str]) -> str:
    """A group of bars for each outer key, in per cent; a bar that has no value is left out.

    `colours` names all series in the order in which they stand; a series without one raises KeyError.
    """
    width = _PLOT_WIDTH / max(len(groups), 1)
    bar = width * _BAR_SHARE / max(len(colours), 1)
    places = {series: place for place, series in enumerate(colours)}
    lines = list(_percent_axis())
    for number, (group, values) in enumerate(groups.items()):
        start = _LEFT + number * width
        for series, value in values.items():
            label = f"{group}, {series}: {value:g} %"
            x, y = start + places[series] * bar, _y(value)
            lines.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar * 0.9:.1f}"'
                f' height="{_TOP + _PLOT_HEIGHT - y:.1f}" fill={quoteattr(colours[series])}>'
                f"<title>{escape(label)}</title></rect>"
            )
        lines.append(_text(start + width * _BAR_SHARE / 2, _HEIGHT - 30, group, anchor="middle"))
    return _document(title, [*lines, *_legend(colours)])


def points(title: str, found: Sequence[Point], colours: Mapping[str, str], *, worth: str) -> str:
    """Each method at its p50, with a line to its p95; milliseconds on a logarithmic axis."""
    low, high = _decades([ms for one in found for ms in (one.p50, one.p95)])
    lines = [*_percent_axis(), *_millisecond_axis(low, high)]
    for one in found:
        y, from_x, to_x = _y(one.value), _x(one.p50, low, high), _x(one.p95, low, high)
        colour = quoteattr(colours[one.label])
        label = f"{one.label}: {one.value:g} % at {one.p50:g} ms, p95 {one.p95:g} ms"
        lines.append(
            f'<line x1="{from_x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{y:.1f}"'
            f' stroke={colour} stroke-width="2"/>'
            f'<circle cx="{from_x:.1f}" cy="{y:.1f}" r="6" fill={colour}>'
            f"<title>{escape(label)}</title></circle>"
        )
    middle = _LEFT + _PLOT_WIDTH / 2
    lines.append(
        _text(middle, _HEIGHT - 12, "milliseconds: point p50, line to p95", anchor="middle")
    )
    lines.append(_text(_LEFT, _TOP - 8, worth))
    shown = {one.label: colours[one.label] for one in found}
    return _document(title, [*lines, *_legend(shown)])


def _document(title: str, lines: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
            f' font-family="sans-serif" font-size="12" fill="{_INK}">',
            f"<title>{escape(title)}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="{_LEFT}" y="20" font-size="15" font-weight="bold">{escape(title)}</text>',
            *lines,
            "</svg>\n",
        ]
    )


def _percent_axis() -> Iterator[str]:
    for percent in _PERCENTS:
        y = _y(percent)
        yield f'<path d="M{_LEFT} {y:.1f}h{_PLOT_WIDTH}" stroke="{_RULE}"/>'
        yield _text(_LEFT - 8, y + 4, f"{percent} %", anchor="end")


def _millisecond_axis(low: int, high: int) -> Iterator[str]:
    for power in range(low, high + 1):
        x = _x(10.0**power, low, high)
        yield f'<path d="M{x:.1f} {_TOP}v{_PLOT_HEIGHT}" stroke="{_RULE}"/>'
        yield _text(x, _HEIGHT - 36, f"{10.0**power:g}", anchor="middle")


def _legend(colours: Mapping[str, str]) -> Iterator[str]:
    x = _WIDTH - _RIGHT + 20
    for number, (name, colour) in enumerate(colours.items()):
        y = _TOP + 20 * number
        yield f'<rect x="{x}" y="{y}" width="12" height="12" fill={quoteattr(colour)}/>'
        yield _text(x + 18, y + 10, name)


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _y(percent: float) -> float:
    return _TOP + _PLOT_HEIGHT * (1 - percent / 100)


def _x(ms: float, low: int, high: int) -> float:
    return _LEFT + _PLOT_WIDTH * (math.log10(ms) - low) / (high - low)


def _decades(ms: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around all of them, at least one apart."""
    low = math.floor(math.log10(min(ms, default=1)))
    return low, max(low + 1, math.ceil(math.log10(max(ms, default=1))))
