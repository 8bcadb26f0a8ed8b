"""Classification markings in a sentence that say more than the labels of its sources."""

import re
from collections.abc import Iterator, Sequence

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import View
from policy.errors import BadInput
from policy.labels import Label, join_all
from policy.markings import parse_portion

_LEVEL = r"(?:TS|S|C|U|TOP SECRET|SECRET|CONFIDENTIAL|UNCLASSIFIED)"
_MARKING = re.compile(
    rf"\( *{_LEVEL} *//[^()\n]{{0,120}}\)"
    rf"|(?:^|(?<=\n))\W{{0,4}}\( *{_LEVEL} *\)|\(TS\)"
    rf"|\b{_LEVEL} *//[A-Z][A-Z0-9 ,/-]{{1,120}}"
)
_BRACKETS = str.maketrans("[]{}«»‹›〔〕【】", "()" * 6)


def find(view: View, labels: Sequence[Label]) -> Iterator[Finding]:
    """Each marking that is no marking, or one above the labels of what the sentence cites."""
    for match in _MARKING.finditer(view.text.translate(_BRACKETS)):
        if not _within(match[0], labels):
            yield view.finding(Kind.MARKING, match.start(), match.end())


def _within(mark: str, labels: Sequence[Label]) -> bool:
    """Whether the mark says no more than the labels of the sources together."""
    if len({label.tenant for label in labels}) != 1:
        return False
    try:
        marked = parse_portion(f"({mark.strip(' ()')})", labels[0].tenant, "answer")
    except BadInput:
        return False
    return join_all(labels).dominates(marked)
