"""Ways to write a text so that a scan for the text itself would miss it, and to cut it in pieces.

They share no code with what has to see through them.
"""

import base64
import random
import string
from collections.abc import Callable, Mapping, Sequence

Disguise = Callable[[str, random.Random], str]


def _base64(text: str, _rng: random.Random) -> str:
    return base64.b64encode(text.encode()).decode()


def _urlsafe(text: str, _rng: random.Random) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _utf16(text: str, _rng: random.Random) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


def _wrapped(text: str, rng: random.Random) -> str:
    digits, width = _base64(text, rng), rng.choice([5, 8, 16, 64, 76])
    return "\n".join(digits[place : place + width] for place in range(0, len(digits), width))


def _sprinkled(signs: Sequence[str]) -> Disguise:
    """The base64 of the text with such signs here and there in it."""

    def disguise(text: str, rng: random.Random) -> str:
        digits = _base64(text, rng)
        return "".join(char + (rng.choice(signs) if rng.random() < 0.3 else "") for char in digits)

    return disguise


def _hex(text: str, rng: random.Random) -> str:
    digits = (
        text.encode().hex(rng.choice([" ", ":", "-", "_"]))
        if rng.random() < 0.5
        else text.encode().hex()
    )
    return digits.upper() if rng.random() < 0.5 else digits


def _escaped(text: str, _rng: random.Random) -> str:
    return "".join(f"\\x{octet:02x}" for octet in text.encode())


def _percent(text: str, rng: random.Random) -> str:
    return "".join(
        f"%{octet:02X}" if rng.random() < 0.8 else chr(octet)
        for octet in text.encode("ascii", "replace")
    )


def _entities(text: str, rng: random.Random) -> str:
    """Letters may stay: a sign or a digit that stays could end the entity before it."""
    ways = (
        lambda char: f"&#{ord(char)};",
        lambda char: f"&#x{ord(char):x};",
        lambda char: f"&#{ord(char):07d};",
    )
    return "".join(
        char if char.isalpha() and rng.random() < 0.2 else rng.choice(ways)(char) for char in text
    )


def _zero_width(text: str, rng: random.Random) -> str:
    return "".join(
        char + rng.choice(["", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad"]) for char in text
    )


def _combining(text: str, rng: random.Random) -> str:
    return "".join(
        char + (rng.choice("\u0301\u0336\u0323\u034f") if char.isalpha() else "") for char in text
    )


def _full_width(text: str, _rng: random.Random) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def _mathematical(text: str, rng: random.Random) -> str:
    first = rng.choice([0x1D400, 0x1D5D4, 0x1D670])
    letters = string.ascii_uppercase + string.ascii_lowercase
    return "".join(chr(first + letters.index(char)) if char in letters else char for char in text)


_TWINS = str.maketrans("AaBCcEeHIijKMNOoPpSsTXxyd", "АаВСсЕеНІіјКМΝОоРрЅѕТХхуԁ")


def _look_alike(text: str, rng: random.Random) -> str:
    return "".join(char.translate(_TWINS) if rng.random() < 0.7 else char for char in text)


def _tags(text: str, _rng: random.Random) -> str:
    return "".join(chr(0xE0000 + ord(char)) for char in text)


def _selectors(text: str, _rng: random.Random) -> str:
    return "".join(
        chr(0xFE00 + octet if octet < 16 else 0xE0100 + octet - 16) for octet in text.encode()
    )


DISGUISES: Mapping[str, Disguise] = {
    "base64": _base64,
    "base64 urlsafe, no padding": _urlsafe,
    "base64 of UTF-16": _utf16,
    "base64 over lines": _wrapped,
    "base64 with blanks": _sprinkled(" "),
    "base64 with zero-width": _sprinkled(["\u200b", "\u200c", "\u2060"]),
    "hex": _hex,
    "hex escapes": _escaped,
    "percent": _percent,
    "entities": _entities,
    "zero-width": _zero_width,
    "combining": _combining,
    "full width": _full_width,
    "mathematical": _mathematical,
    "look-alikes": _look_alike,
    "tag characters": _tags,
    "variation selectors": _selectors,
}
_OUTER = ("base64", "base64 urlsafe, no padding", "base64 over lines", "hex", "percent", "entities")


def nested(text: str, rng: random.Random) -> str:
    """Two disguises, one around the other."""
    inner = rng.choice(
        [name for name in DISGUISES if name not in ("tag characters", "variation selectors")]
    )
    disguised = DISGUISES[inner](text, rng)
    outer = rng.choice([name for name in _OUTER if disguised.isascii() or name != "percent"])
    return DISGUISES[outer](disguised, rng)


def cut(text: str, rng: random.Random, value: str) -> list[str]:
    """The text as two or three sentences, cut inside the value."""
    start = text.index(value)
    count = rng.choice([1, 1, 2])
    places = sorted(rng.sample(range(start + 1, start + len(value)), min(count, len(value) - 1)))
    ends = [*places, len(text)]
    return [text[left:right] for left, right in zip([0, *places], ends, strict=True)]
