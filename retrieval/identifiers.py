"""Identifiers: accounts, phones, e-mails, IPs, CVEs, hashes and file numbers, each as one exact term.

A term is `=` and the identifier in one writing, so that questions find it however it is spaced, cased or
punctuated. What the writings of one identifier share is its letters and digits in order; and, but for numbers
that people group as they like (accounts, phones, hashes), where digits and letters are parted. Two terms of one
identifier are given where a text leaves open which is meant. It depends on the text alone.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address

from retrieval.iban import LENGTHS, mod97
from retrieval.languages import STOP_WORDS
from retrieval.literals import literals
from retrieval.types import EntityKind

MARK = "="
"""Begins each such term; no word does."""
_LEAST, _MOST = 7, 34
"""Digits of a number that may be grouped freely: those of a local phone, and the most of an account."""
_SHORTEST_ACCOUNT, _LONGEST_ACCOUNT = 14, 34
_LEAST_OF_CODE = 5
"""Letters and digits."""
_DIGESTS = (128, 96, 64, 40, 32)

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("\n\t", " "))
_DOT = re.compile(r"\s?[\[({]\s?(?:dot|\.)\s?[\])}]\s?", re.I)
_AT = re.compile(r"\s?[\[({]\s?(?:at|@)\s?[\])}]\s?", re.I)
_TRUNK = re.compile(r"(?<=\d) ?\(0\) ?")
"""The 0 that is dialled only within the country, as in +49 (0)30."""
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
_IBAN = re.compile(r"(?<!\w)[a-z]{2}\d{2}(?:[ -]?[a-z0-9]){10,40}(?!\w)", re.I)
_HEX = "[a-f0-9]"
_WHOLE = "|".join(f"{_HEX}{{{size}}}" for size in _DIGESTS)
_GROUPED = "|".join(
    f"{_HEX}{{{by}}}(?:[ :-]{_HEX}{{{by}}}){{{size // by - 1}}}"
    for size in _DIGESTS
    for by in (2, 4, 8)
)
_HASH = re.compile(
    rf"(?<!\w)(?:{_WHOLE}|{_GROUPED}|{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}})(?!\w)", re.I
)
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-f:.]*:[0-9a-f]*:)[0-9a-f:.]{3,45}(?![\w:])", re.I)
_CONTAINER = re.compile(r"(?<!\w)[a-z]{3}[ujz] ?\d{6}-?\d(?!\w)", re.I)
_NUMBER = re.compile(r"(?<![\w.,:/-])\+?\(?\d+(?:(?: ?[/()-]{1,2} ?| |\.)\d+)*(?!\w|[.,:]\d)")
_TOKEN = re.compile(r"(?<![^\W_])(?=[^\s\d]*\d)[^\W_]+(?:[-/._:#][^\W_]+)*")
_SPACED = re.compile(
    r"(?<![^\W_])(?P<code>[a-z]{1,5})\.?(?: (?:no|nr)\.?:?)?(?: ?\d+(?:[ /-]\d+)+| \d{4,})(?!\w)",
    re.I,
)
_NO = re.compile(r"\.?(?: (?:no|nr)\.?:?)(?= ?\d)|\.(?= ?\d)", re.I)
_AFTER_DIGITS = re.compile(r"[\d)] ?$")
_RUNS = re.compile(r"[^\W\d_]+|\d+")
_YEAR = re.compile(r"(?<!\d)(?:1\d|20)\d\d(?!\d)")
_BESIDE_YEAR = re.compile(rf"^{_YEAR.pattern} (?=\d{{5}})|(?<=\d{{5}}) {_YEAR.pattern}$")
_HINT = re.compile(r"@|::|(?:[\da-f]{1,4}:){3}|[\da-f]{32}|[\[({]\s?at|(?:\d\D{0,20}){3}", re.I)
_QUANTITY = re.compile(r"\d+-?[^\W\d_]+")


def identifiers(text: str) -> set[str]:
    """The terms of all identifiers in `text`."""
    if not _HINT.search(_YEAR.sub("00", text)):
        return set()
    found: set[str] = set()
    rest = unicodedata.normalize("NFKC", text).translate(_DASHES)
    rest = _AT.sub("@", _DOT.sub(".", rest))
    for pattern, key in _FORMS:
        rest = _taken(rest, pattern, key, found)
    rest = _cued(rest, found)
    found.update(_numbers(_TRUNK.sub(" ", rest)))
    found.update(_codes(rest))
    return {MARK + one for one in found}


def _taken(
    text: str, pattern: re.Pattern[str], key: Callable[[str], str | None], found: set[str]
) -> str:
    """The text without what `key` says is an identifier; line ends stand there, which none may span."""

    def without(match: re.Match[str]) -> str:
        canonical = key(match[0])
        if canonical is None:
            return match[0]
        found.add(canonical)
        taken = _extent(match[0], canonical)
        return "\n" * taken + match[0][taken:]

    return pattern.sub(without, text)


def _extent(written: str, canonical: str) -> int:
    """Where an account ends in a match that may go on behind it; any other is all of its match."""
    signs = [place for place, char in enumerate(written) if char.isalnum()]
    length = len(canonical)
    shorter = canonical.isalnum() and length < len(signs)
    return signs[length - 1] + 1 if shorter else len(written)


def _email(written: str) -> str:
    return written.casefold()


def _account(written: str) -> str | None:
    """An IBAN by its country's length; one of no known country by its shape, in groups as they are written."""
    compact = re.sub(r"[ -]", "", written).casefold()
    length = LENGTHS.get(compact[:2].upper())
    if length is not None and len(compact) >= length and _ends(written, length):
        return compact[:length] if _is_account(compact[:length]) else None
    groups = re.split(r"[ -]", written)
    if len(groups) > 1 and not _fours(groups):
        return None
    fits = _SHORTEST_ACCOUNT <= len(compact) <= _LONGEST_ACCOUNT
    return compact if fits and _mostly_digits(compact) else None


def _fours(groups: Sequence[str]) -> bool:
    """Whether it is grouped as accounts are, and no prose: but for the bank's, each group has a digit."""
    whole = all(len(group) == 4 for group in groups[:-1]) and len(groups[-1]) <= 4
    return whole and all(any(map(str.isdigit, group)) for group in groups[2:])


def _is_account(compact: str) -> bool:
    return mod97(compact) or _mostly_digits(compact)


def _mostly_digits(compact: str) -> bool:
    return 2 * sum(map(str.isdigit, compact)) >= len(compact)


def _ends(written: str, length: int) -> bool:
    """Whether a group ends with this many characters."""
    places = [place for place, char in enumerate(written) if char.isalnum()]
    return len(places) == length or not written[places[length - 1] + 1].isalnum()


def _digest(written: str) -> str | None:
    compact = re.sub(r"\W", "", written).casefold()
    return None if compact.isdigit() or compact.isalpha() else compact


def _ipv4(written: str) -> str | None:
    """Octets with leading zeros are decimal, as people mean them."""
    octets = [int(octet) for octet in written.split(".")]
    return ".".join(map(str, octets)) if max(octets) < 256 else None


def _ipv6(written: str) -> str | None:
    for end in (written, written.rstrip(".:")):
        try:
            return ip_address(end).compressed if end.count(":") > 1 else None
        except ValueError:
            continue
    return None


def _container(written: str) -> str:
    return "-".join(_runs(re.sub(r"\W", "", written)))


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], str | None]], ...] = (
    (_EMAIL, _email),
    (_IPV6, _ipv6),
    (_HASH, _digest),
    (_IPV4, _ipv4),
    (_IBAN, _account),
    (_CONTAINER, _container),
)


def _cued(text: str, found: set[str]) -> str:
    """Adds what the words beside it say is an identifier, and gives the text without dates and amounts."""
    kept = list(text)
    for one in literals(text):
        if one.kind in (EntityKind.DATE, EntityKind.AMOUNT):
            kept[one.start : one.end] = "\n" * (one.end - one.start)
        elif one.kind is EntityKind.ACCOUNT:
            found.add(re.sub(r"[\W_]", "", one.key))
        elif one.kind is EntityKind.PHONE and not _AFTER_DIGITS.search(text, 0, one.start):
            found.add(one.key)
        elif one.kind is EntityKind.IDENTIFIER and _telling(groups := _runs(one.key)):
            found.add("-".join(groups))
    return "".join(kept)


def _numbers(text: str) -> Iterator[str]:
    """Numbers by their digits, and those in tight groups also group by group."""
    for match in _NUMBER.finditer(text):
        written = _BESIDE_YEAR.sub("", match[0])
        groups = _runs(written)
        digits = "".join(groups)
        free = "/" not in written or written.lstrip("(").startswith(("+", "0"))
        if _years(groups):
            continue
        if free and _LEAST <= len(digits) <= _MOST:
            yield from _number(written, digits)
        if re.fullmatch(r"\d+(?:[/-]\d+)+", written) and len(digits) >= _LEAST_OF_CODE:
            yield "-".join(groups)


def _number(written: str, digits: str) -> Iterator[str]:
    yield digits
    if written.startswith("+"):
        yield "+" + digits
    elif re.match(r"00[1-9]\d", digits):
        yield "+" + digits[2:]


def _codes(text: str) -> Iterator[str]:
    """Numbers with letters: their runs of letters and of digits."""
    for match in _TOKEN.finditer(text):
        groups = _runs(match[0])
        if _telling(groups) and _is_code(match[0], groups):
            yield "-".join(groups)
    for match in _SPACED.finditer(text):
        groups = _runs(_NO.sub(" ", match[0]))
        if match["code"].casefold() not in STOP_WORDS and _telling(groups):
            yield "-".join(groups)


def _is_code(written: str, groups: Sequence[str]) -> bool:
    long = sum(map(len, groups)) >= _LEAST_OF_CODE
    return long and any(map(str.isalpha, groups)) and not _QUANTITY.fullmatch(written)


def _telling(groups: Sequence[str]) -> bool:
    """Whether it has digits enough, and not just those of a year."""
    numbers = [group for group in groups if group.isdigit()]
    return sum(map(len, numbers)) > 2 and not (len(numbers) == 1 and _YEAR.fullmatch(numbers[0]))


def _years(groups: Sequence[str]) -> bool:
    """Whether these are years and nothing else, such as 1990-2000 or 2019/20."""
    first, *others = groups
    short = len(others) == 1 and len(others[0]) == 2
    return bool(_YEAR.fullmatch(first)) and (
        short or all(_YEAR.fullmatch(other) for other in others)
    )


def _runs(written: str) -> list[str]:
    return _RUNS.findall(written.casefold())
