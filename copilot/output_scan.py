"""The output scan: what must not stand in an answer is found in each claim before it is released.

It compares with what this request read and with static canaries, never with the hidden corpus:
that would make it an oracle. A rule is a function from a claim to findings; `RULES` lists them.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from copilot.generation.port import Claim
from policy.errors import BadInput, Misconfigured
from policy.labels import Label, join_all
from policy.markings import parse_portion
from retrieval.types import Context


class Kind(StrEnum):
    """What was found. The value is the stated reason."""

    CANARY = "text that was planted to detect leaks"
    CREDENTIAL = "a credential"
    MARKING = "a classification marking above that of its sources"
    DROPPED_CONTEXT = "text that the policy re-check withheld from this request"
    PROMPT = "the rules that the model was given"
    INSTRUCTION = "an instruction or a role marker instead of a statement"
    LINK = "a link or an image that leads outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found where; code points of the claim's text. Never what it said."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """Nothing was found; the text goes out as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """The text may go out as it is here, with links and images made inert."""

    text: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """The sentence must not go out, and neither may its citations."""

    findings: tuple[Finding, ...]


class OutputScan:
    """The scan of one installation; `request` gives the one of a request."""

    def __init__(self, canaries: Iterable[str] = ()) -> None:
        self._canaries = tuple(_letters(canary) for canary in canaries)
        if any(len(canary) < _SHORTEST_CANARY for canary in self._canaries):
            raise Misconfigured(f"a canary must have {_SHORTEST_CANARY} letters or digits or more")

    def request(
        self, contexts: Sequence[Context], dropped: Sequence[Context] = (), system: str = ""
    ) -> Callable[[Claim], Clean | Redacted | Withheld]:
        """The scan for one request: what it may quote, what its re-check dropped, its prompt."""
        # What the reader was given anyway is no leak: near-duplicates under two labels are usual.
        given = _shingles(context.chunk.text for context in contexts)
        read = _Read(
            contexts=contexts,
            canaries=self._canaries,
            withheld=_shingles(context.chunk.text for context in dropped) - given,
            prompt=_shingles([system]) - given,
        )
        return lambda claim: _scan(claim, read)


def _scan(claim: Claim, read: "_Read") -> Clean | Redacted | Withheld:
    text = _Folded(claim.text)
    findings = tuple(finding for rule in RULES for finding in rule(claim, text, read))
    links = tuple(_links(text))
    if findings:
        return Withheld(findings=findings + links)
    return Redacted(text=_inert(claim.text, text), findings=links) if links else Clean()


# --- comparison ------------------------------------------------------------------------------

_LOOK_ALIKES = str.maketrans(
    "АВЕЅІЈКМНОРСТУХЗавеѕіјкорстухһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαοριυν∕⁄‐‑‒–—’‘“”",
    "ABESIJKMHOPCTYX3aBesijkopctyxhdqwABEZHIKMNOPTYXaopiuv//-----''\"\"",
)  # fmt: skip
_WORD = re.compile(r"[^\W_]+")
_NGRAM = 7
"""Words in a row that two texts share by chance only where one quotes the other."""
_SHORTEST_CANARY = 8


class _Folded:
    """A text in one spelling for comparison, and the place in the original of each character."""

    def __init__(self, original: str) -> None:
        folded: list[str] = []
        places: list[int] = []
        for place, char in enumerate(original):
            if unicodedata.category(char) not in ("Cf", "Cc", "Mn") or char in "\n\t":
                plain = unicodedata.normalize("NFKC", char).translate(_LOOK_ALIKES)
                folded.append(plain)
                places += [place] * len(plain)
        self.text = "".join(folded)
        self._places = [*places, len(original)]

    def finding(self, kind: Kind, match: re.Match[str]) -> Finding:
        start = self._places[match.start()]
        return Finding(kind=kind, start=start, end=max(start, self._places[match.end() - 1]) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What this request read, in the form in which claims are compared with it."""

    contexts: Sequence[Context]
    canaries: tuple[str, ...]
    withheld: frozenset[tuple[str, ...]]
    prompt: frozenset[tuple[str, ...]]

    def quoted(self, claim: Claim) -> list[Context]:
        """The contexts that the claim cites; what it cites wrongly is for the citation check."""
        places = dict.fromkeys(support.context for support in claim.supports)
        return [self.contexts[place] for place in places if 0 <= place < len(self.contexts)]

    def released(self, claim: Claim, text: _Folded) -> str:
        """All that goes out with the claim: its text and its quotes."""
        quotes = [
            self.contexts[s.context].chunk.text[max(0, s.start) : max(0, s.end)]
            for s in claim.supports
            if 0 <= s.context < len(self.contexts)
        ]
        return "\n".join([text.text, *(_Folded(quote).text for quote in quotes)])


def _letters(text: str) -> str:
    return "".join(_WORD.findall(_Folded(text).text.casefold()))


def _words(text: str) -> list[str]:
    return _WORD.findall(_Folded(text).text.casefold())


def _shingles(texts: Iterable[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(ngram for text in texts for ngram in _ngrams(_words(text)))


def _ngrams(words: list[str]) -> Iterator[tuple[str, ...]]:
    for start in range(len(words) - _NGRAM + 1):
        yield tuple(words[start : start + _NGRAM])


# --- rules -----------------------------------------------------------------------------------

_CREDENTIAL = re.compile(
    r"-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY"
    r"|\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"
    r"|\bgh[oprsu]_[A-Za-z0-9]{30,255}|\bgithub_pat_[A-Za-z0-9_]{22,255}|\bglpat-[\w-]{20,64}"
    r"|\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{20,255}"
    r"|\bxox[abeprs]-[A-Za-z0-9-]{10,255}|\bAIza[\w-]{35}\b"
    r"|\beyJ[\w-]{8,4096}\.[\w-]{8,4096}\.[\w-]{8,4096}"
    r"|\b[Bb]earer [A-Za-z0-9_.~+/-]{20,4096}"
    r"|(?i:\baws_secret_access_key)\W{1,5}[A-Za-z0-9/+]{40}"
)
_LEVEL = r"(?:TS|S|C|U|TOP SECRET|SECRET|CONFIDENTIAL|UNCLASSIFIED)"
_MARKING = re.compile(
    rf"\( *{_LEVEL} *//[^()\n]{{0,120}}\)"
    rf"|(?:^|(?<=\n))\W{{0,4}}\( *{_LEVEL} *\)|\(TS\)"
    rf"|\b{_LEVEL} *//[A-Z][A-Z0-9 ,/-]{{1,120}}"
)
_LINES = r"(?:^|(?<=[\n.:;!?\"'>*-])|(?<=[\n.:;!?\"'>*-] )|(?<=\bplease )|(?<=\bmust )|(?<=\bnow ))"
_INSTRUCTION = re.compile(
    rf"(?i){_LINES}(?:ignore|disregard|forget|override) (?:\w{{1,12}} ){{0,3}}"
    r"(?:instructions?|prompts?|rules|guidelines|directions)\b"
    r"|<\|\w{2,20}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|human)>"
    rf"|{_LINES}(?:assistant|human) ?:(?= )|{_LINES}system ?: (?:you|prompt|override|new)\b"
    r"|\byou are now (?:an?|the|in) [\w -]{0,30}(?:mode|assistant|model|ai)\b"
    r"|\bmy (?:system prompt|instructions) (?:is|are|says?)\b"
)
_PROMPT_NGRAMS = 2
"""One shared run of words can be chance, such as the sentence for "not found"."""


def _canary(claim: Claim, text: _Folded, read: _Read) -> Iterator[Finding]:
    # Letters and digits alone: spaces, dashes and look-alikes put between them hide nothing.
    letters = _letters(read.released(claim, text)) if read.canaries else ""
    if any(canary in letters for canary in read.canaries):
        yield _whole(Kind.CANARY, claim)


def _credential(claim: Claim, text: _Folded, read: _Read) -> Iterator[Finding]:
    # In the quotes as well: to hide it in the sentence and show it in the quote would be no help.
    for match in _CREDENTIAL.finditer(text.text):
        yield text.finding(Kind.CREDENTIAL, match)
    if not _CREDENTIAL.search(text.text) and _CREDENTIAL.search(read.released(claim, text)):
        yield _whole(Kind.CREDENTIAL, claim)


def _marking(claim: Claim, text: _Folded, read: _Read) -> Iterator[Finding]:
    labels = [context.label for context in read.quoted(claim)]
    for match in _MARKING.finditer(text.text):
        if not _within(match[0], labels):
            yield text.finding(Kind.MARKING, match)


def _within(mark: str, labels: list[Label]) -> bool:
    """Whether the mark says no more than the labels of the sources together."""
    if len({label.tenant for label in labels}) != 1:
        return False
    try:
        marked = parse_portion(f"({mark.strip(' ()')})", labels[0].tenant, "answer")
    except BadInput:
        return False
    return join_all(labels).dominates(marked)


def _dropped_context(claim: Claim, text: _Folded, read: _Read) -> Iterator[Finding]:
    if any(ngram in read.withheld for ngram in _ngrams(_WORD.findall(text.text.casefold()))):
        yield _whole(Kind.DROPPED_CONTEXT, claim)


def _prompt(claim: Claim, text: _Folded, read: _Read) -> Iterator[Finding]:
    ngrams = _ngrams(_WORD.findall(text.text.casefold()))
    if sum(ngram in read.prompt for ngram in ngrams) >= _PROMPT_NGRAMS:
        yield _whole(Kind.PROMPT, claim)


def _instruction(_claim: Claim, text: _Folded, _read: _Read) -> Iterator[Finding]:
    for match in _INSTRUCTION.finditer(text.text):
        yield text.finding(Kind.INSTRUCTION, match)


def _whole(kind: Kind, claim: Claim) -> Finding:
    return Finding(kind=kind, start=0, end=len(claim.text))


Rule = Callable[[Claim, _Folded, _Read], Iterator[Finding]]
RULES: tuple[Rule, ...] = (_canary, _credential, _marking, _dropped_context, _prompt, _instruction)
"""Each finding of these withholds the sentence."""


# --- links -----------------------------------------------------------------------------------

_LINK = re.compile(
    r"!?\[(?P<label>[^\[\]\n]{0,200})\]\((?P<target>[^()\s]{1,2000})[^()\n]{0,200}\)"
    r"|(?P<data>\bdata:[\w.+/-]{1,80}[;,][^\s)\"'>]{0,100000})"
    r"|(?P<scheme>\b(?:https?|ftp|file|wss?))://(?P<rest>[^\s<>\"']{1,2000})"
    r"|\b(?P<script>(?:javascript|vbscript)):(?=\S)"
    r"|(?P<www>\bwww\.)(?=[\w-])|(?P<tag><)(?=/?(?:a|img|iframe|script|svg|link|object|embed)\b)",
    re.IGNORECASE,
)


def _links(text: _Folded) -> Iterator[Finding]:
    for match in _LINK.finditer(text.text):
        yield text.finding(Kind.LINK, match)


def _inert(original: str, text: _Folded) -> str:
    """The text with each link readable and dead, as analysts write them: hxxps://example[.]org.

    φ and the eval read both spellings as one (`support.plain`).
    """
    kept, position = [], 0
    for match in _LINK.finditer(text.text):
        finding = text.finding(Kind.LINK, match)
        kept += [original[position : finding.start], _dead(match)]
        position = finding.end
    return "".join([*kept, original[position:]])


def _dead(match: re.Match[str]) -> str:
    if match["target"] is not None:
        return f"{match['label']} ({_defanged(match['target'])})".strip()
    if match["scheme"] is not None:
        return _defanged(match[0])
    if match["data"] is not None:
        return "[data removed]"
    return {"<": "‹", "www.": "www[.]"}.get(match[0].lower(), f"{match['script']}[:]")


def _defanged(address: str) -> str:
    scheme, separator, rest = address.partition("//")
    if not separator:
        scheme, rest = "", address
    host, slash, path = rest.partition("/")
    scheme = scheme.lower().replace("http", "hxxp").replace("ftp", "fxp")
    return f"{scheme}{separator}{host.replace('.', '[.]').replace(':', '[:]')}{slash}{path}"
