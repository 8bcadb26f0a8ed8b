"""Preparation: a document as the rows that will stand for it, computed before any transaction."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import count
from typing import Any

from copilot.ingest.chunks import chunk
from copilot.ingest.documents import Document, Part
from retrieval import definitions
from retrieval.embedding import Embedder, Vectors
from retrieval.entities import mentions, normalise
from retrieval.identity import content_id
from retrieval.relations import relations
from retrieval.sentences import split
from retrieval.terms import Terms
from retrieval.types import EntityKind, Mention, Relation, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedChunk:
    """A chunk with everything that the searches need of it. Offsets of mentions are those of the part."""

    chunk_id: str
    start: int
    end: int
    text: str
    embedding: Vectors
    sentences: tuple[tuple[Span, Vectors], ...]
    """Code points in the chunk's text; the vector is that of title and sentence."""
    terms: Mapping[str, int]
    mentions: tuple[tuple[Mention, bool], ...]
    """Each with whether it stands in the title (offsets are then those of the title)."""
    relations: tuple[Relation, ...]
    defines: tuple[tuple[str, bool], ...] = ()
    """Names that it is about, each with whether the title gives it."""

    @property
    def length(self) -> int:
        return sum(self.terms.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPart:
    part: Part
    part_id: str
    chunks: tuple[PreparedChunk, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDocument:
    document: Document
    sha256: str
    parts: tuple[PreparedPart, ...]


def digest(document: Document) -> str:
    """SHA-256 (hex) of all that is stored of a document: equal digests need no second ingest."""
    value: dict[str, Any] = {
        "id": document.document_id,
        "title": document.title,
        "label": document.label.canonical(),
        "source": document.source,
        "metadata": document.metadata,
        "parts": [[part.label.canonical(), part.text] for part in document.parts],
    }
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def prepare(
    document: Document, embedder: Embedder, terms: Terms, *, taken: Set[str] = frozenset()
) -> PreparedDocument:
    """Chunks, embeds and extracts. A title goes in only where everyone who reads the part may read it.

    `taken` are the ids of other documents' parts, which these parts must not have.
    """
    parts: list[PreparedPart] = []
    for part in document.parts:
        title = document.title if part.label.dominates(document.label) else ""
        part_id = _part_id(document, part, taken | {one.part_id for one in parts})
        spans = chunk(part.text)
        embedded = [await _embed(span.of(part.text), title, embedder) for span in spans]
        chunks = tuple(
            _chunk(part_id, span.start, text, title, terms)
            for span, text in zip(spans, embedded, strict=True)
        )
        parts.append(PreparedPart(part=part, part_id=part_id, chunks=chunks))
    return PreparedDocument(document=document, sha256=digest(document), parts=tuple(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Embedded:
    text: str
    vector: Vectors
    sentences: tuple[tuple[Span, Vectors], ...]


async def _embed(text: str, title: str, embedder: Embedder) -> _Embedded:
    """The text and each of its sentences, with the title before them where there is one."""
    spans = split(text)
    texts = [text, *(span.of(text) for span in spans)]
    vectors = await embedder.embed([f"{title}\n{one}" if title else one for one in texts])
    return _Embedded(
        text=text, vector=vectors[0], sentences=tuple(zip(spans, vectors[1:], strict=True))
    )


def _part_id(document: Document, part: Part, taken: Set[str]) -> str:
    """Content-derived. The document's id goes in only where the part's readers may know it anyway.

    Two parts can then meet only under one label, so telling them apart by a count reveals nothing hidden.
    """
    known = document.document_id if part.label.dominates(document.label) else ""
    content = (part.label.canonical(), known, part.text)
    ids = (content_id("part", *content, str(occurrence)) for occurrence in count())
    return next(part_id for part_id in ids if part_id not in taken)


def _chunk(
    part_id: str, start: int, embedded: _Embedded, title: str, terms: Terms
) -> PreparedChunk:
    text = embedded.text
    inside = mentions(text)
    return PreparedChunk(
        chunk_id=content_id("chunk", part_id, str(start), text),
        start=start,
        end=start + len(text),
        text=text,
        embedding=embedded.vector,
        sentences=embedded.sentences,
        terms=Counter(terms.of(f"{title} {text}")),
        mentions=(*((m, False) for m in inside), *((m, True) for m in _title_mentions(title))),
        relations=tuple(relations(text, inside)),
        defines=tuple(_defines(title, text if start == 0 else "")),
    )


def _defines(title: str, beginning: str) -> Iterator[tuple[str, bool]]:
    yield from ((key, False) for key in sorted(definitions.subject(beginning)))
    yield from ((key, True) for key in sorted(definitions.titled(title)))


def _title_mentions(title: str) -> Iterator[Mention]:
    """What a title names; a title in which nothing is recognised is itself a name."""
    found = mentions(title)
    yield from found
    key = normalise(title)
    if title and key and key not in {mention.key for mention in found}:
        yield Mention(kind=EntityKind.NAME, key=key, surface=title, start=0, end=len(title))
