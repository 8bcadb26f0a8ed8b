"""The values that travel through retrieval."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from policy.labels import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A half-open range of Unicode code points in a text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        return text[self.start : self.end]


class EntityKind(StrEnum):
    """What a mention may be recognised as without a model."""

    PERSON = "person"
    ORGANISATION = "organisation"
    VESSEL = "vessel"
    PLACE = "place"
    NAME = "name"
    """A proper name of which no more is known."""
    ACCOUNT = "account"
    EMAIL = "email"
    PHONE = "phone"
    DATE = "date"
    AMOUNT = "amount"
    IDENTIFIER = "identifier"
    """Registration, file, transaction or container numbers, IP addresses, CVEs, hashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """An entity named in a text. `key` is the normalised name by which mentions are one entity."""

    kind: EntityKind
    key: str
    surface: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A typed assertion between two mentions of one text, with the span that says it."""

    type: str
    """Such as "owns", "director_of", "paid", "alias_of", "located_in"."""
    source: Mention
    target: Mention
    start: int
    end: int
    properties: Mapping[str, Any] = field(default_factory=dict)


class Arm(StrEnum):
    """The three ways of finding a passage."""

    VECTOR = "vector"
    KEYWORD = "keyword"
    GRAPH = "graph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One chunk as one arm ranks it; higher scores are better, ties go by chunk id."""

    chunk_id: str
    score: float
    path: tuple[str, ...] = ()
    """For the graph: the names of the entities that led here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmHit:
    """Which arm found a context, at which rank (from 1) and with what score."""

    arm: Arm
    rank: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stored chunk, read through row-level security."""

    chunk_id: str
    part_id: str
    document_id: str
    """The part's own id where the reader may not see the document's."""
    title: str | None
    """None where the reader may not see it."""
    text: str
    start: int
    end: int
    """Code points in the part: part_text[start:end] == text."""
    label_id: int
    label: Label
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSentence:
    """A sentence of a chunk and how well it fits the question, from 0 to about 1."""

    start: int
    end: int
    """Code points in the chunk's text."""
    text: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A chunk that retrieval proposes, with how it was found."""

    chunk: Chunk
    score: float
    arms: tuple[ArmHit, ...]
    path: tuple[str, ...] = ()
    sentences: tuple[ScoredSentence, ...] = ()
    """In the order of the text; empty until relevance has weighed them."""
    precedes: str | None = None
    """The chunk that cannot be understood without this one, which was added for that and found by what found it."""

    @property
    def label_id(self) -> int:
        return self.chunk.label_id

    @property
    def label(self) -> Label:
        return self.chunk.label
