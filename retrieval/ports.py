"""What retrieval asks of a store: every method takes the Scope and touches nothing outside it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from policy.scope import Scope
from retrieval.embedding import Vectors
from retrieval.types import Chunk, Hit

LONGEST, MOST_OFTEN = 0xFFFF, 0xFF
"""A chunk's length and a term's count as postings tell them, where they are no less."""
MOST_BEGINNING = 64
"""Visible terms that the beginning of a word may stand for."""
MOST_LINKS = 32
"""Visible chunks up to which a name leads to all of them. Tried from 16 to 200: no public corpus cares."""
MOST_NEIGHBOURS = 64
"""Visible neighbours up to which an entity leads to all of them, so that two hops meet at most 64 × 64."""
MOST_RELATIONS = 4096
"""Visible relations up to which they are looked at: what has more, such as a bank, leads nowhere."""
MOST_STATED = 3
"""Relations of one type that tell of a step; a hundred transfers between two accounts are one step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingList:
    """Where a term stands, as parallel arrays of shape (n,): chunks by position, each once."""

    positions: NDArray[np.int64]
    counts: NDArray[np.uint8] | NDArray[np.float64]
    """How often; `MOST_OFTEN` also stands for more."""
    lengths: NDArray[np.uint16]
    """Terms of the chunk; `LONGEST` also stands for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """The visible postings of some terms, and the sums over all visible chunks that BM25 needs.

    A position is a number of one chunk below `size`, which only the store that gave it can tell.
    """

    lists: Mapping[str, PostingList]
    chunks: int
    terms: int
    """The chunks' lengths, added up."""
    size: int
    identity: object
    """What the store needs to tell chunks by their positions."""


class Weight(NamedTuple):
    """What a chunk and a question have in common: the cosine, and how often it has each of some terms."""

    similarity: float
    length: int
    """How many terms the chunk has in all, and the counts: as far as postings tell them."""
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What a chunk says, and the names that its title gives it, as far as its readers may know the title."""

    text: str
    titles: tuple[str, ...] = ()


class Mentioned(NamedTuple):
    """An entity and the visible chunks that it leads to, in order. `degree` counts all that name it."""

    entity_id: str
    name: str
    degree: int
    chunk_ids: tuple[str, ...]


class Definition(NamedTuple):
    """A visible chunk that is about what bears a name."""

    key: str
    chunk_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What names lead to, each list in order of its fields."""

    inside: Mapping[str, Sequence[str]]
    """Chunk id → the entities that it mentions."""
    mentions: Sequence[Mentioned]
    """Those that lead anywhere."""
    definitions: Sequence[Definition]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An entity one visible relation away from another."""

    entity_id: str
    name: str
    from_id: str
    from_name: str
    relation: str
    relation_id: str
    forward: bool
    """Whether the relation says it of the entity that is stepped from: who owns, and not what is owned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEntity:
    """A visible entity by its key. `degree` counts the visible chunks that name it."""

    entity_id: str
    key: str
    degree: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSentence:
    """A sentence of a chunk, in code points of its text, with the vector of title and sentence."""

    start: int
    end: int
    vector: Vectors


class PassageStore(Protocol):
    """Passages with their vectors and postings."""

    def reading(self, *, scope: Scope) -> AbstractAsyncContextManager[None]:
        """Within it reads of the scope cost less: they share what it takes to begin one."""

    async def nearest(self, vector: Vectors, limit: int, *, scope: Scope) -> list[Hit]:
        """The visible chunks by cosine similarity, exact, ties by chunk id."""

    async def weigh(
        self, chunk_ids: Sequence[str], vector: Vectors, terms: Sequence[str], *, scope: Scope
    ) -> dict[str, Weight]:
        """Chunk id → what the arms would say of it, for the visible ones of these."""

    async def passages(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Passage]:
        """Chunk id → what it says, for the visible ones of these."""

    async def postings(self, terms: Sequence[str], *, scope: Scope) -> Postings:
        """All visible postings of the terms; a term without any has no list."""

    async def beginning(self, starts: Sequence[str], *, scope: Scope) -> dict[str, Sequence[str]]:
        """Each of these starts → the visible terms that begin so; the `MOST_BEGINNING` that stand in most chunks.

        In the order of terms.
        """

    async def identify(
        self, postings: Postings, positions: Sequence[int], *, scope: Scope
    ) -> dict[int, str]:
        """Position → chunk id, for those that are visible still."""

    async def chunks(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        """The chunks with these ids, as far as they are visible."""

    async def preceding(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        """Chunk id → the visible chunk right before it in the same part; none for a part's first."""

    async def sentences(
        self, chunk_ids: Sequence[str], *, scope: Scope
    ) -> dict[str, list[EmbeddedSentence]]:
        """Chunk id → its sentences in order, over visible chunks."""


class GraphStore(Protocol):
    """Entities and relations; two adapters, one contract."""

    async def linked(self, names: Sequence[str], *, scope: Scope) -> dict[str, str]:
        """Visible entities (id → key) whose keys share at least half of all words with one of these names.

        Where more than `MOST_LINKS` do so with one name, only those with the very same words.
        """

    async def around(
        self,
        chunk_ids: Sequence[str],
        entity_ids: Sequence[str],
        keys: Sequence[str],
        near: Sequence[str],
        *,
        scope: Scope,
    ) -> Around:
        """What the chunks mention, where those entities and the given ones are mentioned, what defines the keys.

        All over visible chunks. Of an entity or key that more than `MOST_LINKS` visible chunks mention or
        define, only the chunks that are in `near`.
        """

    async def neighbours(
        self, entity_ids: Sequence[str], near: Sequence[str] = (), *, scope: Scope
    ) -> list[Neighbour]:
        """Other entities one visible relation away, in either direction, in order of `step_order`.

        Of an entity with more than `MOST_NEIGHBOURS` of them, only those in `near`; of one with more than
        `MOST_RELATIONS` visible relations (one to itself counts twice), none. Of many relations of one type and
        direction to the same neighbour, the first `MOST_STATED` by id.
        """

    async def entities(
        self, words: Sequence[str], limit: int, *, after: str = "", scope: Scope
    ) -> list[KnownEntity]:
        """Visible entities whose keys have all these words (none where there are no words).

        In order of their keys by code point, from beyond the key `after` on.
        """


def mentioned(mentions: Iterable[tuple[str, str, int, str]]) -> list[Mentioned]:
    """Those of each entity together, from its id, name and degree with one chunk at a time, in any order."""
    found: dict[tuple[str, str, int], list[str]] = {}
    for entity_id, name, degree, chunk_id in sorted(mentions):
        found.setdefault((entity_id, name, degree), []).append(chunk_id)
    return [Mentioned(*entity, tuple(chunks)) for entity, chunks in found.items()]


def step_order(step: Neighbour) -> tuple[str, ...]:
    """What neighbours are sorted by."""
    return (
        step.from_id,
        step.entity_id,
        step.relation,
        step.from_name,
        step.name,
        step.relation_id,
        str(step.forward),
    )
