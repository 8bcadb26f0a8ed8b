"""What the scan finds and what it makes of a claim; never the text that was found."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What was found. The value is the stated reason."""

    CANARY = "text that was planted to detect leaks"
    CREDENTIAL = "a credential"
    MARKING = "a classification marking above that of its sources"
    DROPPED_CONTEXT = "text that the policy re-check withheld from this request"
    PROMPT = "the rules that the model was given"
    INSTRUCTION = "an instruction or a role marker instead of a statement"
    TOOL_CALL = "the use of a tool that was not offered"
    OVERSIZE = "more text, plain or encoded, than a sentence has"
    LINK = "a link or an image that leads outside"
    HIDDEN = "characters that a reader does not see"
    EMAIL = "personal data: an e-mail address"
    PHONE = "personal data: a telephone number"
    CARD = "personal data: the number of a payment card"
    BANK_ACCOUNT = "personal data: a bank account"
    CRYPTO = "personal data: a crypto-currency address"
    IP_ADDRESS = "personal data: an IP address"
    NATIONAL_ID = "personal data: the number of an identity document"
    PERSON = "personal data: the name of a person"


PERSONAL: Mapping[Kind, str] = {
    Kind.EMAIL: "[e-mail removed]",
    Kind.PHONE: "[telephone number removed]",
    Kind.CARD: "[card number removed]",
    Kind.BANK_ACCOUNT: "[bank account removed]",
    Kind.CRYPTO: "[crypto-currency address removed]",
    Kind.IP_ADDRESS: "[IP address removed]",
    Kind.NATIONAL_ID: "[identity number removed]",
    Kind.PERSON: "[name removed]",
}
"""The kinds of personal data, and what is written in their place."""
REPLACED: Mapping[Kind, str] = {**PERSONAL, Kind.LINK: "[link removed]", Kind.HIDDEN: ""}
"""What a sentence may lose and still go out; every other kind withholds it."""


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
    """The text may go out as it is here: personal data taken out, links and images made inert."""

    text: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """The sentence must not go out, and neither may its citations."""

    findings: tuple[Finding, ...]


def reasons(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The stated reasons, each once, in a fixed order."""
    return tuple(sorted({str(finding.kind) for finding in findings}))


def counts(findings: Iterable[Finding]) -> dict[Kind, int]:
    """In how many places each kind was found: one that several rules or encodings have found counts once."""
    found: Counter[Kind] = Counter()
    ends: dict[Kind, int] = {}
    for one in sorted(findings, key=lambda finding: finding.start):
        found[one.kind] += one.start >= ends.get(one.kind, 0)
        ends[one.kind] = max(ends.get(one.kind, 0), one.end)
    return dict(sorted(found.items()))
