"""What governed acts give back: values with one JSON form, the same on the command line and in GraphQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from policy.labels import Classification, Label
from retrieval.types import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """The exact text a sentence rests on: part_text[start:end] == quote, in Unicode code points."""

    document_id: str
    part_id: str
    chunk_id: str
    start: int
    end: int
    quote: str
    quote_sha256: str
    label: Label
    entities: tuple[str, ...] = ()
    relation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of an answer, with its portion marking and at least one citation."""

    text: str
    marking: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a model call consumed. `cost_usd` is None where the price is not known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float | None = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """Why the output filter took something out of the answer, and how often."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why these sources: the plan of the question, what each arm found, the paths of entities."""

    plan: Mapping[str, Any]
    arms: Mapping[str, int]
    paths: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Sentences that are all cited and checked. `banner` is the least upper bound of what they cite."""

    kind: ClassVar[str] = "Answer"
    text: str
    banner: str
    sentences: tuple[Sentence, ...]
    explanation: Explanation
    answer_id: str
    ledger_id: str
    model: str
    usage: Usage
    redactions: tuple[Redaction, ...] = ()
    notice: str | None = None
    """What the reader should know of the whole, such as that a stronger sign-in may open more."""
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """Nothing the asker may read supports an answer; tells nothing about what they may not read."""

    kind: ClassVar[str] = "NotFound"
    text: str
    explanation: Explanation | None = None
    ledger_id: str
    model: str = ""
    usage: Usage = Usage()
    redactions: tuple[Redaction, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Policy does not allow this act to this person; decided from principal and policy alone."""

    kind: ClassVar[str] = "Denied"
    text: str
    reason: str
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUpRequired:
    """A fresh strong authentication would be needed; decided from principal and policy alone."""

    kind: ClassVar[str] = "StepUpRequired"
    text: str
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """A dependency failed, or asking is switched off; nothing was released."""

    kind: ClassVar[str] = "Unavailable"
    text: str
    dependency: str
    ledger_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Contexts, best first, as far as the asker may read them."""

    kind: ClassVar[str] = "SearchResult"
    contexts: tuple[Context, ...]
    ledger_id: str
    notice: str | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """A part of a document that the reader may see."""

    part_id: str
    text: str
    label: Label
    marking: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """A document as far as the reader may see it; absent and hidden documents are both NotFound."""

    kind: ClassVar[str] = "Document"
    document_id: str
    title: str | None
    metadata: Mapping[str, Any]
    banner: str
    parts: tuple[PartView, ...]
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityMention:
    """Where a visible part names the entity; start and end count code points in the part."""

    document_id: str
    part_id: str
    chunk_id: str
    start: int
    end: int
    surface: str
    label: Label
    marking: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRelation:
    """A typed assertion about the entity, with the span that says it."""

    type: str
    source: str
    source_id: str
    target: str
    target_id: str
    properties: Mapping[str, Any]
    citation: Citation
    marking: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityView:
    """An identity, put together from the visible assertions alone."""

    kind: ClassVar[str] = "Entity"
    entity_id: str
    name: str
    entity_kind: str
    aliases: tuple[str, ...]
    mentions: tuple[EntityMention, ...]
    mention_count: int
    relations: tuple[EntityRelation, ...]
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIn:
    """A part that names an entity, and the label that decides about it."""

    part_id: str
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySummary:
    """An entity among others. Its names and kinds, the most frequent first, and its count are of what is visible."""

    entity_id: str
    key: str
    name: str
    entity_kinds: tuple[str, ...]
    passage_count: int
    banner: str
    named_in: tuple[NamedIn, ...]
    """One part for each label that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityPage:
    """Entities in order of their keys, and the cursor that continues after them."""

    kind: ClassVar[str] = "EntityPage"
    entities: tuple[EntitySummary, ...]
    next_cursor: str | None
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathEntity:
    """An entity on a path, by the name that the relations beside it use most."""

    entity_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """From one entity to the next: relations that state it, whichever way they point."""

    relations: tuple[EntityRelation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityPath:
    """Entities in order, with one step less. `banner` is the least upper bound of what states the steps."""

    entities: tuple[PathEntity, ...]
    steps: tuple[PathStep, ...]
    banner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityPaths:
    """The shortest visible paths between two entities; hidden ends, absent ends and no path are all NotFound."""

    kind: ClassVar[str] = "EntityPaths"
    paths: tuple[EntityPath, ...]
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What whoever deleted it may read of a document is gone. Absent and hidden documents are NotFound."""

    kind: ClassVar[str] = "Deleted"
    document_id: str
    part_ids: tuple[str, ...]
    notice: str | None = None
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldChanged:
    """Whether what the asker may read of a document is under legal hold now. Absent and hidden are NotFound."""

    kind: ClassVar[str] = "HoldChanged"
    document_id: str
    held: bool
    part_ids: tuple[str, ...]
    notice: str | None = None
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a deletion took, and what stands in its place. Hashes are lower-case hex SHA-256."""

    kind: ClassVar[str] = "Certificate"
    document_id: str
    erased_at: datetime
    erased_by: str
    body: Mapping[str, Any]
    """All of it, as JSON that can be signed."""
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relabelled:
    """The document, or the part, is now under this label, and its parts have these new ids."""

    kind: ClassVar[str] = "Relabelled"
    document_id: str
    part_ids: tuple[str, ...]
    label: Label
    marking: str
    notice: str | None = None
    ledger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingChanged:
    """Whether the principal's access is now revoked: the same for subs that anybody has seen and others."""

    sub: str
    revoked: bool
    ledger_id: str


class GrantState(StrEnum):
    """Where a request for access in an emergency stands."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"
    LAPSED = "lapsed"
    """Its time ran out, or nobody approved it in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrant:
    """Break-glass: what somebody asked for, and what became of it."""

    grant_id: str
    state: GrantState
    sub: str
    operator: str | None
    """Who acted as `sub`, where somebody did."""
    clearance: Classification
    compartments: tuple[str, ...]
    authorities: tuple[str, ...]
    reason: str
    seconds: int
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    not_after: datetime | None
    ended_by: str | None
    ended_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Every field; times in ISO 8601."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: _plain(value) for name, value in given.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrants:
    """A tenant's grants, the newest request first, and the cursor that continues after them."""

    grants: tuple[AccessGrant, ...]
    next_cursor: str | None
    ledger_id: str


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case StrEnum():
            return str(value)
        case tuple():
            return list(value)
    return value


AskOutcome = Answer | NotFound | Denied | StepUpRequired | Unavailable
SearchOutcome = SearchResult | Denied | StepUpRequired | Unavailable
DocumentOutcome = DocumentView | NotFound | Denied | StepUpRequired | Unavailable
EntityOutcome = EntityView | NotFound | Denied | StepUpRequired | Unavailable
EntitiesOutcome = EntityPage | NotFound | Denied | StepUpRequired | Unavailable
PathsOutcome = EntityPaths | NotFound | Denied | StepUpRequired | Unavailable
HoldOutcome = HoldChanged | NotFound | Denied | StepUpRequired | Unavailable
CertificateOutcome = Certificate | NotFound | Denied | StepUpRequired | Unavailable
DeleteOutcome = Deleted | NotFound | Denied | StepUpRequired | Unavailable
RelabelOutcome = Relabelled | NotFound | Denied | StepUpRequired | Unavailable
