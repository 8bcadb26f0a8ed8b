"""Preparation: a document as the rows that will stand for it, computed before any transaction."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import count
from typing import Any

from copilot.ingest.chunks import chunk
from copilot.ingest.documents import Document, Part
from policy.labels import Label
from retrieval import definitions
from retrieval.embedding import Model, PassageEmbedder, Vectors
from retrieval.entities import mentions, normalise
from retrieval.identity import content_id
from retrieval.languages import detect, named
from retrieval.relations import relations
from retrieval.sentences import split
from retrieval.terms import Counted, Terms
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
    counted: Counted
    mentions: tuple[tuple[Mention, bool], ...]
    """Each with whether it stands in the title (offsets are then those of the title)."""
    relations: tuple[Relation, ...]
    defines: tuple[tuple[str, bool], ...] = ()
    """Names that it is about, each with whether the title gives it."""

    @property
    def terms(self) -> Mapping[str, int]:
        return self.counted.terms

    @property
    def length(self) -> int:
        return self.counted.length


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
    model: Model
    """Whose its vectors are."""


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
    document: Document, embedder: PassageEmbedder, terms: Terms, *, taken: Set[str] = frozenset()
) -> PreparedDocument:
    """Chunks, embeds and extracts. A title goes in only where everyone who reads the part may read it.

    `taken` are the ids of other documents' parts, which these parts must not have.
    """
    while True:
        model = embedder.model
        parts = await _parts(document, embedder, terms, taken)
        if (
            embedder.model == model
        ):  # else another took over meanwhile, and vectors of both are among them
            return PreparedDocument(
                document=document, sha256=digest(document), parts=parts, model=model
            )


async def _parts(
    document: Document, embedder: PassageEmbedder, terms: Terms, taken: Set[str]
) -> tuple[PreparedPart, ...]:
    parts: list[PreparedPart] = []
    for part in document.parts:
        over = heading(document.title, document.metadata, document.label, part.label, part.text)
        part_id = part_id_of(document, part, taken | {one.part_id for one in parts})
        spans = chunk(part.text)
        embedded = [await _embed(span.of(part.text), over.title, embedder) for span in spans]
        chunks = tuple(
            _chunk(
                part_id,
                span.start,
                one,
                over.title,
                terms.counted(over.title, one.text, over.language),
            )
            for span, one in zip(spans, embedded, strict=True)
        )
        parts.append(PreparedPart(part=part, part_id=part_id, chunks=chunks))
    return tuple(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a part goes by, as far as everyone who reads it may know the document."""

    title: str
    """Empty where they may not."""
    language: str
    """Which the document's metadata name, else told by the part's own text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Embedded:
    text: str
    vector: Vectors
    sentences: tuple[tuple[Span, Vectors], ...]


async def _embed(text: str, title: str, embedder: PassageEmbedder) -> _Embedded:
    """The text and each of its sentences, with the title before them where there is one."""
    spans = split(text)
    texts = [text, *(span.of(text) for span in spans)]
    vectors = await embedder.embed(titled(title, texts))
    return _Embedded(
        text=text, vector=vectors[0], sentences=tuple(zip(spans, vectors[1:], strict=True))
    )


def titled(title: str, texts: Sequence[str]) -> list[str]:
    """What is embedded for these texts: the title goes before each, where there is one."""
    return [f"{title}\n{one}" if title else one for one in texts]


def heading(
    title: str, metadata: Mapping[str, Any], about: Label, label: Label, text: str
) -> Heading:
    """Of a part under `label`, of a document whose title and metadata are under `about`."""
    if not label.dominates(about):
        return Heading(title="", language=detect(text))
    return Heading(title=title, language=named(metadata.get("language")) or detect(text))


def part_id_of(document: Document, part: Part, taken: Set[str] = frozenset()) -> str:
    """Content-derived. The document's id goes in only where the part's readers may know it anyway.

    Two parts can then meet only under one label, so telling them apart by a count reveals nothing hidden.
    """
    known = document.document_id if part.label.dominates(document.label) else ""
    content = (part.label.canonical(), known, part.text)
    ids = (content_id("part", *content, str(occurrence)) for occurrence in count())
    return next(part_id for part_id in ids if part_id not in taken)


def chunk_id_of(part_id: str, start: int, text: str) -> str:
    return content_id("chunk", part_id, str(start), text)


def _chunk(
    part_id: str, start: int, embedded: _Embedded, title: str, counted: Counted
) -> PreparedChunk:
    text = embedded.text
    inside = mentions(text)
    return PreparedChunk(
        chunk_id=chunk_id_of(part_id, start, text),
        start=start,
        end=start + len(text),
        text=text,
        embedding=embedded.vector,
        sentences=embedded.sentences,
        counted=counted,
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
