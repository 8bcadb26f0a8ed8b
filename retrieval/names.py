"""Proper names: how they are compared, and how they are found in running text."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from retrieval.lexicon import (
    AGENT_VERBS,
    COMPOUND_FIRST,
    COUNTRIES,
    DEMONYMS,
    LEGAL,
    MODIFIERS,
    NOBLE,
    NOT_NAMES,
    OFFICES,
    ORDINARY,
    ORGANISATION_FIRST,
    ORGANISATION_LAST,
    PARTICLES,
    PLACE_FIRST,
    PLACE_LAST,
    ROLES,
    SPEECH_VERBS,
    TITLES,
    VESSEL_NOUNS,
    VESSEL_PREFIXES,
)
from retrieval.terms import RUN
from retrieval.types import EntityKind, Mention, Span

_LONGEST = 10
"""Words in a name; a longer run of capitals is a heading or a list."""
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}
)
_APOSTROPHES = re.compile(r"['’‘`´.]")
_NOT_WORD = re.compile(r"[\W_]+")
_PIECE = re.compile(r"[^\W_]+")
_TOKEN = re.compile(
    r"[MSFmsf]/[VTSYvtsy]\b|A/S\b|"
    r"(?i:mr|mrs|ms|dr|prof|st|capt|cpt|col|lt|sgt|cmdr|maj|gen|adm|rev|sen|gov|sr|jr|co|inc|ltd|corp)\.|"
    r"(?:[^\W\d_]\.){2,}|[^\W\d_]\.(?=\s?[^\W\d_])|[^\W_]+(?:[-’'][^\W_]+)*|&|\S"
)
_POSSESSIVE = re.compile(r"['’]s$")
_NO_NAMES = NOT_NAMES | ORDINARY | DEMONYMS
_SMALL = PARTICLES | {"the"}
_JOINS = PARTICLES | {"&"}
_JOINS_IN_INSTITUTIONS = _JOINS | {"and"}
_RANKS = OFFICES | NOBLE
_FORMS_OF_ADDRESS = TITLES | _RANKS
_LAST = ORGANISATION_LAST | PLACE_LAST
_BEFORE_TIMES = frozenset(
    "in on of by since until from last next early late mid before after".split()
)
_BEFORE_FIRST = " \t\r\n\"“'‘«*_"
_JOINED = frozenset(" \u00a0")


class _Token(NamedTuple):
    """One word: as written, compared, where, and whether it begins with a capital."""

    text: str
    plain: str
    start: int
    end: int
    capital: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A name that was found; a weak one counts only where the text names it elsewhere too."""

    mention: Mention
    weak: bool


def normalise(name: str) -> str:
    """The form in which two writings of one name are equal, "" where nothing is left to compare.

    Case, accents, punctuation, a leading article, forms of address, ship prefixes and legal forms go.
    """
    short = len(name) < 2 * RUN - 1 or len(_PIECE.findall(name)) < RUN
    return _normalised(name) if short else _normalised.__wrapped__(name)


@lru_cache(maxsize=50_000)
def _normalised(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.casefold()).translate(_LETTERS)
    bare = "".join(c for c in folded if not unicodedata.combining(c))
    words = bare.replace(". ", " ").replace("m/v", "mv").replace("m/t", "mt").replace("a/s", "as")
    return " ".join(_core(_initials(_NOT_WORD.sub(" ", _APOSTROPHES.sub("", words)).split())))


def _initials(words: list[str]) -> list[str]:
    """Adjacent single letters are one word: "J. R.", "J.R." and "JR" are written alike."""
    joined: list[str] = []
    single = False
    for word in words:
        if single and len(word) == 1 and word.isalpha():
            joined[-1] += word
        else:
            joined.append(word)
            single = len(word) == 1 and word.isalpha()
    return joined


def _core(words: list[str]) -> list[str]:
    start, end = 0, len(words)
    while start < end - 1 and (words[start] in TITLES or words[start] in _DROPPED_FIRST):
        start += 1
    while end > start + 1 and words[end - 1] in LEGAL:
        end -= 1
    return words[start:end]


_DROPPED_FIRST = frozenset(["the", *(p for p in VESSEL_PREFIXES if "/" not in p)])


def names(text: str, sentence: Span) -> Iterator[Candidate]:
    """The proper names of one sentence, left to right."""
    tokens = _tokens(text, sentence)
    if _shouts(tokens):
        return
    heading = text.startswith("#", sentence.start)
    index = 0
    while index < len(tokens):
        if not _may_begin(tokens, index):
            index += 1
            continue
        stop = _run_end(text, tokens, index)
        found = _candidate(text, tokens, index, stop, heading)
        if found is not None:
            yield found
        index = max(stop, index + 1)


def _tokens(text: str, sentence: Span) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text, sentence.start, sentence.end):
        word = match.group()
        tokens.append(_Token(word, word.casefold().rstrip("."), *match.span(), word[0].isupper()))
    return tokens


def _shouts(tokens: list[_Token]) -> bool:
    """A heading in capitals: nothing in it can be told from a name."""
    words = [token.text for token in tokens if token.text[0].isalpha() and len(token.text) > 1]
    return len(words) > 1 and sum(word.isupper() for word in words) > 0.7 * len(words)


def _opens(tokens: list[_Token], index: int) -> bool:
    """Whether a capital here says nothing: the start of a sentence, an item, a quotation."""
    while index > 0 and not tokens[index - 1].text[0].isalpha():
        index -= 1
        if tokens[index].text in ",;)/-–—&'’":
            return False
    return index == 0


def _may_begin(tokens: list[_Token], index: int) -> bool:
    token = tokens[index]
    if not token.capital:
        return _arabic(token)
    if token.plain in NOT_NAMES and not token.text.isupper() and _is_time(tokens, index):
        return False
    if token.plain in _SMALL and not _opens(tokens, index):
        return token.plain not in ("the", "of", "for", "e", "y") and _adjacent(tokens, index)
    return not (token.plain in ORDINARY and _opens(tokens, index))


def _is_time(tokens: list[_Token], index: int) -> bool:
    """A weekday or month, and not the given name May, June or April."""
    before = tokens[index - 1].plain if index else ""
    return tokens[index].plain not in ("april", "may", "june") or before in _BEFORE_TIMES


def _arabic(token: _Token) -> bool:
    return token.text.startswith(("al-", "el-")) and token.text[3:4].isupper()


def _adjacent(tokens: list[_Token], index: int) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].capital


def _run_end(text: str, tokens: list[_Token], start: int) -> int:
    """One past the last token of the name that begins at `start`."""
    stop = start + 1
    institution = tokens[start].plain in COMPOUND_FIRST
    while stop < len(tokens) and stop - start < _LONGEST:
        if _breaks(text, tokens, stop):
            break
        if _extends(tokens[stop]):
            stop += 1
            continue
        bridge = _bridge(text, tokens, stop, institution)
        if not bridge:
            break
        stop = bridge
    return stop


def _breaks(text: str, tokens: list[_Token], stop: int) -> bool:
    """Whether something between this token and the one before ends the name."""
    before, token = tokens[stop - 1], tokens[stop]
    gap = text[before.end : token.start]
    if token.text == "," and _legal_after(tokens, stop):
        return False
    if (
        stop > 1
        and _is_legal(before)
        and (tokens[stop - 2].capital or tokens[stop - 2].text in ",&")
    ):
        return not (_is_legal(token) or token.text == "&")
    if _POSSESSIVE.search(before.text):
        return token.plain not in _LAST or not token.capital
    return len(gap) > 1 or (gap not in _JOINED and gap != "" and gap != "\n")


def _legal_after(tokens: list[_Token], comma: int) -> bool:
    return comma + 1 < len(tokens) and _is_legal(tokens[comma + 1]) and tokens[comma + 1].capital


def _is_legal(token: _Token) -> bool:
    return token.plain.replace(".", "").replace("/", "") in LEGAL


def _extends(token: _Token) -> bool:
    if token.capital or _arabic(token):
        return token.plain not in NOT_NAMES or token.text.isupper()
    return (token.text.isdigit() and len(token.text) <= 3) or (
        _is_legal(token) and "." in token.text
    )


def _bridge(text: str, tokens: list[_Token], stop: int, institution: bool) -> int:
    """One past the capitalised word that particles at `stop` lead to, or 0."""
    at = stop
    if tokens[at].text == ",":
        return at + 2 if _legal_after(tokens, at) else 0
    joins = _JOINS_IN_INSTITUTIONS if institution else _JOINS
    while (
        at < len(tokens)
        and at - stop < 3
        and tokens[at].plain in joins
        and not _breaks(text, tokens, at)
    ):
        at += 1
    lands = stop < at < len(tokens) and tokens[at].capital and not _breaks(text, tokens, at)
    return at + 1 if lands and tokens[at].plain not in NOT_NAMES else 0


def _candidate(
    text: str, tokens: list[_Token], start: int, stop: int, heading: bool
) -> Candidate | None:
    opening = _opens(tokens, start)
    first, titled = _skip_titles(tokens, start, stop, opening)
    if first >= stop:
        return None
    words = tokens[first:stop]
    end = words[-1].end - (2 if _POSSESSIVE.search(words[-1].text) else 0)
    if words[-1].text.endswith(".") and not _keeps_dot(words[-1]):
        end -= 1
    surface = text[words[0].start : end]
    key = normalise(surface)
    if not _is_name(words, key):
        return None
    kind = _kind(tokens, first, stop, titled)
    defined = not text[: words[0].start].strip(_BEFORE_FIRST) and _is_defined(tokens, stop)
    unsure = opening and first == start and not defined and _weak(tokens, start, stop)
    weak = kind is EntityKind.NAME and (heading or unsure)
    mention = Mention(kind=kind, key=key, surface=surface, start=words[0].start, end=end)
    return Candidate(mention=mention, weak=weak)


def _keeps_dot(token: _Token) -> bool:
    return token.text.count(".") > 1


def _skip_titles(tokens: list[_Token], start: int, stop: int, opening: bool) -> tuple[int, bool]:
    """Where the name itself begins, and whether a form of address or an office stands before it."""
    first, titled = start, False
    while first < stop:
        plain, left = tokens[first].plain, stop - first
        after = tokens[first + 1].plain if left > 1 else ""
        if after == "of" and left > 2 and plain in _RANKS:
            first, titled = first + 2, False  # "King of Italy" names Italy
        elif _is_title(tokens, first, stop):
            first, titled = first + 1, True
        elif left > 1 and (plain in ("the", "of") or (opening and _ordinary(plain))):
            first += 1
        else:
            break
    return first, titled


def _is_title(tokens: list[_Token], first: int, stop: int) -> bool:
    plain = tokens[first].plain
    if plain in TITLES:
        return tokens[first].text not in ("MS", "COL")
    if plain not in OFFICES or stop - first < 2 or _organisation(tokens[first:stop]):
        return False
    return plain not in MODIFIERS or tokens[first + 1].plain in OFFICES


def _ordinary(plain: str) -> bool:
    return plain in ORDINARY or plain in NOT_NAMES or (plain.endswith("ly") and len(plain) > 5)


def _is_name(words: list[_Token], key: str) -> bool:
    if not key or not any(c.isalpha() for c in key):
        return False
    if len(words) > 1:
        return not all(word.plain in _NO_NAMES for word in words)
    plain = _POSSESSIVE.sub("", words[0].plain)
    if plain in NOT_NAMES or plain in DEMONYMS or plain in ORDINARY or plain in _FORMS_OF_ADDRESS:
        return False
    if plain.split("-")[0] in DEMONYMS and words[0].text.rpartition("-")[2].islower():
        return False
    return len(plain) > 2 or (plain.isalpha() and len(plain) > 1)


def _is_defined(tokens: list[_Token], stop: int) -> bool:
    """Whether the text's first word is what the text is about: "Nandhi is a film"."""
    after = [token.plain for token in tokens[stop : stop + 2]]
    return after[:1] == ["("] or (
        after[:1] in (["is"], ["was"]) and after[1:] in (["a"], ["an"], ["the"])
    )


def _weak(tokens: list[_Token], start: int, stop: int) -> bool:
    """A capital that the sentence's start explains, unless what follows speaks for a name."""
    if stop - start > 1:
        return False
    token = tokens[start]
    if token.text.isupper() and len(token.text) > 2:
        return False
    following = tokens[stop].plain if stop < len(tokens) else ""
    named = following in AGENT_VERBS and not token.plain.endswith(("s", "ing", "tion", "ment"))
    return not (named or _POSSESSIVE.search(token.text))


def _kind(tokens: list[_Token], first: int, stop: int, titled: bool) -> EntityKind:
    words = tokens[first:stop]
    plain = [_POSSESSIVE.sub("", word.plain) for word in words]
    before = tokens[first - 1].plain if first else ""
    if words[0].text.upper() == words[0].text and plain[0] in VESSEL_PREFIXES and len(words) > 1:
        return EntityKind.VESSEL
    if titled:
        return EntityKind.PERSON
    if _organisation(words):
        return EntityKind.ORGANISATION
    if before in VESSEL_NOUNS:
        return EntityKind.VESSEL
    if _place(plain):
        return EntityKind.PLACE
    return EntityKind.PERSON if _person(tokens, first, stop) else EntityKind.NAME


def _organisation(words: list[_Token]) -> bool:
    if len(words) < 2:
        return False
    last = words[-1]
    plain = [_POSSESSIVE.sub("", word.plain) for word in words]
    if (_is_legal(last) and not last.text.islower()) or (_is_legal(last) and "." in last.text):
        return True
    if plain[0] in ORGANISATION_FIRST and plain[1] in ("of", "for"):
        return True
    head = plain.index("of") if "of" in plain else len(plain)
    return plain[-1] in ORGANISATION_LAST or (head > 0 and plain[head - 1] in ORGANISATION_LAST)


def _place(plain: list[str]) -> bool:
    if " ".join(plain) in COUNTRIES:
        return True
    return len(plain) > 1 and (plain[-1] in PLACE_LAST or plain[0] in PLACE_FIRST)


def _person(tokens: list[_Token], first: int, stop: int) -> bool:
    """Evidence beside the name: a role before it, a birth or an act of speech after it."""
    words = tokens[first:stop]
    if any(not word.text[0].isalpha() for word in words):
        return False
    if words[0].plain in NOBLE and len(words) > 1:
        return True
    if first and tokens[first - 1].plain in ROLES and not tokens[first - 1].capital:
        return len(words) < 4
    after = [token.plain for token in tokens[stop : stop + 4]]
    if not after or len(words) > 4:
        return False
    if after[0] in SPEECH_VERBS or after[:2] in (["(", "born"], ["(", "died"], ["was", "born"]):
        return True
    roles = after[:1] in (["is"], ["was"], [","]) and after[1:2] in (["a"], ["an"], ["the"])
    return roles and any(word in ROLES for word in after[2:4])
