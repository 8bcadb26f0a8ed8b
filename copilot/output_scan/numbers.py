"""Personal numbers that prove themselves: e-mail and IP addresses, cards, accounts, US social security."""

import re
from collections.abc import Iterator
from ipaddress import ip_address

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import Form, View
from retrieval.iban import LENGTHS, mod97

_EMAIL = Form(
    r"(?<![\w.+-])[\w.!#$%&'*+/=?^{|}~-]{1,64}\s?(?:@|[\[({]\s?(?:at|@)\s?[\])}])\s?"
    r"(?:[\w-]{1,63}(?:\.|\s?[\[({]\s?(?:dot|\.)\s?[\])}]\s?)){1,8}[^\W\d_]{2,24}",
    re.IGNORECASE,
)
_IPV4 = Form(r"(?<![\w.])\d{1,3}(?:(?:\.|\[\.\])\d{1,3}){3}(?!\w|\.\d)")
_IPV6 = Form(r"(?<![\w:.])(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:.]{3,45}(?![\w:])")
_SSN = Form(
    r"(?<![\w-])(?!000|666|9)\d{3}(?P<sign>[-. /])(?!00)\d{2}(?P=sign)(?!0000)\d{4}(?![\w-])"
    r"|\b(?i:ssn|social security)\b[^\d\n]{0,25}(?!000|666|9)\d{3}[-. ]?(?!00)\d{2}[-. ]?(?!0000)\d{4}(?!\d)"
)
_DOCUMENT = Form(
    r"\b(?i:passport|driv(?:ing|er'?s?) licen[cs]e|(?:national )?(?:id|identity) card)\b"
    r"(?i:,? (?:no\.?|number|nr\.?|is|was|with|the|of)\b\.?|[ :#]){0,6}"
    r"(?:[A-Z]{1,3} )?(?=[A-Za-z-]{0,6}\d{4})[A-Z0-9][A-Z0-9-]{4,17}(?!\w)"
)
"""Numbers without a check digit, where the words in front of them say what they are."""
_SIGNS = r"[\W_]{0,3}"
_ETHER = Form(r"(?<![A-Za-z0-9])0[xX][0-9a-fA-F]{40}(?![A-Za-z0-9])")
_IBAN = Form(rf"(?<![A-Za-z0-9])[A-Za-z]{{2}}\d{{2}}(?:{_SIGNS}[A-Za-z0-9]){{11,30}}")
_DIGITS = Form(rf"\d(?:{_SIGNS}\d){{11,40}}")
_DIGIT, _GROUP = re.compile(r"\d"), re.compile(r"\d+")
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|65\d\d|64[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}|220[0-4]\d{12,15}"
)
"""Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro, Mir."""


def find(view: View) -> Iterator[Finding]:
    """Each such number or address in the text."""
    yield from _matches(view, _EMAIL, Kind.EMAIL)
    yield from _matches(view, _SSN, Kind.NATIONAL_ID)
    yield from _matches(view, _DOCUMENT, Kind.NATIONAL_ID)
    yield from _matches(view, _ETHER, Kind.CRYPTO)
    yield from _addresses(view)
    yield from _accounts(view)
    yield from _cards(view)


def _matches(view: View, form: Form, kind: Kind) -> Iterator[Finding]:
    for match in form.find(view):
        yield view.finding(kind, match.start(), match.end())


def _addresses(view: View) -> Iterator[Finding]:
    for form in (_IPV4, _IPV6):
        for match in form.find(view):
            # The end of a sentence, or of what the address belongs to, is no part of it.
            for written in dict.fromkeys((match[0], match[0].rstrip("."), match[0].rstrip(".:"))):
                if _is_address(written.replace("[.]", ".")):
                    yield view.finding(Kind.IP_ADDRESS, match.start(), match.start() + len(written))
                    break


def _is_address(written: str) -> bool:
    try:
        ip_address(written)
    except ValueError:
        return False
    return len(written) > 2


def _accounts(view: View) -> Iterator[Finding]:
    for match in _IBAN.find(view):
        length = LENGTHS.get(match[0][:2].upper(), 99)
        places = [place for place, char in enumerate(match[0]) if char.isalnum()][:length]
        if len(places) == length and mod97("".join(match[0][place] for place in places)):
            start = match.start()
            yield view.finding(Kind.BANK_ACCOUNT, start, start + places[-1] + 1)


def _cards(view: View) -> Iterator[Finding]:
    for match in _DIGITS.find(view):
        groups = [group.span() for group in (_DIGIT if view.ragged else _GROUP).finditer(match[0])]
        for start, end in _cards_within(match[0], groups):
            yield view.finding(Kind.CARD, match.start() + start, match.start() + end)


def _cards_within(written: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Groups in a row that are the number of a card; beside it may stand dates and other numbers."""
    for first, (start, _) in enumerate(groups):
        digits = ""
        for begin, end in groups[first:]:
            digits += written[begin:end]
            if len(digits) > 19:
                break
            if _ISSUERS.fullmatch(digits) and luhn(digits):
                yield start, end


def luhn(digits: str) -> bool:
    """Whether the check digit (ISO/IEC 7812) is right."""
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    plain = sum(map(int, digits[-1::-2]))
    return (plain + sum(value - 9 if value > 9 else value for value in doubled)) % 10 == 0
