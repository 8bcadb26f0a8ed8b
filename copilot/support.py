"""Whether a premise supports a claim, decided without a language model: φ of the eval's definitions.

A claim is supported where enough of its content lemmas stand in the premise, all of its numbers,
units, dates, identifiers and names do, what it denies is denied there as well, and no party stands
behind "from", "to" or "by" in place of another. Beyond that it sees words and not who did what.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import Stemmer

from copilot import figures
from copilot.figures import Figures

TAU = 0.75
"""Least share of lemmas. Of the values with the best F½ on the tuning half of eval/support_pairs.jsonl
(0.70 and 0.75), the one that lets less through: precision 0.977, recall 0.935 there; 0.958 and 0.939 on
the other half. `python -m eval.support` prints it anew."""


class Unmet(StrEnum):
    """What a premise lacks."""

    EMPTY = "the claim says nothing that could be checked"
    LEMMAS = "too few of the words of the claim stand in what it cites"
    FIGURES = "a figure or a name of the claim does not stand in what it cites"
    PARTIES = "the claim says of one party what it cites says of another"
    NEGATION = "the claim denies what it cites, or the other way round"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supported:
    """The premise supports the claim; `covered` are the claim's lemmas that it holds."""

    covered: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """The premise does not support the claim; `reason` is the first thing it lacks."""

    reason: Unmet


def support(premise: str, claim: str, *, tau: float = TAU) -> Supported | Unsupported:
    """φ(premise, claim). A premise of several texts has an empty line between them."""
    source, said = plain(premise), plain(claim)
    found, stated = _read(source), _read(said)
    covered = frozenset(lemma for lemma in stated.lemmas if _held(lemma, found.lemmas))
    if said and f"\n{said}\n" in f"\n{source}\n":
        return Supported(covered=covered)
    if not stated.lemmas and not stated.figures:
        return Unsupported(reason=Unmet.EMPTY)
    if not found.figures.hold(stated.figures) or not _names_stand(stated, found):
        return Unsupported(reason=Unmet.FIGURES)
    if len(covered) < tau * len(stated.lemmas):
        return Unsupported(reason=Unmet.LEMMAS)
    if _swapped(stated, found):
        return Unsupported(reason=Unmet.PARTIES)
    if not _same_polarity(stated, found):
        return Unsupported(reason=Unmet.NEGATION)
    return Supported(covered=covered)


def missing(premise: str, claim: str) -> frozenset[str]:
    """The lemmas of the claim that do not stand in the premise; none where the claim is a quote of it."""
    source, said = plain(premise), plain(claim)
    if _quoted(said, source):
        return frozenset()
    lemmas = _read(said).lemmas
    return lemmas - held(lemmas, source)


def _quoted(said: str, source: str) -> bool:
    """Whether it stands there and no word goes on beyond it. Not by a pattern: `re` keeps those, and their words."""
    at = source.find(said)
    while at >= 0:
        beside = source[max(0, at - 1) : at] + source[at + len(said) : at + len(said) + 1]
        if not any(char.isalnum() or char == "_" for char in beside):
            return True
        at = source.find(said, at + 1)
    return False


def held(lemmas: frozenset[str], text: str) -> frozenset[str]:
    """Those of the lemmas that stand in the text."""
    found = _read(plain(text)).lemmas
    return frozenset(lemma for lemma in lemmas if _held(lemma, found))


def plain(text: str) -> str:
    """One spelling of the same words: compatibility forms, invisible characters, quotes, blanks.

    Empty lines keep texts apart; single line ends may be an editor's, in the middle of a sentence.
    """
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    text = text.translate(_SAME).replace("[.]", ".").replace("hxxp", "http")
    return "\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


_SAME = str.maketrans("’‘ʼ“”‐‑‒", "'''\"\"---")


# --- words -----------------------------------------------------------------------------------

_STOP_WORDS = frozenset(
    """a about according accordingly after again all also although am an and any are as at be because
    been before being between both but by can could did do does doing done during each either etc few
    for from further had has have having he her here hers herself him himself his how however i if in
    into is it its itself just may me might more most must my neither no nor not now of off on once one
    only or other our out over own per same shall she should since so some such than that the their
    them themselves then there these they this those through thus to too under until up upon very via
    was we were what when where whether which while who whom whose why will with within would yet you
    your""".split()
)
_IRREGULAR = dict(
    pair.split(":")
    for pair in """began:begin begun:begin bought:buy brought:bring came:come dealt:deal drove:drive
    driven:drive fell:fall fallen:fall flew:fly flown:fly found:find gave:give given:give went:go gone:go
    held:hold kept:keep knew:know known:know led:lead left:leave lent:lend lost:lose made:make meant:mean
    met:meet paid:pay ran:run sank:sink sunk:sink said:say saw:see seen:see sent:send sold:sell
    spoke:speak spoken:speak spent:spend stood:stand stole:steal stolen:steal took:take taken:take
    told:tell thought:think wrote:write written:write withdrew:withdraw withdrawn:withdraw""".split()
)
_NOT = frozenset(
    """not no never none nobody nothing neither nor without cannot lacks lacked lacking unable failed
    fails fail impossible""".split()
)
_DENY = frozenset(
    "deny denies denied denying dispute disputes disputed false falsely untrue".split()
)
_NOT_ONLY = re.compile(
    r"\bnot (?:only|just|merely|least)\b|\bno (?:later|earlier|more|less|fewer|other|doubt)\b"
    r"|\bnot (?:later|earlier|more|less|fewer) than\b|\b[Nn]o\. ?(?=\d)",
    re.IGNORECASE,
)
_HARD_BREAK = re.compile(
    r"[;:.!?()\n]+|\s[—–-]+\s|\b(?:but|and|while|whereas|although|though|however|which|who|when|after|before"
    r"|because)\b|(?=\bwithout\b)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_PARTY = re.compile(r"\b(?P<role>(?i:from|to|by)) (?:the )?(?P<name>(?:[A-Z][\w'-]* ?){1,6})")
_ADJECTIVES = ("n", "an", "ian", "ese", "ish")
_NAME_WEIGHT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """A run of words between commas or stronger breaks, and how what it says is denied."""

    lemmas: frozenset[str]
    denial: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What φ compares."""

    figures: Figures
    lemmas: frozenset[str]
    names: frozenset[str]
    capitalised: frozenset[str]
    """Names, and words that may be names or may only begin a sentence."""
    segments: tuple[_Segment, ...]
    parties: Mapping[str, frozenset[str]]
    """Names by the preposition that they stand behind."""


def _read(text: str) -> _Reading:
    found = figures.read(text)
    segments = tuple(_segments(found.words))
    lemmas = frozenset(lemma for segment in segments for lemma in segment.lemmas)
    return _Reading(
        figures=found,
        lemmas=lemmas,
        names=_names(found.words),
        capitalised=_stems(word for word in _TOKEN.findall(found.words) if word[0].isupper()),
        segments=segments,
        parties=_parties(found.words),
    )


def _segments(text: str) -> Iterator[_Segment]:
    stemmer = Stemmer.Stemmer("english")
    for clause in _HARD_BREAK.split(_NOT_ONLY.sub(" ", text)):
        denial: frozenset[str] = frozenset()
        for run in clause.split(","):
            words = [_bare(word) for word in _TOKEN.findall(run)]
            denial |= frozenset(filter(None, map(_denial, words)))
            yield _Segment(lemmas=frozenset(_lemmas(words, stemmer)), denial=denial)


def _bare(word: str) -> str:
    return word.casefold().removesuffix("'s")


def _denial(word: str) -> str | None:
    if word in _DENY:
        return "deny"
    return "not" if word in _NOT or word.endswith("n't") else None


def _lemmas(words: list[str], stemmer: Stemmer.Stemmer) -> list[str]:
    content = [_IRREGULAR.get(w, w) for w in words if w not in _STOP_WORDS and w not in _NOT]
    kept = [
        w for w in content if len(w) > 1 and not w.endswith("n't") and w not in figures.WORD_NUMBERS
    ]
    return list(stemmer.stemWords(kept))


def _names(text: str) -> frozenset[str]:
    """Lemmas of capitalised words inside of sentences; at a beginning only where another follows."""
    found = []
    for sentence in re.split(r"(?<=[.!?:])\s+|\n", text):
        tokens = list(_TOKEN.finditer(sentence))
        for index, token in enumerate(tokens):
            following = tokens[index + 1][0] if index + 1 < len(tokens) else "a"
            starts = index == 0 and not (following[0].isupper() or token[0].endswith("'s"))
            if token[0][0].isupper() and not starts:
                found.append(token[0])
    return _stems(found)


def _stems(words: Iterable[str]) -> frozenset[str]:
    return frozenset(_lemmas([_bare(word) for word in words], Stemmer.Stemmer("english")))


def _names_stand(claim: _Reading, premise: _Reading) -> bool:
    return all(_held(name, premise.lemmas) for name in claim.names)


def _held(lemma: str, premise: frozenset[str]) -> bool:
    """Whether the lemma stands in the premise, also as the other one of Latvia and Latvian."""
    if lemma in premise:
        return True
    if len(lemma) < 4:
        return False
    longer = any(lemma + ending in premise for ending in _ADJECTIVES)
    return longer or any(
        lemma.endswith(ending)
        and len(lemma) - len(ending) > 3
        and lemma.removesuffix(ending) in premise
        for ending in _ADJECTIVES
    )


def _parties(text: str) -> dict[str, frozenset[str]]:
    found: dict[str, list[str]] = {"from": [], "to": [], "by": []}
    for match in _PARTY.finditer(text):
        found[match["role"].lower()] += _TOKEN.findall(match["name"])
    return {role: _stems(words) for role, words in found.items()}


def _swapped(claim: _Reading, premise: _Reading) -> bool:
    """Whether the claim puts one name where the premise has another that the claim knows as well."""
    return any(
        new and {name for name in told - said if name in claim.capitalised}
        for role, told in premise.parties.items()
        if (said := claim.parties[role]) and (new := said - told)
    )


def _same_polarity(claim: _Reading, premise: _Reading) -> bool:
    """Each segment of the claim is denied as the segment of the premise is that is most like it."""
    names = claim.capitalised | premise.capitalised
    return all(
        segment.denial in closest
        for segment in claim.segments
        if (closest := _closest_denials(segment, premise.segments, names))
    )


def _closest_denials(
    segment: _Segment, others: tuple[_Segment, ...], names: frozenset[str]
) -> set[frozenset[str]]:
    scores = [
        sum(
            _NAME_WEIGHT if lemma in names else 1.0
            for lemma in segment.lemmas
            if _held(lemma, other.lemmas)
        )
        for other in others
    ]
    best = max(scores, default=0.0)
    return {o.denial for o, score in zip(others, scores, strict=True) if score == best > 0}
