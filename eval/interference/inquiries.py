"""Inquiries: every way to read, legitimate and not, about what is there and what is hidden."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random

from copilot.acts import Copilot
from copilot.entity_graph import End
from copilot.ledger.audit import Filters
from copilot.results import (
    Answer,
    Denied,
    NotFound,
    SearchResult,
    Sentence,
    StepUpRequired,
    Unavailable,
)
from copilot.serialise import outcome_json, search_json, sentence_json
from eval.acts import Json, as_json
from eval.interference.corpora import Corpus
from eval.interference.holdings import Holdings
from eval.interference.people import HOME, Reader, author
from eval.oracle import Rule
from policy.errors import CopilotError
from policy.labels import Classification, Label
from policy.principal import Asker

_ABSENT = "0" * 32
_TOO_LONG = 4001

Call = Callable[[Copilot], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """One call by one person, and what to call it in a report."""

    name: str
    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiries:
    """By what should come back."""

    telling: Sequence[Inquiry]
    recorded: Sequence[Inquiry]
    """What reads back records, whose ids and times come anew with each act."""
    empty: Sequence[Inquiry]
    """What is hidden, absent, denied or malformed."""
    beyond: Sequence[Inquiry]
    """About hidden things, where a scope that is too wide would give them."""


async def output(copilot: Copilot, inquiry: Inquiry) -> Json:
    """What comes back as JSON; an error is an output too."""
    try:
        return _json(await inquiry.call(copilot))
    except CopilotError as error:
        return {"kind": "Error", "code": error.code, "message": error.message}
    except Exception as error:  # noqa: BLE001  at the edge it is masked; here it must not differ
        return {"kind": "Error", "code": "defect", "message": type(error).__name__}


def _json(given: object) -> Json:
    match given:
        case Answer() | NotFound() | Denied() | StepUpRequired() | Unavailable():
            return outcome_json(given)
        case SearchResult():
            return search_json(given)
        case Sentence():
            return sentence_json(given)
        case list():
            return {"kind": "List", "items": [_json(one) for one in given]}
        case frozenset():
            return {"kind": "Fields", "fields": sorted(given)}
    value = as_json(given)
    return value if "kind" in value else {"kind": type(given).__name__} | value


def every_inquiry(
    rng: Random, corpus: Corpus, who: Reader, holdings: Holdings, rule: Rule
) -> "Inquiries":
    """All that is worth asking in a corpus."""
    answered, unanswered = questions(corpus, who, rule)
    draw = _Draw(
        rng=rng,
        asker=who.asker,
        holdings=holdings,
        answered=answered,
        unanswered=unanswered,
        baits=corpus.baits,
    )
    return Inquiries(
        telling=list(_telling(draw)),
        recorded=list(_recorded(draw)),
        empty=list(_empty(draw)),
        beyond=list(_beyond(draw)),
    )


def questions(corpus: Corpus, who: Reader, rule: Rule) -> tuple[list[str], list[str]]:
    """Those with a bearing text that the reader may read, and those without."""
    parts = (part for document in corpus.documents for part in document.parts)
    known = "\n".join(part.text for part in parts if rule(who.attributes, part.label.to_json()))
    answered = dict.fromkeys(question for question, text in corpus.questions if text in known)
    everything = dict.fromkeys(question for question, _ in corpus.questions)
    return list(answered), [question for question in everything if question not in answered]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draw:
    rng: Random
    asker: Asker
    holdings: Holdings
    answered: Sequence[str]
    unanswered: Sequence[str]
    baits: Sequence[str]

    def one(self, kind: str, *, hidden: bool = False) -> str:
        """An id of this kind, or one that nothing has."""
        ids = (self.holdings.hidden if hidden else self.holdings.visible).get(kind)
        return self.rng.choice(ids) if ids else _ABSENT

    def question(self, *, hidden: bool = False) -> str:
        """One whose bearing text the reader may read, or may not; of the other sort if there is none."""
        preferred, other = self.answered, self.unanswered
        if hidden:
            preferred, other = other, preferred
        return self.rng.choice(preferred or other)


def _to_the_letter(question: str) -> str:
    """The question's last words as a phrase, and of others the beginnings."""
    words = re.findall(r"[^\W_]{4,}", question)
    return " ".join([f'"{" ".join(words[-2:])}"', *(f"{word[:3]}*" for word in words[:3])])


def _telling(draw: _Draw) -> Iterator[Inquiry]:
    asker = draw.asker
    for _ in range(3):
        yield ask(asker, draw.question())
        yield search(asker, draw.question(), None)
        yield search(asker, draw.question(), draw.rng.choice((5, 20, 60)))
        yield document(asker, draw.one("document"))
        yield entity(asker, draw.one("shared name"))
    for bait in draw.baits:
        yield search(asker, bait, 60)
        yield search(asker, bait, None)
    yield _stream(asker, draw.question())
    yield entity(asker, draw.one("name"))
    yield document(asker, draw.one("withheld"))
    yield search(asker, draw.question(hidden=True), None)
    yield search(asker, draw.question(hidden=True), 40)
    yield search(asker, _to_the_letter(draw.question(hidden=True)), 40)
    yield Inquiry(name="fields", call=lambda copilot: copilot.fields(asker))
    for _ in range(3):
        yield entities(asker, draw.one("shared name"))
        yield entities(asker, draw.one("name").split()[-1])
        yield paths(asker, draw.one("joined"))


def _recorded(draw: _Draw) -> Iterator[Inquiry]:
    asker = draw.asker
    yield answer(asker, draw.one("answer"), "visible")
    yield _ledger(asker, first=20)
    yield _ledger(asker, first=3, kind="ingest")
    yield _ledger(asker, first=5, after=draw.one("entry", hidden=True), cursor="a hidden entry")
    yield from _audited(draw)


def _audited(draw: _Draw) -> Iterator[Inquiry]:
    """What was done until now: what readers do meanwhile is not the same on both sides."""
    asker, before = draw.asker, Filters(until=datetime.now(UTC))
    did = replace(before, sub=author(HOME).sub)
    seen = [
        replace(before, document=draw.one("document")),
        replace(before, document=draw.one("document", hidden=True)),
        replace(before, entity=draw.one("shared name")),
        replace(before, label=Label(tenant=HOME, classification=Classification.U)),
    ]
    yield from (_who_saw(asker, one) for one in seen)
    for filters in (replace(seen[0], sub=did.sub), seen[2], replace(before, outcome="Answer")):
        yield _entries(asker, filters)
    yield Inquiry(
        name="what did: the author",
        call=lambda copilot: copilot.auditing.what_did(asker, did, first=9),
    )
    yield _entry(asker, draw.one("entry"), "a visible one")
    yield _entry(asker, draw.one("entry", hidden=True), "a hidden one")


def _who_saw(asker: Asker, filters: Filters) -> Inquiry:
    return Inquiry(
        name=f"who saw: {_asked_for(filters)}",
        call=lambda copilot: copilot.auditing.who_saw(asker, filters, first=9),
    )


def _entries(asker: Asker, filters: Filters) -> Inquiry:
    return Inquiry(
        name=f"entries of: {_asked_for(filters)}",
        call=lambda copilot: copilot.auditing.ledger(asker, filters, first=9),
    )


def _entry(asker: Asker, ledger_id: str, known_as: str) -> Inquiry:
    async def entries(copilot: Copilot) -> list[object]:
        found = await copilot.auditing.entry(asker, ledger_id)
        return [] if found is None else [found]

    return Inquiry(name=f"ledger entry: {known_as}", call=entries)


def _asked_for(filters: Filters) -> str:
    return ", ".join(f"{name} {value}" for name, value in filters.said().items() if name != "until")


def _empty(draw: _Draw) -> Iterator[Inquiry]:
    asker = draw.asker
    yield ask(asker, draw.question(hidden=True))
    for kind in ("document", "part", "chunk", "entity"):
        yield document(asker, draw.one(kind, hidden=True))
    yield document(asker, draw.one("part"))
    yield entity(asker, draw.one("name", hidden=True))
    yield answer(asker, draw.one("answer", hidden=True), "hidden")
    yield ask(replace(asker, purpose="curiosity"), draw.question(hidden=True))
    yield search(asker, " ", None)
    yield ask(asker, (draw.question(hidden=True) * _TOO_LONG)[:_TOO_LONG])
    yield search(asker, f"{draw.question(hidden=True)}\x00", None)
    yield search(asker, draw.question(), 0)
    yield entity(asker, "\x00")
    yield entities(asker, draw.one("name", hidden=True))
    yield paths(asker, draw.one("joined", hidden=True))


def _beyond(draw: _Draw) -> Iterator[Inquiry]:
    asker = draw.asker
    yield ask(asker, draw.question(hidden=True))
    yield search(asker, draw.question(hidden=True), None)
    yield search(asker, draw.question(hidden=True), 20)
    yield document(asker, draw.one("document", hidden=True))
    yield document(asker, draw.one("part", hidden=True))
    yield entity(asker, draw.one("name", hidden=True))
    yield entities(asker, draw.one("name", hidden=True))
    yield paths(asker, draw.one("joined", hidden=True))
    for name in draw.holdings.hidden.get("citing answer", ())[:3]:
        yield answer(asker, name, "hidden")


def ask(asker: Asker, question: str) -> Inquiry:
    return Inquiry(name=f"ask: {question:.80}", call=lambda copilot: copilot.ask(asker, question))


def search(asker: Asker, question: str, k: int | None) -> Inquiry:
    return Inquiry(
        name=f"search --k {k}: {question:.80}",
        call=lambda copilot: copilot.search(asker, question, k),
    )


def document(asker: Asker, name: str) -> Inquiry:
    return Inquiry(name=f"document: {name}", call=lambda copilot: copilot.document(asker, name))


def entity(asker: Asker, name: str) -> Inquiry:
    return Inquiry(name=f"entity: {name}", call=lambda copilot: copilot.entity(asker, name))


def entities(asker: Asker, words: str) -> Inquiry:
    return Inquiry(name=f"entities: {words}", call=lambda copilot: copilot.entities(asker, words))


def paths(asker: Asker, joined: str) -> Inquiry:
    start, _, end = joined.partition(" ")
    ends = End(entity_id=start), End(entity_id=end)
    return Inquiry(name=f"paths: {joined}", call=lambda copilot: copilot.paths(asker, *ends))


def answer(asker: Asker, name: str, known_as: str) -> Inquiry:
    return Inquiry(name=f"answer: {known_as}", call=lambda copilot: copilot.answer(asker, name))


def _stream(asker: Asker, question: str) -> Inquiry:
    async def items(copilot: Copilot) -> list[object]:
        return [item async for item in copilot.ask_stream(asker, question)]

    return Inquiry(name=f"stream: {question:.80}", call=items)


def _ledger(
    asker: Asker,
    *,
    first: int,
    after: str | None = None,
    kind: str | None = None,
    cursor: str = "the newest",
) -> Inquiry:
    """Of what the corpus's author did: what readers do meanwhile has times and hashes of its own."""
    sub = author(HOME).sub
    return Inquiry(
        name=f"ledger: {first} {kind or 'entries'} after {cursor}",
        call=lambda copilot: copilot.ledger(asker, first=first, after=after, sub=sub, kind=kind),
    )


def chosen(rng: Random, every: Inquiries, most: int, *, recorded: bool = True) -> list[Inquiry]:
    """So many in random order, one in eight of those that should give nothing."""
    telling = [*every.telling, *(every.recorded if recorded else ())]
    few = min(len(every.empty), max(1, most // 8))
    some = min(len(telling), most - few)
    return rng.sample([*rng.sample(telling, some), *rng.sample(every.empty, few)], some + few)


def beyond(rng: Random, every: Inquiries, most: int) -> list[Inquiry]:
    """What only the double check stands before, once the first layer is gone: a third as many."""
    return rng.sample(every.beyond, min(len(every.beyond), max(3, most // 3)))
