"""Invented personal data and credentials in invented sentences, from a seed.

Written from the public formats of each issuer, and sharing no code with what has to recognise them.
"""

import hashlib
import random
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

UPPER, LOWER, DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
_ALNUM = string.ascii_letters + DIGITS
_WORDS = (
    "harbour crane ledger tide signal barge quay anchor pilot freight winter amber delta".split()
)
_PLAIN = (
    "The note on the desk said {} and nothing else.",
    "Under the keyboard lay a slip with {}.",
    "{} was written on the back of the card.",
    "He kept two things in the drawer: {} and a torch.",
    "She asked whether {} was still in use.",
    "Entry 14 of the register reads {}; the next one is empty.",
    "({})",
    "It is {}",
)
_SPOKEN = (
    "Call {} after nine.",
    "His telephone is {}.",
    "Tel. {}",
    "You can reach her on {} in the evening.",
    "The mobile {} was switched off at the quay.",
    "Fax: {}, attention of the clerk.",
    "He texted {} twice that night.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sentence and the one thing in it that must be found."""

    type: str
    text: str
    value: str


def samples(seed: int, each: int) -> Iterator[Sample]:
    """`each` sentences of every type."""
    for kind, make in MAKERS.items():
        rng = random.Random(f"{seed}:{kind}")
        templates = (*_PLAIN, *_SPOKEN) if kind == "phone" else _PLAIN
        for _ in range(each):
            value = make(rng)
            yield Sample(type=kind, text=rng.choice(templates).format(value), value=value)


def some(rng: random.Random, alphabet: str, count: int) -> str:
    """So many characters of the alphabet."""
    return "".join(rng.choices(alphabet, k=count))


# --- addresses -------------------------------------------------------------------------------


def email(rng: random.Random) -> str:
    first, last = rng.choice(_WORDS), rng.choice(_WORDS)
    local = rng.choice(
        [
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}+{last}",
            f"{first}_{last}{rng.randint(1, 99)}",
            first,
        ]
    )
    host = f"{rng.choice(_WORDS)}{rng.choice(['', '-line', '.mail', '24'])}"
    domain = rng.choice(["example", "com", "co.uk", "org", "io", "museum", "gov.au"])
    sign = rng.choice(["@"] * 8 + [" [at] ", "(at)"])
    written = f"{local}{sign}{host}.{domain}"
    return written.upper() if rng.random() < 0.1 else written


def ip_address(rng: random.Random) -> str:
    if rng.random() < 0.6:
        return ".".join(str(rng.randint(1, 254)) for _ in range(4))
    groups = [f"{rng.randint(1, 0xFFFF):x}" for _ in range(8)]
    shorter = f"{':'.join(groups[:2])}::{':'.join(groups[-rng.randint(1, 4) :])}"
    return rng.choice([":".join(groups), shorter, ":".join(groups).upper()])


# --- numbers with a check digit --------------------------------------------------------------

_NETWORKS = (
    ("4", 16, (4, 4, 4, 4)),
    ("4", 13, (4, 3, 3, 3)),
    ("51", 16, (4, 4, 4, 4)),
    ("55", 16, (4, 4, 4, 4)),
    ("2221", 16, (4, 4, 4, 4)),
    ("2720", 16, (4, 4, 4, 4)),
    ("34", 15, (4, 6, 5)),
    ("37", 15, (4, 6, 5)),
    ("6011", 16, (4, 4, 4, 4)),
    ("65", 16, (4, 4, 4, 4)),
    ("36", 14, (4, 6, 4)),
    ("3530", 16, (4, 4, 4, 4)),
    ("6212", 16, (4, 4, 4, 4)),
    ("6759", 16, (4, 4, 4, 4)),
)


def card(rng: random.Random) -> str:
    prefix, length, groups = rng.choice(_NETWORKS)
    body = prefix + some(rng, DIGITS, length - len(prefix) - 1)
    number = body + next(check for check in DIGITS if _mod10(body + check) == 0)
    sign = rng.choice(["", " ", "-", ".", "\u00a0", " - ", "/", "\u2011", "_", "\u2009"])
    return _grouped(number, groups, sign)


def _mod10(number: str) -> int:
    """The Luhn sum by its table: every second digit from the right, doubled, less 9 above 9."""
    table = "0246813579"
    turned = number[::-1]
    return (
        sum(int(d) if place % 2 == 0 else int(table[int(d)]) for place, d in enumerate(turned)) % 10
    )


def _grouped(text: str, sizes: tuple[int, ...], sign: str) -> str:
    pieces, position = [], 0
    for size in sizes:
        pieces.append(text[position : position + size])
        position += size
    return sign.join([*pieces, text[position:]]) if text[position:] else sign.join(pieces)


_ACCOUNTS: Mapping[str, str] = {
    "DE": "n18", "GB": "a4 n14", "FR": "n10 c11 n2", "NL": "a4 n10", "ES": "n20", "IT": "a1 n10 c12", "PL": "n24",
    "CH": "n5 c12", "NO": "n11", "SE": "n20", "BE": "n12", "PT": "n21", "LV": "a4 c13", "MT": "a4 n5 c18", "AE": "n19",
    "SA": "n2 c18", "IL": "n19", "TR": "n6 c16", "LT": "n16", "EE": "n16", "FI": "n14", "DK": "n14", "AT": "n16",
    "IE": "a4 n14", "GR": "n7 c16", "CZ": "n20", "LU": "n3 c13", "CY": "n8 c16", "RO": "a4 c16", "UA": "n6 c19",
}  # fmt: skip
"""The structure of the basic account number by country."""


def iban(rng: random.Random) -> str:
    country = rng.choice(list(_ACCOUNTS))
    alphabets = {"n": DIGITS, "a": UPPER, "c": UPPER + DIGITS}
    body = "".join(some(rng, alphabets[one[0]], int(one[1:])) for one in _ACCOUNTS[country].split())
    remainder = 0
    for char in f"{body}{country}00":
        value = char if char.isdigit() else str(ord(char) - 55)
        remainder = (remainder * 10 ** len(value) + int(value)) % 97
    whole = f"{country}{98 - remainder:02d}{body}"
    sign = rng.choice(["", "", " ", " ", "-", "\u00a0", "."])
    written = _grouped(whole, (4,) * (len(whole) // 4), sign)
    return written.lower() if rng.random() < 0.1 else written


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bitcoin(rng: random.Random) -> str:
    return _segwit(rng) if rng.random() < 0.4 else _base58(rng)


def _base58(rng: random.Random) -> str:
    payload = bytes([rng.choice([0, 5])]) + rng.randbytes(20)
    payload += hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    value, written = int.from_bytes(payload, "big"), ""
    while value:
        value, digit = divmod(value, 58)
        written = _BASE58[digit] + written
    return "1" * (len(payload) - len(payload.lstrip(b"\0"))) + written


def _segwit(rng: random.Random) -> str:
    bits = "".join(f"{octet:08b}" for octet in rng.randbytes(20))
    data = [0, *(int(bits[place : place + 5], 2) for place in range(0, 160, 5))]
    check = _polymod([3, 3, 0, 2, 3, *data, 0, 0, 0, 0, 0, 0]) ^ 1
    return "bc1" + "".join(
        _BECH32[value] for value in [*data, *((check >> 5 * (5 - i)) & 31 for i in range(6))]
    )


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if top >> place & 1 else 0
    return check


def ssn(rng: random.Random) -> str:
    area = rng.choice([n for n in range(1, 900) if n != 666])
    sign = rng.choice(["-", "-", " ", "."])
    return f"{area:03d}{sign}{rng.randint(1, 99):02d}{sign}{rng.randint(1, 9999):04d}"


# --- telephone numbers -----------------------------------------------------------------------

_PHONES = (
    # North America
    "(A) E-####", "A-E-####", "A.E.####", "A E ####", "+1 A E ####", "+1AE####", "1-A-E-####", "+1 (A) E-####",
    # Great Britain, Ireland
    "07911 1#####", "+44 7911 1#####", "+44 (0)7911 1#####", "079111#####", "020 7946 0###",
    "0 7 9 1 1 1 # # # # #", "(020) 7946 0###", "0044 20 7946 0###", "+44-20-7946-0###", "+353 86 12# ####",
    # Germany, Austria, Switzerland
    "030 9018##", "+49 30 9018##", "0171 12#####", "+49 (0)171 12#####", "0171/12#####", "+43 664 12#####",
    "079 12# ## ##",
    # France, Spain, Italy, the Netherlands, Belgium
    "06 12 ## ## ##", "+33 6 12 ## ## ##", "01.42.68.##.##", "+34 612 ### ###", "+39 333 12# ####", "06 12######",
    "+31 6 12######", "0470 12 ## ##",
    # the Nordic and Baltic countries, Poland
    "070-12# ## ##", "+46 70 12# ## ##", "+371 2911 ####", "+37129112###", "+370 612 #####", "+48 512 ### ###",
    # farther away
    "+91 98765 #####", "090-12##-####", "+81 90 12## ####", "0412 3## ###", "(02) 9374 4###", "(11) 912##-####",
    "+55 11 912##-####", "050 12# ####", "+971 50 12# ####", "+7 912 12#-##-##", "+86 138 12## ####", "+999 12 34# ###",
)  # fmt: skip
_AREAS = "201 212 213 303 305 312 404 415 503 512 617 702 713 808 917".split()


def phone(rng: random.Random) -> str:
    shape = rng.choice(_PHONES).replace("A", rng.choice(_AREAS))
    shape = shape.replace("E", f"{rng.randint(2, 9)}{rng.randint(2, 9)}{rng.randint(0, 9)}")
    return "".join(rng.choice(DIGITS) if char == "#" else char for char in shape)


# --- credentials -----------------------------------------------------------------------------


def _token(alphabet: str, low: int, high: int) -> Callable[[random.Random], str]:
    return lambda rng: some(rng, alphabet, rng.randint(low, high))


def _after(prefix: str, rest: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    return lambda rng: prefix + rest(rng)


def jwt(rng: random.Random) -> str:
    url = _ALNUM + "-_"
    return f"eyJhbGciOiJIUzI1NiJ9.eyJ{some(rng, url, 40)}.{some(rng, url, 43)}"


def pem(rng: random.Random) -> str:
    kind = rng.choice(["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{some(rng, _ALNUM + '+/', 64)}"


def password(rng: random.Random) -> str:
    name = rng.choice(
        [
            "password",
            "passwd",
            "pwd",
            "api_key",
            "apikey",
            "client_secret",
            "access_token",
            "DB_PASSWORD",
        ]
    )
    sign = rng.choice(["=", ": ", " = ", ":", '="'])
    alphabet = _ALNUM + rng.choice(["", "!#%*+-_"])
    value = some(rng, alphabet, rng.randint(14, 28)) + rng.choice(DIGITS) + rng.choice(LOWER)
    return f"{name}{sign}{value}"


def url_login(rng: random.Random) -> str:
    scheme = rng.choice(["https", "postgres", "ftp", "redis", "mongodb+srv"])
    return f"{scheme}://{rng.choice(_WORDS)}:{some(rng, _ALNUM, 12)}@{rng.choice(_WORDS)}.example/x"


SECRETS: Mapping[str, Callable[[random.Random], str]] = {
    "aws": _after("AKIA", _token(UPPER + DIGITS, 16, 16)),
    "github": _after("ghp_", _token(_ALNUM, 36, 36)),
    "gitlab": _after("glpat-", _token(_ALNUM, 20, 20)),
    "openai": _after("sk-proj-", _token(_ALNUM, 48, 64)),
    "anthropic": _after("sk-ant-api03-", _token(_ALNUM + "-_", 80, 95)),
    "slack": lambda rng: f"xoxb-{some(rng, DIGITS, 12)}-{some(rng, DIGITS, 12)}-{some(rng, _ALNUM, 24)}",
    "slack webhook": _after("hooks.slack.com/services/T0/B0/", _token(_ALNUM, 24, 24)),
    "stripe": lambda rng: f"{rng.choice(['sk', 'rk'])}_live_{some(rng, _ALNUM, 24)}",
    "google": _after("AIza", _token(_ALNUM + "-_", 35, 35)),
    "azure": lambda rng: f"AccountKey={some(rng, _ALNUM + '+/', 86)}==",
    "azure client": lambda rng: f"{some(rng, _ALNUM, 3)}8Q~{some(rng, _ALNUM, 34)}",
    "npm": _after("npm_", _token(_ALNUM, 36, 36)),
    "sendgrid": lambda rng: f"SG.{some(rng, _ALNUM, 22)}.{some(rng, _ALNUM, 43)}",
    "jwt": jwt,
    "pem": pem,
    "bearer": _after("Authorization: Bearer ", _token(_ALNUM, 32, 48)),
    "password": password,
    "url login": url_login,
}  # fmt: skip
CHECKSUMMED = ("iban", "bitcoin")
"""Besides the card, whose goal is its own."""
PERSONAL: Mapping[str, Callable[[random.Random], str]] = {
    "email": email,
    "ip_address": ip_address,
    "ssn": ssn,
    "card": card,
    "iban": iban,
    "bitcoin": bitcoin,
    "phone": phone,
}
MAKERS = {**PERSONAL, **{f"secret {name}": make for name, make in SECRETS.items()}}
