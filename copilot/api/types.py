"""The GraphQL types: views of the values in `copilot.results`, field by field under the same names.

Resolvers return those values as they are. A type here says only which of their fields are shown.
`ledger_id` may be null in every outcome, since it may in `Unavailable`: GraphQL lets a query ask for a
field of several members of a union only where their types agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.relay import PageInfo
from strawberry.scalars import JSON

from copilot import results
from copilot.api.declare import field, names, restricted, view
from copilot.api.permissions import Info
from copilot.ledger import records
from policy.labels import Classification
from policy.labels import Label as PolicyLabel
from policy.markings import portion
from retrieval.types import ArmHit as FoundBy
from retrieval.types import Context

strawberry.enum(Classification)
strawberry.enum(records.Kind, name="LedgerKind")


@view()
class Label:
    """Who may read a text. Lists in alphabetical order; `releasableTo` null means unrestricted."""

    tenant: str
    classification: Classification
    compartments: list[str] = names("compartments")
    authorities: list[str] = names("authorities")
    handling: list[str] = names("handling")

    @field()
    def releasable_to(self, root: strawberry.Parent[PolicyLabel]) -> list[str] | None:
        return None if root.releasable_to is None else sorted(root.releasable_to)

    @field()
    def marking(self, root: strawberry.Parent[PolicyLabel]) -> str:
        """The portion marking, such as (S//NF)."""
        return portion(root)


@view()
class Citation:
    """The exact text a sentence rests on: partText[start:end] == quote, in Unicode code points."""

    document_id: str
    part_id: str
    chunk_id: str
    start: int
    end: int
    quote: str
    quote_sha256: str
    label: Label
    entities: list[str]
    relation: str | None


@view(results.Sentence)
class Sentence:
    """One sentence of an answer, with its portion marking and at least one citation."""

    text: str
    marking: str
    citations: list[Citation]


@view()
class Usage:
    """What a model call consumed; `costUsd` is null where the price is not known."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float | None


@view()
class Explanation:
    """Why these sources: the plan of the question, what each arm found, the paths of entities."""

    plan: JSON
    arms: JSON
    paths: list[list[str]]


@view()
class Redaction:
    """Why the output filter took something out of the answer, and how often."""

    reason: str
    count: int


@view(results.Answer)
class Answer:
    """Sentences that are all cited and checked, under the banner of what they cite."""

    text: str
    banner: str
    sentences: list[Sentence]
    answer_id: str
    ledger_id: str | None
    model: str
    redactions: list[Redaction]
    notice: str | None
    explanation: Explanation | None = restricted("explanation")
    usage: Usage | None = restricted("usage")
    timings_ms: JSON | None = restricted("timings_ms")


@view(results.NotFound)
class NotFound:
    """Nothing that the asker may read supports an answer, or is what was asked for."""

    text: str
    ledger_id: str | None
    model: str
    redactions: list[Redaction]
    explanation: Explanation | None = restricted("explanation")
    usage: Usage | None = restricted("usage")
    timings_ms: JSON | None = restricted("timings_ms")


@view(results.Denied)
class Denied:
    """Policy does not allow this act to this person."""

    text: str
    reason: str
    ledger_id: str | None


@view(results.StepUpRequired)
class StepUpRequired:
    """A fresh strong authentication would be needed."""

    text: str
    ledger_id: str | None


@view(results.Unavailable)
class Unavailable:
    """A dependency failed, or asking is switched off; nothing was released."""

    text: str
    dependency: str
    ledger_id: str | None


@view()
class ArmHit:
    """Which way of searching found a context, at which rank (from 1) and with what score."""

    arm: str
    rank: int
    score: float


@view()
class SearchContext:
    """A passage that was found. `title` is null where the asker may not see it.

    `path` holds the names that led the graph to it, the question's first. `precedes` names the chunk that cannot be
    understood without this one, which was added for that: `arms` and `path` are then how that chunk was found.
    """

    document_id: str
    part_id: str
    chunk_id: str
    title: str | None
    text: str
    start: int
    end: int
    score: float
    label: Label
    marking: str
    arms: list[ArmHit]
    path: list[str]
    precedes: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatContext:
    """A context with the fields of its chunk beside its own: no internal id passes here."""

    document_id: str
    part_id: str
    chunk_id: str
    title: str | None
    text: str
    start: int
    end: int
    score: float
    label: PolicyLabel
    marking: str
    arms: tuple[FoundBy, ...]
    path: tuple[str, ...]
    precedes: str | None

    @classmethod
    def of(cls, context: Context) -> "FlatContext":
        chunk = context.chunk
        return cls(
            document_id=chunk.document_id,
            part_id=chunk.part_id,
            chunk_id=chunk.chunk_id,
            title=chunk.title,
            text=chunk.text,
            start=chunk.start,
            end=chunk.end,
            score=context.score,
            label=chunk.label,
            marking=portion(chunk.label),
            arms=context.arms,
            path=context.path,
            precedes=context.precedes,
        )


@view(results.SearchResult)
class SearchResult:
    """Passages, best first, as far as the asker may read them."""

    ledger_id: str | None
    notice: str | None
    timings_ms: JSON | None = restricted("timings_ms")

    @field(list[SearchContext])
    def contexts(self, root: strawberry.Parent[results.SearchResult]) -> list[FlatContext]:
        return [FlatContext.of(context) for context in root.contexts]


@view()
class Part:
    """A part of a document that the reader may see."""

    part_id: str
    text: str
    label: Label
    marking: str


@view(results.DocumentView)
class Document:
    """A document as far as the reader may see it."""

    document_id: str
    title: str | None
    metadata: JSON
    banner: str
    parts: list[Part]
    ledger_id: str | None


@view()
class LedgerEntry:
    """One record as an auditor sees it; `details` is null where erased or above their attributes."""

    ledger_id: str
    kind: records.Kind
    recorded_at: datetime
    tenant: str
    sub: str
    purpose: str
    outcome: str
    policy_revision: str
    leaf_hash: str
    details: JSON | None


@view()
class LedgerEdge:
    """An entry and the cursor that continues after it."""

    @field()
    def cursor(self, root: strawberry.Parent[records.Entry]) -> str:
        return root.ledger_id

    @field(LedgerEntry)
    def node(self, root: strawberry.Parent[records.Entry]) -> records.Entry:
        return root


def forward_page(cursors: Sequence[str], onward: str | None) -> PageInfo:
    """Of a list that is read forwards alone; `onward` is None on its last page."""
    return PageInfo(
        has_next_page=onward is not None,
        has_previous_page=False,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


@view()
class LedgerConnection:
    """Entries, newest first."""

    @field(list[LedgerEdge])
    def edges(self, root: strawberry.Parent[records.Page]) -> list[records.Entry]:
        return list(root.entries)

    @field()
    def page_info(self, root: strawberry.Parent[records.Page]) -> PageInfo:
        return forward_page([entry.ledger_id for entry in root.entries], root.next_cursor)


@view()
class Rejected:
    """A document that was not taken, and why; the others were."""

    source: str
    line: int | None
    reason: str


@view()
class IngestReport:
    """Counts over what was given; unchanged documents were already stored just so."""

    ingested: int
    unchanged: int
    rejected: list[Rejected]
    ledger_ids: list[str]


@view()
class Me:
    """Who is asking, by the attributes that policy decides on."""

    sub: str
    tenant: str
    clearance: Classification
    compartments: list[str] = names("compartments")
    nationality: str
    authorities: list[str] = names("authorities")
    roles: list[str] = names("roles")
    purposes: list[str]

    @field()
    async def fields(self, info: Info) -> list[str]:
        """The restricted output fields that the roles open."""
        return sorted(await info.context.copilot.fields(info.context.asker()))


AskOutcome = Annotated[
    Answer | NotFound | Denied | StepUpRequired | Unavailable, strawberry.union("AskOutcome")
]
AskEvent = Annotated[
    Sentence | Answer | NotFound | Denied | StepUpRequired | Unavailable,
    strawberry.union("AskEvent"),
]
SearchOutcome = Annotated[
    SearchResult | Denied | StepUpRequired | Unavailable, strawberry.union("SearchOutcome")
]
DocumentOutcome = Annotated[
    Document | NotFound | Denied | StepUpRequired | Unavailable, strawberry.union("DocumentOutcome")
]
