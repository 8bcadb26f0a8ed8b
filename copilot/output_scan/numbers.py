"""Personal numbers that prove themselves: e-mail and IP addresses, cards, accounts, US social security."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import Form, View

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
_IBAN_LENGTHS: Mapping[str, int] = {
    pair[:2]: int(pair[2:])
    for pair in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
        "EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
        "KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 "
        "PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 "
        "UA29 VA22 VG24 XK20 YE30"
    ).split()
}
"""Characters of an IBAN by country, from the SWIFT registry."""
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
        length = _IBAN_LENGTHS.get(match[0][:2].upper(), 99)
        places = [place for place, char in enumerate(match[0]) if char.isalnum()][:length]
        if len(places) == length and mod97("".join(match[0][place] for place in places)):
            start = match.start()
            yield view.finding(Kind.BANK_ACCOUNT, start, start + places[-1] + 1)


def mod97(account: str) -> bool:
    """Whether the check digits of an IBAN (ISO 13616, without blanks) are right."""
    turned = (account[4:] + account[:4]).upper()
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


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
