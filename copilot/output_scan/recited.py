"""Texts that are not to be recited: what the re-check dropped, and the prompt."""

from collections.abc import Iterable, Iterator

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import View, words

Run = tuple[str, ...]
LENGTH = 7
"""Words in a row that two texts share by chance only where one quotes the other."""
_OF_THE_PROMPT = 2
"""One shared run of words can be chance, such as the sentence for "not found"."""


def runs(texts: Iterable[str]) -> frozenset[Run]:
    """All runs of words of the texts."""
    return frozenset(run for text in texts for run in _runs(words(text)))


def dropped(view: View, withheld: frozenset[Run]) -> Iterator[Finding]:
    """Where the text says what the re-check of this request withheld."""
    yield from _shared(view, withheld, Kind.DROPPED_CONTEXT)


def prompt(view: View, rules: frozenset[Run]) -> Iterator[Finding]:
    """Where the text recites the rules that the model was given."""
    found = list(_shared(view, rules, Kind.PROMPT))
    if len(found) >= _OF_THE_PROMPT:
        yield from found


def _shared(view: View, with_these: frozenset[Run], kind: Kind) -> Iterator[Finding]:
    if not with_these:
        return
    for place, run in enumerate(_runs([match[0] for match in view.words])):
        if run in with_these:
            first, last = view.words[place], view.words[place + LENGTH - 1]
            yield view.finding(kind, first.start(), last.end())


def _runs(said: list[str]) -> Iterator[Run]:
    return zip(*(said[start:] for start in range(LENGTH)), strict=False)
