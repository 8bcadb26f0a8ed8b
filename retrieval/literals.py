"""Mentions with a form of their own: dates, amounts, accounts, phones, e-mails, identifiers."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

from retrieval.types import EntityKind, Mention

_MONTHS = {
    name: number
    for number, names in enumerate(
        "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|"
        "september sept sep|october oct|november nov|december dec".split("|"),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "US$": "USD", "A$": "AUD", "C$": "CAD"}
_WORDS = {
    "euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD", "us dollars": "USD",
    "pounds": "GBP", "pounds sterling": "GBP", "sterling": "GBP", "yen": "JPY",
    "swiss francs": "CHF", "roubles": "RUB", "rubles": "RUB", "dirhams": "AED",
}  # fmt: skip
_CODES = (
    "EUR USD GBP CHF JPY CNY RUB AED SEK NOK DKK PLN CZK HUF TRY INR AUD CAD SGD HKD ZAR BRL MXN "
    "UAH ILS SAR QAR KWD EGP NGN RON BGN GEL AZN KZT KRW THB NZD"
).split()
_TIMES = {
    "thousand": 10**3, "k": 10**3, "million": 10**6, "m": 10**6, "mn": 10**6, "mio": 10**6,
    "billion": 10**9, "bn": 10**9, "trillion": 10**12,
}  # fmt: skip
_NUMBER = (
    r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)(?:[.,]\d{1,2}(?!\d))?|"
    r"\d{1,18}(?:[,.'’]\d{1,3}(?!\d))*(?:[.,]\d{1,2}(?!\d))?|\d{1,18}\.\d{1,4}"
)
_SCALE = rf"(?:\s?(?P<scale>{'|'.join(_TIMES)})\b)?"
_CODE = "|".join(_CODES)
_UNIT = "|".join(sorted(_WORDS, key=len, reverse=True))

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[A-Z0-9]{10,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)\b")
_ACCOUNT = re.compile(
    r"(?:\b(?:[Aa]ccounts?|[Aa]cct|[Aa]/[Cc])\.?\s+(?:(?:[Nn]o|[Nn]r|[Nn]umber)\b\.?:?\s*|#\s?|:\s*)?|\(account )"
    r"(?P<key>(?=[A-Z0-9-]*\d[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{3,33})(?![\w…])"
)
_HASH = re.compile(
    r"\b(?=[a-f\d]*[a-f])(?=[a-f\d]*\d)(?:[a-f\d]{64}|[a-f\d]{40}|[a-f\d]{32})\b", re.I
)
_CVE = re.compile(r"\bCVE-\d{4}-\d{4,7}\b", re.I)
_IPV4 = re.compile(
    r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)"
)
_IPV6 = re.compile(
    r"(?<![\w:])(?=[\d:]*[a-f:]{2}|[\d:]*[a-f])(?:[\da-f]{1,4}:{1,2}){3,7}[\da-f]{1,4}(?![\w:])",
    re.I,
)
_SHIP = re.compile(r"\b(?P<body>IMO|MMSI)(?: [Nn]o\.?| [Nn]umber)?[: ]\s?(?P<number>\d{7,9})\b")
_CONTAINER = re.compile(r"\b[A-Z]{3}[UJZ] ?\d{6}(?:-?\d)?\b")
_CUED = re.compile(
    r"\b(?:registration|company|file|case|passport|container|invoice|contract|policy|licence|license|permit|"
    r"transaction|reference|ref|registry|tax|vat|id|reg)\.?\s+(?:(?:no|nr|number|id)\b\.?|#)?:?\s*"
    r"(?-i:(?P<key>(?=[A-Z0-9 /-]*\d)(?:[A-Z]{1,3} )?[A-Z0-9][A-Z0-9/-]{2,24}\b))",
    re.I,
)  # fmt: skip
_SERIAL = re.compile(
    r"(?<![\w-])(?=[A-Z/-]*\d{2}|[A-Z0-9/-]*\d\d)[A-Z]{1,6}\d{0,4}(?:[-/][A-Z0-9]{1,12}){1,4}(?![\w-])"
)
_PHONE = re.compile(r"(?<![\w+])(?:\+|00(?=\d{2}[ \d]))\d(?:[ ()./-]{0,2}\d){6,14}(?!\w)")
_LOCAL_PHONE = re.compile(r"(?<![\w/-])(?:\d{3}-)?\d{3}-\d{4}(?![\w/-])")
_CUED_PHONE = re.compile(
    r"\b(?:tel|phone|telephone|mobile|cell|fax|whatsapp|telefon)\.?(?: number| no\.?)?:?\s*"
    r"(?P<key>\+?\(?\d(?:[ ()./-]{0,2}\d){5,14})(?!\w)",
    re.I,
)
_ISO = re.compile(r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?![\d-])")
_DAY_FIRST = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)?[ -](?P<month>{_MONTH})\.?,?[ -](\d{{3,4}})\b", re.I
)
_MONTH_FIRST = re.compile(
    rf"\b(?P<month>{_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?(?: ?[–-] ?\d{{1,2}})?,? (\d{{4}})\b",
    re.I,
)
_MONTH_YEAR = re.compile(rf"(?<!\d )\b(?P<month>{_MONTH})\.?,?(?: of)? (\d{{4}})\b", re.I)
_DOTTED = re.compile(r"(?<![\w./-])(\d{1,2})([./])(\d{1,2})\2(\d{4})(?![\w/-])")
_AMOUNT = re.compile(
    rf"(?:(?P<code>\b(?:{_CODE})\b|(?:US|A|C)?\$|[€£¥])\s?(?P<number>{_NUMBER}){_SCALE}"
    rf"|(?<![\w.,])(?P<number2>{_NUMBER})(?:\s?(?P<scale2>{'|'.join(_TIMES)}))?\s?"
    rf"(?:(?P<code2>{_CODE})\b|(?P<unit>(?i:{_UNIT}))\b|(?P<symbol>[€£])))"
)

_DIGIT = re.compile(r"\d")

Key = Callable[[re.Match[str]], str | None]


def literals(text: str) -> Iterator[Mention]:
    """Every literal of `text`; where two claim the same characters, the caller takes the first."""
    numbered = _DIGIT.search(text) is not None
    for kind, mark, pattern, key in _READERS:
        if not (mark in text if mark else numbered):
            continue
        for match in pattern.finditer(text):
            name = key(match)
            if name:
                group = "key" if "key" in pattern.groupindex else 0
                start, end = match.span(group)
                yield Mention(kind=kind, key=name, surface=text[start:end], start=start, end=end)


def _compact(match: re.Match[str]) -> str:
    """Identifiers are compared without blanks, which writers put where they like."""
    written = match["key"] if "key" in match.re.groupindex else match.group()
    return re.sub(r"\s", "", written).casefold()


def _account(match: re.Match[str]) -> str:
    """As `_compact`, for numbers whose dashes are as free as their blanks."""
    return _compact(match).replace("-", "")


def _ship(match: re.Match[str]) -> str:
    return f"{match['body']}{match['number']}".casefold()


def _phone(match: re.Match[str]) -> str | None:
    written = match["key"] if "key" in match.re.groupindex else match.group()
    digits = re.sub(r"\D", "", written)
    if written.startswith("00"):
        return "+" + digits[2:]
    return "+" + digits if written.startswith("+") else digits


def _iso(match: re.Match[str]) -> str | None:
    return _day(match[1], int(match[2]), match[3])


def _day_first(match: re.Match[str]) -> str | None:
    return _day(match[3], _MONTHS[match["month"].casefold()], match[1])


def _month_first(match: re.Match[str]) -> str | None:
    return _day(match[3], _MONTHS[match["month"].casefold()], match[2])


def _month(match: re.Match[str]) -> str | None:
    return f"{int(match[2]):04}-{_MONTHS[match['month'].casefold()]:02}" if int(match[2]) else None


def _dotted(match: re.Match[str]) -> str | None:
    """Dots are day first; slashes only where a number above 12 says which is the day."""
    first, second = int(match[1]), int(match[3])
    if match[2] == "." or first > 12:
        return _day(match[4], second, match[1])
    return _day(match[4], first, match[3]) if second > 12 else None


def _day(year: str, month: int, day: str) -> str | None:
    try:
        return date(int(year), month, int(day)).isoformat()
    except ValueError:
        return None


def _amount(match: re.Match[str]) -> str | None:
    number = match["number"] or match["number2"]
    scale = match["scale"] or match["scale2"]
    code = match["code"] or match["code2"] or match["symbol"]
    currency = _SYMBOLS.get(code, code) if code else _WORDS[match["unit"].casefold()]
    value = _decimal(number, scaled=bool(scale)) * (_TIMES[scale] if scale else 1)
    return f"{currency} {value:.2f}"


def _decimal(written: str, *, scaled: bool) -> Decimal:
    """The number meant: the last mark is the decimal one unless it groups three digits."""
    digits = re.sub(r"['’\s]", "", written)
    whole, mark, rest = digits.rpartition("," if digits.rfind(",") > digits.rfind(".") else ".")
    if mark and (len(rest) != 3 or (scaled and mark == "." and "," not in whole)):
        return Decimal(re.sub(r"\D", "", whole) + "." + rest)
    return Decimal(re.sub(r"\D", "", digits))


_READERS: tuple[tuple[EntityKind, str, re.Pattern[str], Key], ...] = (
    (EntityKind.EMAIL, "@", _EMAIL, lambda match: match.group().casefold()),
    (EntityKind.ACCOUNT, "", _IBAN, _account),
    (EntityKind.IDENTIFIER, "", _HASH, _compact),
    (EntityKind.IDENTIFIER, "", _CVE, _compact),
    (EntityKind.IDENTIFIER, ":", _IPV6, _compact),
    (EntityKind.IDENTIFIER, "", _IPV4, _compact),
    (EntityKind.IDENTIFIER, "", _SHIP, _ship),
    (EntityKind.IDENTIFIER, "", _CONTAINER, _account),
    (EntityKind.DATE, "", _ISO, _iso),
    (EntityKind.DATE, "", _DAY_FIRST, _day_first),
    (EntityKind.DATE, "", _MONTH_FIRST, _month_first),
    (EntityKind.DATE, "", _MONTH_YEAR, _month),
    (EntityKind.DATE, "", _DOTTED, _dotted),
    (EntityKind.AMOUNT, "", _AMOUNT, _amount),
    (EntityKind.ACCOUNT, "", _ACCOUNT, _account),
    (EntityKind.PHONE, "", _PHONE, _phone),
    (EntityKind.PHONE, "", _CUED_PHONE, _phone),
    (EntityKind.PHONE, "", _LOCAL_PHONE, _phone),
    (EntityKind.IDENTIFIER, "", _CUED, _compact),
    (EntityKind.IDENTIFIER, "", _SERIAL, _compact),
)
"""In order of precedence: a date inside an e-mail address is part of the address. With what must stand in a text for
each to be worth looking; a digit where nothing is said."""
