"""What retrieval asks of a store: every method takes the Scope and touches nothing outside it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from policy.scope import Scope
from retrieval.embedding import Vectors
from retrieval.types import Chunk, Hit

MOST_LINKS = 32
"""Visible chunks up to which a name leads to all of them. Tried from 16 to 200: no public corpus cares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingList:
    """Where a term stands, as parallel arrays of shape (n,): chunks by position, each once."""

    positions: NDArray[np.int64]
    counts: NDArray[np.uint8]
    """How often; 255 also stands for more."""
    lengths: NDArray[np.uint16]
    """Terms of the chunk; 65,535 also stands for more."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What a chunk and a question have in common: the cosine, and how often it has each of some terms."""

    similarity: float
    length: int
    """How many terms the chunk has in all."""
    counts: Mapping[str, int]
    text: str
    titles: tuple[str, ...] = ()
    """The names that its title gives it, as far as its readers may know the title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityLink:
    """An entity named in a visible chunk. `degree` counts the visible chunks that name it."""

    entity_id: str
    name: str
    chunk_id: str
    degree: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A visible chunk that is about what bears a name."""

    key: str
    chunk_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What names lead to, each list in order of its fields."""

    inside: Mapping[str, Sequence[str]]
    """Chunk id → the entities that it mentions."""
    mentions: Sequence[EntityLink]
    definitions: Sequence[Definition]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An entity one visible relation away from another."""

    entity_id: str
    name: str
    from_id: str
    from_name: str
    relation: str


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

    async def postings(self, terms: Sequence[str], *, scope: Scope) -> Postings:
        """All visible postings of the terms; a term without any has no list."""

    async def identify(
        self, postings: Postings, positions: Sequence[int], *, scope: Scope
    ) -> dict[int, str]:
        """Position → chunk id, for those that are visible still."""

    async def chunks(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        """The chunks with these ids, as far as they are visible."""

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

    async def neighbours(self, entity_ids: Sequence[str], *, scope: Scope) -> list[Neighbour]:
        """Entities one visible relation away, in either direction."""
