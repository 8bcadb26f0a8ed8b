"""Typed relations that a text states between its mentions, by patterns that prefer silence to a guess."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from retrieval.registry_lines import registry
from retrieval.sentences import split
from retrieval.transfer_line import ROW
from retrieval.types import EntityKind, Mention, Relation, Span

_CODES = {
    EntityKind.PERSON: "f", EntityKind.ORGANISATION: "o", EntityKind.VESSEL: "n", EntityKind.NAME: "n",
    EntityKind.PLACE: "p", EntityKind.AMOUNT: "a", EntityKind.DATE: "d", EntityKind.PHONE: "t",
    EntityKind.ACCOUNT: "c", EntityKind.EMAIL: "e", EntityKind.IDENTIFIER: "i",
}  # fmt: skip
_TITLE = r"(?:(?:the|mr|mrs|ms|dr|prof|capt|captain|col|colonel|mt|mv)\.?\s+)"
_KIND_OF = r"(?:(?:company|firm|vessel|ship|tanker|coaster|brothers?|director|owner|trader|broker|skipper)\s+)"


def _slot(codes: str) -> str:
    return rf"(?:{_TITLE}|{_KIND_OF})*⟦[{codes}]\d+⟧"


_ONE = _slot("fon")
_MANY = rf"(?:{_ONE}(?:, (?:and )?{_ONE})*(?: and {_ONE})?)"
_PLACE = _slot("fonp")
_ASIDE = (
    r"(?:\s?\([^()⟦⟧]{0,60}\))?"
    r"(?:, (?!and |who |which )[^,.;:⟦⟧]{1,60},|, (?:(?:a|an|the) |(?:also )?known as )[^,.;:]{1,60},)?"
)
"""What may stand between a subject and its verb without changing who acts."""
_HOW = (
    r"(?:(?:now|also|currently|directly|indirectly|wholly|fully|jointly|partly|entirely|ultimately|"
    r"beneficially|still|already|secretly)[ -])*"
)
_SHARE = (
    r"(?:(?P<share>\d{1,3}(?:[.,]\d+)?) ?(?:%|per ?cent)(?: (?:stake|interest|share))? (?:of |in )?"
    r"(?:(?:the )?(?:shares|capital|stock|equity)(?: of| in)? )?"
    r"|all (?:[\d,]+ |of )?(?:the )?(?:issued )?(?:shares|capital|stock) (?:of |in )"
    r"|every (?:issued )?share (?:of |in ))"
)
_OWNER = (
    r"(?P<role>(?:(?:sole|ultimate|majority|minority|only|registered|principal|true|real|beneficial|100 ?%)[ -])*"
    r"(?:owner|beneficial owner|shareholder|parent|parent company|holding company|proprietor))"
)
_OFFICE = (
    r"(?P<role>(?:(?:sole|only|managing|nominee|executive|non-executive|finance|financial|technical|"
    r"operations|deputy|founding)[ -])*(?:director|chairman|chairwoman|chairperson|chief executive(?: officer)?|"
    r"ceo|cfo|coo|general manager|company secretary|board member|member of the board)s?)"
)
_JOB = (
    r"(?P<role>(?:[a-z-]+ ){0,2}(?:accountant|agent|broker|lawyer|employee|manager|analyst|engineer|clerk|"
    r"officer|bookkeeper|driver|cashier|inspector|teller|consultant|foreman|guard))"
)
_BE = r"(?:is|was|are|were|has been|have been|had been|remains|became)"
_THE = r"(?:(?:a|an|the|its|their|one of the) )?"
_PAY = r"(?:paid|transferred|wired|remitted|sent)"
_PURSE = r"(?:an account (?:of|held by|belonging to|in the name of) )?"
_ABOUT = r"(?:a total of |about |some )?"
_SAME = (
    r"(?:(?:also |better |formerly |previously |otherwise )*known (?:to \w+ )?as|a\.?k\.?a\.?|alias|nicknamed|"
    r"goes by(?: the (?:name|nickname)(?: of)?)?|went by(?: the (?:name|nickname)(?: of)?)?|formerly|"
    r"uses the (?:name|alias)|using the (?:name|alias)|operating under the name|trading as)"
)
_OWNERS = r"owner|shareholder|parent|company|proprietor"
_OFFICES = r"director|chair|chief|ceo|cfo|coo|manager|secretary|board"
_JOBS = (
    r"accountant|agent|broker|lawyer|employee|manager|analyst|engineer|clerk|officer|bookkeeper|driver|"
    r"cashier|inspector|teller|consultant|foreman|guard"
)
_NAMED = r"known|a\.?k\.?a|alias|nickname|goes|went|formerly|uses|using|operating|trading"

_PATTERNS = (
    ("owns", r"own|control",
        rf"(?P<s>{_MANY}){_ASIDE} {_HOW}(?:owns?|controls?|owned|controlled) {_SHARE}?(?P<t>{_MANY})"),
    ("owns", r"h[eo]ld|acquired|bought|purchased",
        rf"(?P<s>{_MANY}){_ASIDE} {_HOW}(?:holds?|held|acquired|bought|purchased) {_SHARE}(?P<t>{_ONE})"),
    ("owns", r"(?:held|owned) by", rf"{_SHARE}(?P<t>{_ONE}){_ASIDE} {_BE} {_HOW}(?:held|owned) by (?P<s>{_MANY})"),
    (
        "owns", r"owned|controlled",
        rf"(?:(?P<t>{_MANY}){_ASIDE}(?:,? (?:which|that))? {_BE} |^(?P<t2>{_ONE}), ){_HOW}(?:owned|controlled)"
        rf"(?: (?P<share>\d{{1,3}}(?:[.,]\d+)?) ?(?:%|per ?cent))? by (?P<s>{_MANY})",
    ),
    ("owns", r"subsidiary of", rf"(?P<t>{_ONE})(?:,| {_BE}) {_THE}(?:wholly[ -]owned )?subsidiary of (?P<s>{_ONE})"),
    ("owns", _OWNERS, rf"(?P<s>{_ONE})(?:,| {_BE}) {_THE}{_OWNER} of (?P<t>{_MANY})"),
    ("owns", _OWNERS, rf"\bthe {_OWNER} of (?P<t>{_ONE}) {_BE} (?P<s>{_MANY})"),
    ("owns", _OWNERS, rf"(?P<t>{_ONE})['’]s {_OWNER}(?:,| {_BE}) (?P<s>{_ONE})"),
    ("director_of", _OFFICES, rf"(?P<s>{_MANY}){_ASIDE}(?:,| {_BE}| served as| acts as) (?:appointed )?(?:as )?"
        rf"{_THE}{_OFFICE} (?:of|at) (?P<t>{_MANY})"),
    ("director_of", _OFFICES, rf"\b{_OFFICE} of (?P<t>{_ONE}) {_BE} (?P<s>{_MANY})"),
    ("director_of", _OFFICES, rf"\b{_OFFICE} of (?P<t>{_ONE}), (?P<s>{_ONE}),"),
    ("director_of", _OFFICES, rf"(?P<t>{_ONE})['’]s {_OFFICE}(?:,| {_BE})? (?P<s>{_ONE})"),
    ("works_for", r"work",
        rf"(?P<s>{_MANY}){_ASIDE} (?:works|work|worked|is working|was working) (?:for|at) (?P<t>{_ONE})"),
    ("works_for", r"employed", rf"(?P<s>{_MANY}){_ASIDE} {_BE} employed (?:by|at) (?P<t>{_ONE})"),
    ("works_for", r"employ", rf"(?P<t>{_ONE}) (?:employs|employed) (?P<s>{_MANY})"),
    ("works_for", _JOBS, rf"(?P<s>{_ONE})(?:,| {_BE}) {_THE}(?:(?:now|currently) )?"
        rf"{_THE}{_JOB} (?:of|at|with|for) (?P<t>{_ONE})"),
    ("alias_of", _NAMED, rf"(?P<t>{_ONE})(?:,? \(?| (?:{_BE}|who is) ){_SAME} (?:as )?[\"“‘']?(?P<s>{_ONE})"),
    ("alias_of", r"\([\"“‘']", rf"(?P<t>{_slot('fo')}) \([\"“‘'](?P<s>{_ONE})[\"”’']\)"),
    ("alias_of", r"alias|nickname|another name",
        rf"(?P<s>{_ONE}) is (?:an alias|a nickname|the nickname|another name) (?:of|for) (?P<t>{_ONE})"),
    ("paid", _PAY, rf"(?P<s>{_ONE}){_ASIDE} {_PAY} {_ABOUT}⟦a(?P<amount>\d+)⟧ (?:in cash )?to {_PURSE}(?P<t>{_ONE})"),
    ("paid", _PAY, rf"(?P<s>{_ONE}){_ASIDE} (?:paid|sent|wired) (?P<t>{_ONE}) {_ABOUT}⟦a(?P<amount>\d+)⟧"),
    ("paid", r"received", rf"(?P<t>{_ONE}){_ASIDE} received ⟦a(?P<amount>\d+)⟧ (?:in cash )?from (?P<s>{_ONE})"),
    ("paid", _PAY, rf"⟦a(?P<amount>\d+)⟧ (?:{_BE} )?{_PAY} by (?P<s>{_ONE}) to (?P<t>{_ONE})"),
    ("paid", _PAY, rf"⟦a(?P<amount>\d+)⟧ {_BE} {_PAY} from (?P<s>{_ONE}) to (?P<t>{_ONE})"),
    ("located_in", r"headquartered|based|located|situated|moored|berthed",
        rf"(?:(?P<s>{_PLACE}) {_BE}|^(?P<s2>{_PLACE}),) "
        rf"(?:headquartered|based|located|situated|moored|berthed) (?:in|at) (?P<t>{_PLACE})"),
    ("registered_in", r"registered|incorporated|domiciled|flagged",
        rf"(?:(?P<s>{_ONE}) {_BE}|^(?P<s2>{_ONE}),) "
        rf"{_HOW}(?:registered|incorporated|domiciled|flagged) in (?P<t>{_PLACE})"),
    ("met_with", r"met|meets|had", rf"(?P<s>{_ONE}){_ASIDE} "
        rf"(?:met|met with|meets|had (?:lunch|dinner|coffee|a meeting) with) (?P<t>{_MANY})"),
    ("met_with", r"meeting between", rf"\bmeeting between (?P<s>{_ONE}) and (?P<t>{_ONE})"),
    ("met_with", r"met", rf"(?P<s>{_ONE}) and (?P<t>{_ONE}) met\b"),
    ("calls", r"phoned|rang", rf"(?P<s>{_ONE}){_ASIDE} (?:phoned|telephoned|rang) (?P<t>{_slot('font')})"),
    ("calls", r"called", rf"(?P<s>{_ONE}){_ASIDE} called (?P<t>{_slot('font')}) (?:on|at) (?:⟦d|\d)"),
    ("calls", r"call from", rf"\bcall from (?P<s>{_slot('font')}) to (?P<t>{_slot('font')})"),
)  # fmt: skip
"""Kind, a cue without which the pattern cannot match, and the pattern."""
_CUES = re.compile(
    r"own|control|hold|held|acquir|bought|purchas|share|subsidiary|parent|director|chair|chief|ceo|cfo|coo|manager|"
    r"secretary|board|work|employ|accountant|agent|broker|lawyer|analyst|engineer|clerk|officer|driver|known as|"
    r"a\.?k\.?a|alias|nickname|by the name|go?es? by|went by|formerly|uses|using|under the name|trading as|\([\"“‘']|"
    r"paid|transfer|wired|remit|sent|received|based|locat|situat|moored|berthed|headquarter|regist|incorp|domicil|"
    r"flagged|met|meet|lunch|dinner|coffee|phoned|rang|call|"
    r"proprietor|bookkeeper|cashier|inspector|teller|consultant|foreman|guard",
    re.I,
)
"""Words without which no pattern can match: most sentences are done with here."""
_UNSURE = re.compile(
    r"\b(?:not|never|no longer|neither|nor|den(?:y|ies|ied)|whether|if|unless|alleged(?:ly)?|rumou?r\w*|might|may|"
    r"could|would|possibly|perhaps|supposed(?:ly)?|false(?:ly)?|nobody|no evidence|pretend\w*|cannot|n't)\b|n['’]t\b",
    re.I,
)
_SLOT = re.compile(r"⟦[a-z](\d+)⟧")
_REFERENCE = re.compile(r"reference [\"“]([^\"”]*)[\"”]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """A sentence whose mentions are numbered slots."""

    text: str
    span: Span
    mentions: Sequence[Mention]


def relations(text: str, mentions: Sequence[Mention]) -> list[Relation]:
    """What `text` asserts between `mentions` (those of the same text), each with the span that says it.

    Questions, denials and conditionals assert nothing here.
    """
    found = [*_rows(text, mentions), *registry(text, mentions)]
    for template in _templates(text, mentions):
        found.extend(_stated(template))
    unique = {(r.type, r.source.key, r.target.key, r.start): r for r in reversed(found)}
    return sorted(
        unique.values(), key=lambda r: (r.start, r.end, r.type, r.source.key, r.target.key)
    )


def _templates(text: str, mentions: Sequence[Mention]) -> Iterator[_Template]:
    ordered = sorted(mentions, key=lambda m: m.start)
    at = 0
    for span in split(text):
        while at < len(ordered) and ordered[at].start < span.start:
            at += 1
        stop = at
        while stop < len(ordered) and ordered[stop].end <= span.end:
            stop += 1
        inside, at = ordered[at:stop], stop
        sentence = span.of(text)
        if len(inside) > 1 and _CUES.search(sentence) and not ROW.fullmatch(sentence):
            yield _Template(text=_numbered(text, span, inside), span=span, mentions=inside)


def _numbered(text: str, span: Span, inside: Sequence[Mention]) -> str:
    pieces, at = [], span.start
    for number, mention in enumerate(inside):
        pieces += [_bare(text[at : mention.start]), f"⟦{_CODES[mention.kind]}{number}⟧"]
        at = mention.end
    return re.sub(r"\s+", " ", "".join([*pieces, _bare(text[at : span.end])]))


def _bare(words: str) -> str:
    return words.replace("⟦", " ").replace("⟧", " ")


@cache
def _compiled() -> Sequence[tuple[str, re.Pattern[str], re.Pattern[str]]]:
    """Kind, cue and pattern, when a first text is read: a serving process has none yet, and would wait for them."""
    return tuple(
        (kind, re.compile(cue, re.I), re.compile(pattern, re.I)) for kind, cue, pattern in _PATTERNS
    )


def _stated(template: _Template) -> Iterator[Relation]:
    if template.text.rstrip("\"”’')").endswith("?"):
        return
    for kind, cue, pattern in _compiled():
        # A pattern is tried at every place of the sentence; the cue is looked for in a tenth of the time.
        for match in pattern.finditer(template.text) if cue.search(template.text) else ():
            if _UNSURE.search(template.text, 0, match.end()):
                continue
            yield from _asserted(template, kind, match)


def _asserted(template: _Template, kind: str, match: re.Match[str]) -> Iterator[Relation]:
    properties = _properties(template, kind, match)
    groups = match.groupdict()
    for source in _slots(template, groups["s"] or groups.get("s2")):
        for target in _slots(template, groups["t"] or groups.get("t2")):
            if source.key != target.key:
                yield Relation(
                    type=kind,
                    source=source,
                    target=target,
                    start=template.span.start,
                    end=template.span.end,
                    properties=properties,
                )


def _slots(template: _Template, matched: str | None) -> list[Mention]:
    return [template.mentions[int(number)] for number in _SLOT.findall(matched or "")]


def _properties(template: _Template, kind: str, match: re.Match[str]) -> dict[str, Any]:
    groups = {name: value for name, value in match.groupdict().items() if value}
    properties: dict[str, Any] = {}
    if "role" in groups:
        properties["role"] = groups["role"].casefold()
    if "share" in groups:
        properties["share"] = groups["share"].replace(",", ".")
    if "amount" in groups:
        properties["amount"] = template.mentions[int(groups["amount"])].key
        reference = _REFERENCE.search(template.text)
        properties |= {"reference": reference[1]} if reference else {}
    dates = {m.key for m in template.mentions if m.kind is EntityKind.DATE}
    if kind in ("paid", "met_with", "calls") and len(dates) == 1:
        properties["date"] = dates.pop()
    return properties


def _rows(text: str, mentions: Sequence[Mention]) -> Iterator[Relation]:
    """A rendered transfer says who paid whom, and everything about it."""
    at = {(m.start, m.end): m for m in mentions}
    for row in ROW.finditer(text):
        source, target = at.get(row.span("from_name")), at.get(row.span("to_name"))
        if source is None or target is None:
            continue
        names = ("date", "reference", "transaction", "from_account", "to_account")
        properties = {name: row[name] for name in names if row[name]}
        properties["amount"] = f"{row['currency']} {row['amount'].replace(',', '')}"
        yield Relation(
            type="paid",
            source=source,
            target=target,
            start=row.start(),
            end=row.end(),
            properties=properties,
        )
