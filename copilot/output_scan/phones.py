"""Telephone numbers, in the formats that people write, told from dates, amounts and file numbers."""

import re
from collections.abc import Iterator

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import View

REGIONS = (
    "US GB DE FR ES IT NL BE CH AT SE NO DK FI PL CZ PT GR IE LV LT EE UA RU TR IL AE IN CN JP KR AU NZ BR MX ZA NG"
).split()
"""Where a number without a country code may belong."""
MOST = 30
"""Candidates that are looked up in a text; more of them are a list of numbers, whatever they are."""

_CANDIDATE = re.compile(
    r"(?<![\w@/#])(?<![\w)][.:,-])(?:\+ ?|\( ?(?:\+ ?)?|00 ?)?\d(?:[ .\-()/\u00b7]{0,3}\d){5,18}(?![\w@])(?![.,:]\d)"
)
_SAID = re.compile(
    r"\b(?:tel(?:ephone)?s?|(?:tele)?phones?|phoned|mobiles?|cell(?:phone)?s?|call(?:s|ed|ing)?|fax|dial(?:s|led|ed)?"
    r"|rang|ring|rings|text(?:ed|s)?|sms|whatsapp|viber|telegram|signal|contact|reach(?:ed|able)?|handset"
    r"|burner|hotline|landline|line|ext(?:ension)?|switchboard|pager)\b[^\n]{0,30}$",
    re.IGNORECASE,
)
_MONEY = re.compile(r"(?:[$€£¥₽]|\b(?:EUR|USD|GBP|CHF|JPY|RUB|kr)\.?) ?-?$", re.IGNORECASE)
_DATE = re.compile(
    r"(?:1[89]|20)\d\d([-./ ])\d{1,2}(?:\1\d{1,2})?(?: \d{1,2})?"
    r"|(?:0?[1-9]|1[0-2])([-./ ])(?:[0-2]?\d|3[01])\2(?:(?:1[89]|20)\d\d|\d\d)(?: \d{1,2})?"
    r"|(?:[0-2]?\d|3[01])([-./ ])(?:0?[1-9]|1[0-2])\3(?:(?:1[89]|20)\d\d|\d\d)(?: \d{1,2})?"
    r"|(?:1[89]|20)\d\d ?[-/] ?(?:1[89]|20)\d\d|(?:1[89]|20)\d\d(?:0\d|1[0-2])[0-3]\d(?:\d{4}|\d{6})?"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:([ .])\d{3})(?:\1\d{3})*")
_NORTH_AMERICAN = re.compile(
    r"(?:1[-. ]?)?(?:\( ?[2-9]\d\d ?\)[-. /]{0,3}|[2-9]\d\d[-./ ]{1,3})[2-9]\d\d[-. ]{1,3}\d{4}"
)
_LOCAL = re.compile(r"[2-9]\d\d-\d{4}")
_GROUPED, _LONG = re.compile(r"(?!\d{3}[- ]\d\d[- ]\d{4}$)\d{2,5}(?:[ -]\d{2,5}){1,4}"), 8
"""Groups as little else has them, once dates, thousands, money and social security are told apart."""
_NATIONAL = re.compile(r"(?:8 ?)?\( ?[\d-]{1,6} ?\)|0 ?[1-9]")
"""An area code in parentheses, or the 0 before it."""


def find(view: View) -> Iterator[Finding]:
    """Each telephone number in the text."""
    for tried, match in enumerate(_CANDIDATE.finditer(view.text)):
        before = view.text[max(0, match.start() - 45) : match.start()]
        if tried >= MOST or _is_phone(match[0].strip(), before):
            yield view.finding(Kind.PHONE, match.start(), match.end())


def _is_phone(written: str, before: str) -> bool:
    if ")" not in written:
        written = written.lstrip("( ")
    if written.lstrip("( ").startswith(("+", "00")):
        return _is_international(written)
    if _DATE.fullmatch(written) or _MONEY.search(before):
        return False
    if _NORTH_AMERICAN.fullmatch(written) or _LOCAL.fullmatch(written):
        return True
    said = bool(_SAID.search(before))
    if _THOUSANDS.fullmatch(written) and not said:
        return False
    grouped = _GROUPED.fullmatch(written) and len(re.sub(r"\D", "", written)) >= _LONG
    return bool(said or grouped or _NATIONAL.match(written)) and _is_national(written)


def _is_international(written: str) -> bool:
    """Digits enough behind a plus; behind 00, a number that the plan of a country has."""
    digits = re.sub(r"\D", "", written)
    if "+" in written:
        return 7 <= len(digits) <= 17
    return _is_possible(f"+{digits[2:]}", None)


def _is_national(written: str) -> bool:
    return any(_is_possible(written, region, valid=True) for region in REGIONS)


def _is_possible(written: str, region: str | None, *, valid: bool = False) -> bool:
    # Loaded where personal data is looked for at all.
    import phonenumbers

    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return False
    check = phonenumbers.is_valid_number if valid else phonenumbers.is_possible_number
    return check(number)
