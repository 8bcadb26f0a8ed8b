"""Characters that carry text or turn it round and that no reader sees."""

import re
from collections.abc import Iterator

from copilot.output_scan.findings import Finding, Kind

_SHOW_NOTHING = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
)
_HIDDEN = re.compile(
    f"[\U000e0000-\U000e007f]+|[\u202d\u202e]+|[\U000e0100-\U000e01ef]{{2,}}|[{_SHOW_NOTHING}]{{8,}}"
)
"""Tag characters, overrides of direction, variation selectors in a row, many that show nothing."""


def find(text: str) -> Iterator[Finding]:
    """Where they stand in the claim's own text. One or two joiners between letters are spelling."""
    if text.isascii():
        return
    for match in _HIDDEN.finditer(text):
        yield Finding(kind=Kind.HIDDEN, start=match.start(), end=match.end())
