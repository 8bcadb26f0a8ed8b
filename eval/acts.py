"""The acts of the policy suite: what a person does, and the JSON that they get."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from copilot.acts import Copilot
from copilot.results import SearchResult
from copilot.serialise import outcome_json, search_json
from eval.cases import Question
from policy.labels import Label
from policy.principal import Asker

_FREE = frozenset({"timings_ms", "answer_id", "ledger_id", "trace_id"})
"""What may differ between two runs of the same act on the same visible material."""
_NAME = re.compile(r"(?<!^)\b[A-Z0-9][\w-]*(?:(?: & | of | )[A-Z0-9][\w-]*)*")
_EMPTY = frozenset({"NotFound", "StepUpRequired", "Denied", "Unavailable", "Error"})

Json = Any


class Kind(StrEnum):
    """What can be done without changing anything."""

    ASK = "ask"
    SEARCH = "search"
    BEST = "search --k 20"
    DOCUMENT = "document"
    ENTITY = "entity"
    ANSWER = "answer"

    @property
    def recorded_as(self) -> str:
        """The kind of its record in the ledger."""
        searches = (Kind.SEARCH, Kind.BEST)
        return "ask" if self is Kind.ASK else "search" if self in searches else "read"


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """One act on one thing: a question, an id or a name."""

    kind: Kind
    about: str
    known_as: str = ""
    """What to call it in a report where `about` is drawn by lot."""
    told: str = ""
    """What the person may be told besides the corpus: of their own answer, their question."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.known_as or self.about}"


async def perform(copilot: Copilot, asker: Asker, act: Act) -> Json:
    """The JSON form of what the asker gets."""
    match act.kind:
        case Kind.ASK:
            return outcome_json(await copilot.ask(asker, act.about))
        case Kind.SEARCH | Kind.BEST:
            k = None if act.kind is Kind.SEARCH else 20
            found = await copilot.search(asker, act.about, k)
            return search_json(found) if isinstance(found, SearchResult) else outcome_json(found)
        case Kind.DOCUMENT:
            return as_json(await copilot.document(asker, act.about))
        case Kind.ENTITY:
            return as_json(await copilot.entity(asker, act.about))
        case Kind.ANSWER:
            return as_json(await copilot.answer(asker, act.about))


def acts_about(question: Question) -> list[Act]:
    """Every act that a question gives rise to: asking it, and reading all that it is about."""
    ids = dict.fromkeys(piece.document_id for piece in question.relevant)
    return [
        *(Act(kind, question.question) for kind in (Kind.ASK, Kind.SEARCH, Kind.BEST)),
        *(Act(Kind.DOCUMENT, document_id) for document_id in ids),
        *(Act(Kind.ENTITY, name) for name in names(question.question)),
    ]


def names(question: str) -> list[str]:
    """Runs of words with a capital or a digit, the first word of the question left out."""
    return list(dict.fromkeys(match.group() for match in _NAME.finditer(question)))


def comparable(output: Json) -> Json:
    """The output without what may differ between two runs."""
    if isinstance(output, Mapping):
        return {k: None if k in _FREE else comparable(v) for k, v in output.items()}
    return [comparable(one) for one in output] if isinstance(output, list) else output


def difference(with_hidden: Json, without: Json) -> str | None:
    """Where two outputs part, byte by byte, what may differ left out."""
    one, other = (json.dumps(comparable(output)) for output in (with_hidden, without))
    if one == other:
        return None
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return f"with hidden material: …{one[max(0, at - 60) : at + 60]}…\nwithout: …{other[max(0, at - 60) : at + 60]}…"


def has_content(output: Json) -> bool:
    """Whether anything was found: a comparison of two empty outputs proves little."""
    lists = ("contexts", "entries")
    return output["kind"] not in _EMPTY and all(output.get(name) != [] for name in lists)


def as_json(value: object) -> Json:
    """A result as plain JSON values, with its kind."""
    if isinstance(value, Label):
        return value.to_json()
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = {"kind": value.kind} if hasattr(value, "kind") else {}
        fields = {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return kind | fields
    if isinstance(value, Mapping):
        return {str(key): as_json(one) for key, one in value.items()}
    if isinstance(value, frozenset):
        return sorted(as_json(one) for one in value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_json(one) for one in value]
    return value
