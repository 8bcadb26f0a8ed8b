"""The output scan: what must not stand in an answer is found in each claim before it is released.

It compares with what this request read and with static canaries, never with the hidden corpus:
that would make it an oracle. A claim is read as it stands and as its encodings say (`encodings`),
by one rule a file; `request` puts them together.
"""

from copilot.output_scan.canaries import read_canaries
from copilot.output_scan.findings import (
    Clean,
    Finding,
    Kind,
    Redacted,
    Withheld,
    counts,
    reasons,
)
from copilot.output_scan.scan import OutputScan

__all__ = [
    "Clean",
    "Finding",
    "Kind",
    "OutputScan",
    "Redacted",
    "Withheld",
    "counts",
    "read_canaries",
    "reasons",
]
