"""The scan of one request: each claim in its turn, alone and together with what went out before."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from copilot.generation.port import Claim
from copilot.output_scan import canaries, hidden, instructions, links, markings, recited, secrets
from copilot.output_scan.encodings import TooMuch, views
from copilot.output_scan.findings import (
    PERSONAL,
    REPLACED,
    Clean,
    Finding,
    Kind,
    Redacted,
    Withheld,
)
from copilot.output_scan.personal import Personal
from copilot.output_scan.recited import Run
from copilot.output_scan.redaction import redacted
from copilot.output_scan.tail import Tail, Window
from copilot.output_scan.view import View
from policy.labels import Label
from retrieval.types import Context

LONGEST = 8_000
"""Characters of a sentence or of a quote; more is none, and looking through it costs too much."""
_IN_QUOTES = frozenset([Kind.CANARY, Kind.CREDENTIAL, *PERSONAL])
"""What must not stand in a quote either. A quote cannot be redacted: it is exact text under a hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What the claims of one request are compared with."""

    contexts: Sequence[Context]
    canaries: tuple[str, ...]
    withheld: frozenset[Run]
    prompt: frozenset[Run]
    personal: Personal | None
    """None where the reader's rights open personal data."""


class RequestScan:
    """Takes the claims of one answer in order, and remembers the end of what it let out.

    What the citation check drops later on counts as let out: at worst, more is withheld.
    """

    def __init__(self, compared: Compared) -> None:
        self._with = compared
        self._said, self._quoted = Tail(), Tail()
        self._quotes: dict[str, frozenset[Kind]] = {}

    def __call__(self, claim: Claim) -> Clean | Redacted | Withheld:
        """What may go out of the claim."""
        try:
            return self._judged(claim)
        except TooMuch:
            return Withheld(findings=_whole({Kind.OVERSIZE}, claim))

    def _judged(self, claim: Claim) -> Clean | Redacted | Withheld:
        quotes = self._quotes_of(claim)
        if max(map(len, [claim.text, *quotes])) > LONGEST:
            raise TooMuch
        found = tuple(dict.fromkeys(self._in_text(claim)))
        in_quotes = self._in_quotes(claim, quotes, found)
        left = None if in_quotes else _left(claim.text, found)
        if left is None:
            alone = in_quotes - {one.kind for one in found}
            return Withheld(findings=found + _whole(alone, claim))
        if split := self._completed(left, quotes, self._labels(claim)):
            return Withheld(findings=_whole(split, claim))
        self._said.add(left)
        for quote in quotes:
            self._quoted.add(quote)
        return Redacted(text=left, findings=found) if found else Clean()

    def _in_text(self, claim: Claim) -> Iterator[Finding]:
        labels = self._labels(claim)
        for view in views(claim.text):
            yield from self._rules(view, labels)
            yield from links.find(view)
        yield from hidden.find(claim.text)

    def _in_quotes(
        self, claim: Claim, quotes: Iterable[str], found: Iterable[Finding]
    ) -> set[Kind]:
        kinds = set[Kind]()
        for quote in quotes:
            if quote == claim.text:
                kinds |= {one.kind for one in found} & _IN_QUOTES
            else:
                kinds |= self._in_quote(quote)
        return kinds

    def _in_quote(self, quote: str) -> frozenset[Kind]:
        if quote not in self._quotes:
            found = (one.kind for view in views(quote) for one in self._rules_of_quotes(view))
            self._quotes[quote] = frozenset(found)
        return self._quotes[quote]

    # --- rules ---------------------------------------------------------------------------

    def _rules(self, view: View, labels: Sequence[Label]) -> Iterator[Finding]:
        yield from self._rules_of_quotes(view)
        yield from self._rules_of_words(view, labels)

    def _rules_of_quotes(self, view: View) -> Iterator[Finding]:
        yield from canaries.find(view, self._with.canaries)
        yield from self._rules_of_figures(view)

    def _rules_of_figures(self, view: View) -> Iterator[Finding]:
        yield from secrets.find(view)
        if self._with.personal:
            yield from self._with.personal.find(view)

    def _rules_of_words(self, view: View, labels: Sequence[Label]) -> Iterator[Finding]:
        yield from markings.find(view, labels)
        yield from recited.dropped(view, self._with.withheld)
        yield from recited.prompt(view, self._with.prompt)
        yield from instructions.find(view)

    # --- what is split between sentences -------------------------------------------------

    def _completed(self, text: str, quotes: Sequence[str], labels: Sequence[Label]) -> set[Kind]:
        """What stands neither in what went out nor in this sentence, but in both together."""
        kinds, seen = set[Kind](), set[str]()
        for window in self._said.windows(text):
            seen.add(window.text)
            if window.whole:
                kinds |= _across(window, lambda view: self._rules(view, labels))
            else:
                kinds |= _across(window, self._rules_of_figures)
            if window.spaced:
                kinds |= _across(window, links.find)
                kinds |= _across(window, lambda view: self._rules_of_words(view, labels))
        for quote in quotes:
            for window in self._quoted.windows(quote):
                if window.text not in seen:
                    rules = self._rules_of_quotes if window.whole else self._rules_of_figures
                    kinds |= _across(window, rules)
        return kinds

    # --- what a claim rests on -----------------------------------------------------------

    def _labels(self, claim: Claim) -> list[Label]:
        """The labels of the sources; what is cited wrongly is for the citation check."""
        contexts = self._with.contexts
        places = dict.fromkeys(support.context for support in claim.supports)
        return [contexts[place].label for place in places if 0 <= place < len(contexts)]

    def _quotes_of(self, claim: Claim) -> list[str]:
        contexts = self._with.contexts
        spans = dict.fromkeys((one.context, one.start, one.end) for one in claim.supports)
        return [
            contexts[place].chunk.text[max(0, start) : max(0, end)]
            for place, start, end in spans
            if 0 <= place < len(contexts)
        ]


def _across(window: Window, rule: Callable[[View], Iterable[Finding]]) -> set[Kind]:
    """The kinds of what begins before the boundary and ends behind it."""
    read = views(window.text) if window.whole else [View(window.text)]
    return {
        found.kind
        for view in read
        for found in rule(view)
        if found.start < window.boundary < found.end
    }


def _left(text: str, found: Sequence[Finding]) -> str | None:
    """What may go out of a text in which this was found; None where nothing may."""
    if not found:
        return text
    return redacted(text, found) if all(one.kind in REPLACED for one in found) else None


def _whole(kinds: Iterable[Kind], claim: Claim) -> tuple[Finding, ...]:
    return tuple(Finding(kind=kind, start=0, end=len(claim.text)) for kind in sorted(kinds))
