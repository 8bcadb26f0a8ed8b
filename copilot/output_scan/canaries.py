"""Planted strings: what must never come out, however it is written."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import View, fold, letters
from policy.errors import Misconfigured

SHORTEST = 8
"""Letters and digits below which a canary would stand in innocent texts."""


def prepared(canaries: Iterable[str]) -> tuple[str, ...]:
    """The canaries in the form that views are compared with; Misconfigured for one too short."""
    kept = tuple(letters(fold(canary)) for canary in canaries)
    if any(len(canary) < SHORTEST for canary in kept):
        raise Misconfigured(f"a canary must have {SHORTEST} letters or digits or more")
    return kept


def read_canaries(path: Path) -> tuple[str, ...]:
    """The canaries of a file with one a line; empty lines do not count.

    Misconfigured where it cannot be read or holds none or one too short. None is ever repeated.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"COPILOT_CANARIES names {path}, which cannot be read as a text in UTF-8"
        ) from error
    canaries = tuple(line.strip() for line in lines if line.strip())
    if not canaries:
        raise Misconfigured(f"COPILOT_CANARIES names {path}, in which there is no canary")
    for number, line in enumerate(lines, start=1):
        if line.strip() and len(letters(fold(line))) < SHORTEST:
            raise Misconfigured(
                f"COPILOT_CANARIES names {path}, whose line {number} is too short: "
                f"a canary must have {SHORTEST} letters or digits or more"
            )
    return canaries


def find(view: View, canaries: tuple[str, ...]) -> Iterator[Finding]:
    """Letters and digits alone are compared: nothing put between them hides a canary."""
    if any(canary in view.letters for canary in canaries):
        yield view.whole(Kind.CANARY)
