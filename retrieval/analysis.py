"""Analysis: what a question asks for, read off its words without a model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from retrieval.entities import in_question
from retrieval.languages import detect
from retrieval.terms import Terms
from retrieval.types import EntityKind, Mention
from retrieval.wording import Wording, worded


class Expects(StrEnum):
    """The kind of thing that would answer."""

    PERSON = "person"
    TIME = "time"
    PLACE = "place"
    AMOUNT = "amount"
    IDENTIFIER = "identifier"
    REASON = "reason"
    DECISION = "decision"
    """Yes or no."""
    THING = "thing"


class Intent(StrEnum):
    """What the asker wants done with what is found."""

    FACT = "fact"
    CHAIN = "chain"
    """Follow relations: who is behind, who ultimately owns, how two things are connected."""
    COMPARISON = "comparison"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A question, taken apart."""

    question: str
    intent: Intent
    expects: Expects
    language: str
    """The question's own, by which it is cut into terms."""
    wording: Wording
    entities: tuple[Mention, ...]
    times: tuple[str, ...]
    """ISO dates, months or years that the question names."""
    needs_citation: bool = True
    read_as: Mapping[str, str] = field(default_factory=dict)
    """Names that were read as others: as they are asked for, and as the question has them now."""

    @property
    def terms(self) -> tuple[str, ...]:
        """Distinct stems and identifiers, sorted."""
        return self.wording.terms

    def to_json(self) -> dict[str, Any]:
        return {
            "intent": str(self.intent),
            "expects": str(self.expects),
            "terms": list(self.terms),
            "entities": [mention.surface for mention in self.entities],
            "times": list(self.times),
            "needs_citation": self.needs_citation,
            **({"read_as": dict(self.read_as)} if self.read_as else {}),
        }


_EXPECTS = [
    (
        Expects.AMOUNT,
        r"\bhow (?:much|many|large|big|long|far|often|old)\b|\bwhat (?:amount|sum|price|"
        r"percentage|share|salary|fee|total|number of)\b|\b(?:amount|sum|cost|worth|paid for)\b",
    ),
    (
        Expects.TIME,
        r"\bwhen\b|\b(?:what|which) (?:date|day|year|month|time|hour)\b|\bsince when\b"
        r"|\bhow soon\b|\bwhat time\b",
    ),
    (
        Expects.PLACE,
        r"\bwhere\b|\b(?:what|which|in what|in which) (?:place|city|town|port|country|address"
        r"|location|street|berth|quay|harbou?r|state|region)\b",
    ),
    (
        Expects.IDENTIFIER,
        r"\b(?:phone|telephone|mobile|account|iban|registration|passport|imo|plate|"
        r"e-?mail|container|invoice|file|reference|licen[cs]e|policy) (?:number|address|no\.?|id)\b"
        r"|\b(?:what|which) (?:number|account|iban|e-?mail|registration|plate|container)\b",
    ),
    (
        Expects.REASON,
        r"\bwhy\b|\bwhat (?:reason|purpose|explains?)\b|\bfor what (?:reason|purpose)\b",
    ),
    (
        Expects.PERSON,
        r"\bwho(?:m|se|'s)?\b|\b(?:what|which) (?:person|man|woman|officer|director|company"
        r"|firm|owner|captain|bank|agent)\b|\bname of the\b",
    ),
    (Expects.DECISION, r"^(?:is|are|was|were|did|does|do|has|have|had|can|could|will)\b"),
]
_CHAIN = re.compile(
    r"\b(?:ultimate(?:ly)?|really|actually|behind|beneficial|chain|connect(?:ed|ion|s)?|link(?:ed|s)?|"
    r"controls?|end(?:s|ed)? up|trace|indirect(?:ly)?|via)\b",
    re.IGNORECASE,
)
_COMPARISON = re.compile(
    r"\b(?:first|earlier|later|older|younger|more|less|larger|both|same|compare|difference|or)\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"\b(?:summari[sz]e|overview|what do we know|tell me about|describe)\b", re.IGNORECASE
)


def analyse(question: str, terms: Terms) -> Plan:
    """The plan of a question. Depends on the question alone, so it can tell nothing of the corpus."""
    entities = tuple(in_question(question))
    language = detect(question)
    return Plan(
        question=question,
        intent=_intent(question),
        expects=_expects(question),
        language=language,
        wording=worded(question, language, terms),
        entities=entities,
        times=tuple(m.key for m in entities if m.kind is EntityKind.DATE),
    )


def reread(plan: Plan, names: Mapping[str, str], terms: Terms) -> Plan:
    """The plan of the question with these names (lower-cased) read as others."""
    read_as: dict[str, str] = {}

    def other(match: re.Match[str]) -> str:
        written = match.group()
        name = names[written.casefold()]
        taken = name.upper() if written.isupper() else name.capitalize()
        read_as[written] = taken
        return taken

    every = "|".join(map(re.escape, sorted(names)))
    question = re.sub(rf"\b(?:{every})\b", other, plan.question, flags=re.IGNORECASE)
    return replace(analyse(question, terms), read_as=read_as)


def _expects(question: str) -> Expects:
    text = question.strip().casefold()
    found = [
        (match.start(), order, kind)
        for order, (kind, pattern) in enumerate(_EXPECTS)
        if (match := re.search(pattern, text))
    ]
    return min(found)[2] if found else Expects.THING


def _intent(question: str) -> Intent:
    if _SUMMARY.search(question):
        return Intent.SUMMARY
    if _CHAIN.search(question):
        return Intent.CHAIN
    return Intent.COMPARISON if _COMPARISON.search(question) else Intent.FACT
