"""What is left of a sentence: personal data taken out, links and images made inert."""

from collections.abc import Iterable

from copilot.output_scan import links
from copilot.output_scan.encodings import views
from copilot.output_scan.findings import REPLACED, Finding, Kind

_PASSES = 3


def redacted(text: str, found: Iterable[Finding]) -> str | None:
    """The text without what was found in it; None where links in it can't be made inert.

    A link stays readable, save one that was encoded and would be none to a reader.
    """
    left = _without(text, (one for one in found if one.kind is not Kind.LINK))
    for _ in range(_PASSES):
        left = links.inert(left)
        alive = [link for view in views(left) for link in links.find(view)]
        if not alive:
            return left
        left = _without(left, alive)
    return None


def _without(text: str, found: Iterable[Finding]) -> str:
    kept, position = list[str](), 0
    for one in _distinct(found):
        kept += [text[position : one.start], REPLACED[one.kind]]
        position = one.end
    return "".join([*kept, text[position:]])


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """The findings in order; those that share characters are one, as wide as all of them."""
    apart: list[Finding] = []
    for one in sorted(set(findings), key=lambda found: (found.start, -found.end, found.kind)):
        if apart and one.start < apart[-1].end:
            before = apart.pop()
            end = max(before.end, one.end)
            one = Finding(kind=before.kind, start=before.start, end=end)
        apart.append(one)
    return apart
