"""The figures of a text: numbers, units, dates, times and identifiers, whatever their spelling."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a text states as figures, and `words`, the text with all of them blanked."""

    quantities: frozenset[str]
    dates: tuple["Date", ...]
    identifiers: tuple[str, ...]
    offers: frozenset[str]
    """All that the text can meet a quantity with: also the parts of dates and of identifiers."""
    text: str
    words: str

    def __bool__(self) -> bool:
        return bool(self.quantities or self.dates or self.identifiers)

    def hold(self, claim: "Figures") -> bool:
        """Whether each figure of the claim stands in this text."""
        return (
            claim.quantities <= self.offers
            and all(any(own.meets(date, self.offers) for own in self.dates) for date in claim.dates)
            and all(_written(identifier, self.text) for identifier in claim.identifiers)
        )


def read(text: str) -> Figures:
    """The figures of a text that `support.plain` has made plain."""
    remaining = _Blanked(text)
    dates = tuple(_dates(remaining))
    times = frozenset(_times(remaining))
    identifiers = tuple(_identifiers(remaining))
    quantities = times | frozenset(_quantities(remaining))
    return Figures(
        quantities=quantities,
        dates=dates,
        identifiers=identifiers,
        offers=quantities | _parts(dates) | _loose_numbers(text),
        text=text,
        words=remaining.text,
    )


class _Blanked:
    """A text from which what has been read is blanked, so that no digit is read twice."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        matches = list(pattern.finditer(self.text))
        self.text = pattern.sub(lambda match: " " * len(match[0]), self.text)
        yield from matches


_MONTHS = "January February March April May June July August September October November December"
_MONTH_NUMBERS = {
    name[:length].upper(): number
    for number, name in enumerate(_MONTHS.split(), 1)
    for length in (3, len(name))
} | {"SEPT": 9}
_MONTH = "(?P<month>" + "|".join(
    form
    for name in sorted(_MONTH_NUMBERS, key=len, reverse=True)
    for form in (name.title(), name)
) + r")\b\.?"  # fmt: skip
_DATE_FORMS = (
    re.compile(r"\b(?P<year>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<![\d./])(?P<a>\d{1,2})([./])(?P<b>\d{1,2})\2(?P<year>\d{4}|\d{2})(?![./]?\d)"),
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)?[ -]?{_MONTH}(?:[ ,-]{{1,2}}(?P<year>\d{{4}}))?\b"
    ),
    re.compile(rf"\b{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,? (?P<year>\d{{4}}))?\b"),
    re.compile(rf"\b{_MONTH},? (?P<year>\d{{4}})\b"),
    # A month by itself: "May" is also a verb and "March" a walk, so it wants a preposition.
    re.compile(rf"\b(?:in|of|by|since|until|during) (?:early |late |mid-)?{_MONTH}"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """A date as far as it is given; 04/05/2024 has two readings of day and month."""

    year: int | None
    readings: frozenset[tuple[int | None, int | None]]

    def meets(self, other: "Date", years: frozenset[str]) -> bool:
        """Whether this one, of a premise, says at least what `other`, of a claim, says."""
        if other.year not in (None, self.year) and (
            self.year is not None or f"n:{other.year}" not in years
        ):
            return False
        return any(
            month == m and day in (None, d)
            for month, day in other.readings
            for m, d in self.readings
        )


def _dates(text: _Blanked) -> Iterator[Date]:
    for form in _DATE_FORMS:
        for match in text.take(form):
            found = match.groupdict()
            year = int(found["year"]) if found.get("year") else None
            if year is not None and year < 100:
                year += 2000
            yield Date(year=year, readings=_day_and_month(found))


def _day_and_month(found: dict[str, str | None]) -> frozenset[tuple[int | None, int | None]]:
    if found.get("a"):
        a, b = int(found["a"] or 0), int(found["b"] or 0)
        return frozenset((m, d) for m, d in ((b, a), (a, b)) if m <= 12 and d <= 31)
    name = found.get("month")
    month = _MONTH_NUMBERS[name.upper()] if name else int(found["m"] or 0)
    day = found.get("d")
    return frozenset([(month, int(day) if day else None)])


def _parts(dates: tuple[Date, ...]) -> frozenset[str]:
    """Years and days, which a claim may give as bare numbers."""
    days = {day for date in dates for _, day in date.readings}
    years = {date.year for date in dates}
    return frozenset(f"n:{number}" for number in (days | years) - {None})


_TIME = re.compile(
    r"\b(?P<h>[01]?\d|2[0-3]):(?P<min>[0-5]\d)(?::[0-5]\d)?(?: ?(?P<half>[ap])\.?m\b\.?|Z\b)?"
    r"|\b(?P<h2>[01]\d|2[0-3])(?P<min2>[0-5]\d)(?= ?(?:hrs|hours|h\b|Z\b|UTC))(?: ?(?:hrs|hours|h\b|Z\b))?"
    r"|\b(?P<h3>1?\d)(?:\.(?P<min3>[0-5]\d))? ?(?P<half3>[ap])\.?m\b\.?",
    re.IGNORECASE,
)


def _times(text: _Blanked) -> Iterator[str]:
    for match in text.take(_TIME):
        hour = int(match["h"] or match["h2"] or match["h3"])
        half = (match["half"] or match["half3"] or "").lower()
        hour = hour % 12 + 12 * (half == "p") if half else hour
        yield f"t:{hour:02}:{match['min'] or match['min2'] or match['min3'] or '00'}"


_UNITS = {
    form: name
    for name, forms in {
        "usd": "$ us$ usd dollar dollars", "eur": "€ eur euro euros", "gbp": "£ gbp pound pounds",
        "chf": "chf", "aed": "aed", "rub": "rub", "try": "try", "cny": "cny", "jpy": "jpy ¥",
        "sgd": "sgd", "nok": "nok", "sek": "sek", "dkk": "dkk", "pln": "pln", "pct": "% percent",
        "kg": "kg kilogram kilograms kilogramme kilogrammes kilo kilos", "lb": "lb lbs",
        "t": "t tonne tonnes ton tons mt", "teu": "teu", "l": "l litre litres liter liters",
        "bbl": "bbl barrel barrels", "m": "m metre metres meter meters", "mi": "mile miles",
        "km": "km kilometre kilometres kilometer kilometers", "nm": "nm nmi", "kn": "kn knot knots",
        "ft": "ft foot feet", "s": "seconds", "min": "min minute minutes", "h": "h hr hrs hour hours",
        "d": "day days", "wk": "week weeks", "mo": "month months", "y": "year years",
    }.items()
    for form in forms.split()
}  # fmt: skip
_MAGNITUDES = {"hundred": 10**2, "thousand": 10**3, "k": 10**3, "million": 10**6, "m": 10**6,
               "mn": 10**6, "billion": 10**9, "bn": 10**9}  # fmt: skip
_CODE = "(?-i:USD|EUR|GBP|CHF|AED|RUB|TRY|CNY|JPY|SGD|NOK|SEK|DKK|PLN)"
_UNIT = "|".join(re.escape(form) for form in sorted(_UNITS, key=len, reverse=True))
_NUMBER_WORDS = {
    word: value
    for value, word in enumerate(
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
        fifteen sixteen seventeen eighteen nineteen""".split()
    )
} | dict(
    zip(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(),
        range(20, 100, 10),
        strict=True,
    )
)
_NUMBER_WORDS |= {"dozen": 12}
WORD_NUMBERS = frozenset(_NUMBER_WORDS) | frozenset(["hundred", "thousand", "million", "billion"])
_WRITTEN = "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True))
_QUANTITY = re.compile(
    rf"(?:(?<![A-Za-z])(?P<before>US\$|[$€£¥]|{_CODE}(?= ?\d)) ?)?"
    r"(?:(?<![\w.])(?P<digits>\d{1,3}(?:[, ']\d{3})+(?:\.\d+)?(?!\d)|\d{1,3}(?:\.\d{3})+(?:,\d+|(?=\.\d{3}))?(?!\d)"
    rf"|\d+(?:\.\d+)?)|\b(?P<tens>{_WRITTEN})(?:[ -](?P<ones>{_WRITTEN}))?\b)"
    r"(?:[ -]?(?P<magnitude>hundred|thousand|million|billion|bn|mn|[km](?= ?(?:USD|EUR|GBP|dollars|euros))|k)\b)?"
    rf"(?:[ -]?(?:nautical )?(?P<after>{_UNIT}|per cent)(?![A-Za-z]))?",
    re.IGNORECASE,
)
_RATE = re.compile(r"\b(?:a|an|per|each|every) (day|week|month|year|hour|minute|tonne|barrel)\b")
_EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")


def _quantities(text: _Blanked) -> Iterator[str]:
    for match in text.take(_QUANTITY):
        # "one of the crew" counts nothing; who claims exactly one is held to the rest of the words.
        if match["tens"] is None or match["tens"].lower() != "one" or match["magnitude"]:
            yield f"n:{_value(match)}"
        for unit in (match["before"], match["after"]):
            if unit is not None:
                yield f"u:{_UNITS.get(unit.lower(), 'pct')}"
    for match in _RATE.finditer(text.text):
        yield f"u:{_UNITS[match[1]]}"


def _value(match: re.Match[str]) -> str:
    if match["digits"]:
        number = _decimal(match["digits"])
    else:
        ones = _NUMBER_WORDS[match["ones"].lower()] if match["ones"] else 0
        number = Decimal(_NUMBER_WORDS[match["tens"].lower()] + ones)
    number *= _MAGNITUDES.get((match["magnitude"] or "").lower(), 1)
    return f"{number.normalize():f}"


def _decimal(digits: str) -> Decimal:
    european = _EUROPEAN.fullmatch(digits) and ("," in digits or digits.count(".") > 1)
    plain_digits = digits.replace(".", "").replace(",", ".") if european else digits
    return Decimal(re.sub(r"[, ']", "", plain_digits))


def _loose_numbers(text: str) -> frozenset[str]:
    """Numbers that a premise offers though they are joined to something else in it."""
    ones = {"n:1"} if re.search(r"\b(?:one|single)\b", text, re.IGNORECASE) else set()
    return (
        frozenset(f"n:{int(d)}" for d in re.findall(r"(?<![\w.,])\d{1,18}(?![\w.,]*\d)", text))
        | ones
    )


_IDENTIFIER = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
    r"|\bhttps?://[^\s<>\"']+|\bwww\.[^\s<>\"']+"
    r"|\b[A-Z]{2}\d{2}(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4}\b)?"
    r"|\+\d[\d ()-]{6,18}\d|\b\d{1,3}(?:\.\d{1,3}){3}\b"
    r"|\b(?=[\w./-]{0,40}[A-Za-z])(?=[\w./-]{0,40}\d)(?!\d+(?:\.\d+)?(?:st|nd|rd|th|k|m|bn|mn|t|kg|km|nm|kn|ft|h|l|lb)\b)"
    r"\w+(?:[./-]\w+)*|\b\d+(?:[/-]\d+)+\b|\b\d{7,}\b(?![,.]\d)"
)


def _identifiers(text: _Blanked) -> Iterator[str]:
    for match in text.take(_IDENTIFIER):
        yield match[0].rstrip(".,;:!?)")


def _written(identifier: str, source: str) -> bool:
    """Whether the identifier stands in the source as whole words, however it is spaced."""
    words = re.findall(r"[^\W_]+", source.casefold())
    wanted = "".join(re.findall(r"[^\W_]+", identifier.casefold()))
    starts, position = {}, 0
    for word in words:
        starts[position] = True
        position += len(word)
    starts[position] = True
    joined, at = "".join(words), -1
    while (at := joined.find(wanted, at + 1)) >= 0:
        if at in starts and at + len(wanted) in starts:
            return True
    return False
