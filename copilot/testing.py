"""Fakes that pass the same contract tests as the real parts: for tests that need no server."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from copilot.ingest.documents import Document
from copilot.ingest.prepare import PreparedChunk, PreparedDocument, PreparedPart, prepare
from policy.labels import Label
from policy.scope import LabelCatalog, Scope
from retrieval import linking
from retrieval.embedding import DIMENSION, Model, Vectors
from retrieval.identity import content_id, entity_id
from retrieval.ports import (
    LONGEST,
    MOST_BEGINNING,
    MOST_LINKS,
    MOST_NEIGHBOURS,
    MOST_OFTEN,
    MOST_RELATIONS,
    MOST_STATED,
    Around,
    Definition,
    EmbeddedSentence,
    KnownEntity,
    Neighbour,
    Passage,
    PostingList,
    Postings,
    Weight,
    mentioned,
    step_order,
)
from retrieval.terms import Terms
from retrieval.types import Chunk, Hit

_WORD = re.compile(r"\w+")


class FakeEmbedder:
    """Hashed bags of words: texts that share words are near one another. No weights, no threads."""

    model = Model(name="bags of words", dimension=DIMENSION, sha256="0" * 64)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.stack([_bag(text) for text in texts]) if texts else np.empty((0, DIMENSION), "f4")

    async def embed_question(self, text: str) -> Vectors:
        return _bag(text)


def _bag(text: str) -> Vectors:
    counts = np.zeros(DIMENSION)
    for word in _WORD.findall(text.casefold()):
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        value = int.from_bytes(digest, "big")
        counts[value % DIMENSION] += 1 if value >> 63 else -1
    if not counts.any():
        counts[0] = 1
    return (counts / np.linalg.norm(counts)).astype(np.float32)


class MemoryLabels:
    """Interned labels and people's standing: a `LabelSource` whose epoch rises with each change."""

    def __init__(self) -> None:
        self._ids: dict[Label, int] = {}
        self._revoked: set[tuple[str, str]] = set()
        self._fences = 0

    def intern(self, label: Label) -> int:
        return self._ids.setdefault(label, len(self._ids) + 1)

    def revoke(self, tenant: str, sub: str) -> None:
        """Takes somebody's access away."""
        self._revoked.add((tenant, sub))
        self.raise_fence()

    def raise_fence(self) -> None:
        """After a restriction: scopes of an earlier epoch are not used any more."""
        self._fences += 1

    async def catalog(self, tenant: str) -> LabelCatalog:
        labels = {i: label for label, i in self._ids.items() if label.tenant == tenant}
        revoked = frozenset(sub for of, sub in self._revoked if of == tenant)
        return LabelCatalog(epoch=len(labels) + self._fences, labels=labels, revoked=revoked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    document: PreparedDocument
    document_label_id: int
    part: PreparedPart
    label_id: int
    chunk: PreparedChunk


@dataclass
class MemoryCorpus:
    """What both memory stores read. Documents of one id and label replace one another."""

    labels: MemoryLabels = field(default_factory=MemoryLabels)
    _documents: dict[tuple[str, Label], PreparedDocument] = field(default_factory=dict)

    async def put(self, document: Document) -> None:
        """Takes a document in. Like ingest it tells parts apart that would have the same id."""
        for label in [document.label, *(part.label for part in document.parts)]:
            self.labels.intern(label)
        self._documents.pop((document.document_id, document.label), None)
        taken = {part.part_id for other in self._documents.values() for part in other.parts}
        prepared = await prepare(document, FakeEmbedder(), Terms(), taken=taken)
        self._documents[document.document_id, document.label] = prepared

    def remove(self, document_id: str) -> None:
        """Takes out the documents of this id, under all labels."""
        for key in [key for key in self._documents if key[0] == document_id]:
            del self._documents[key]
        self.labels.raise_fence()

    def visible(self, scope: Scope) -> Iterator[_Stored]:
        """The chunks that the scope shows, in the order of their ids."""
        stored = [
            _Stored(
                document=document,
                document_label_id=self.labels.intern(document.document.label),
                part=part,
                label_id=self.labels.intern(part.part.label),
                chunk=chunk,
            )
            for document in self._documents.values()
            for part in document.parts
            for chunk in part.chunks
        ]
        shown = [one for one in stored if one.label_id in scope.labels]
        return iter(sorted(shown, key=lambda one: one.chunk.chunk_id))


class MemoryPassages:
    """`PassageStore` over a `MemoryCorpus`."""

    def __init__(self, corpus: MemoryCorpus) -> None:
        self._corpus = corpus

    def reading(self, *, scope: Scope) -> AbstractAsyncContextManager[None]:  # noqa: ARG002
        return nullcontext()

    async def nearest(self, vector: Vectors, limit: int, *, scope: Scope) -> list[Hit]:
        hits = [
            Hit(chunk_id=one.chunk.chunk_id, score=_similarity(one, vector))
            for one in self._corpus.visible(scope)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))[:limit]

    async def weigh(
        self, chunk_ids: Sequence[str], vector: Vectors, terms: Sequence[str], *, scope: Scope
    ) -> dict[str, Weight]:
        return {
            one.chunk.chunk_id: Weight(
                similarity=_similarity(one, vector),
                length=min(one.chunk.length, LONGEST),
                counts={
                    term: min(count, MOST_OFTEN)
                    for term, count in one.chunk.terms.items()
                    if term in set(terms)
                },
            )
            for one in self._corpus.visible(scope)
            if one.chunk.chunk_id in set(chunk_ids)
        }

    async def passages(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Passage]:
        return {
            one.chunk.chunk_id: Passage(
                text=one.chunk.text,
                titles=tuple(sorted({key for key, in_title in one.chunk.defines if in_title})),
            )
            for one in self._corpus.visible(scope)
            if one.chunk.chunk_id in set(chunk_ids)
        }

    async def postings(self, terms: Sequence[str], *, scope: Scope) -> Postings:
        visible = [one.chunk for one in self._corpus.visible(scope)]
        return Postings(
            lists={
                term: _postings(visible, term)
                for term in set(terms)
                if any(term in chunk.terms for chunk in visible)
            },
            chunks=len(visible),
            terms=sum(chunk.length for chunk in visible),
            size=len(visible),
            identity=[chunk.chunk_id for chunk in visible],
        )

    async def beginning(self, starts: Sequence[str], *, scope: Scope) -> dict[str, Sequence[str]]:
        degrees = Counter(term for one in self._corpus.visible(scope) for term in one.chunk.terms)
        found = {start: [term for term in degrees if term.startswith(start)] for start in starts}
        return {
            start: sorted(sorted(some, key=lambda term: (-degrees[term], term))[:MOST_BEGINNING])
            for start, some in found.items()
        }

    async def identify(
        self, postings: Postings, positions: Sequence[int], *, scope: Scope
    ) -> dict[int, str]:
        assert isinstance(postings.identity, list)
        shown = {one.chunk.chunk_id for one in self._corpus.visible(scope)}
        found = {position: postings.identity[position] for position in positions}
        return {position: chunk for position, chunk in found.items() if chunk in shown}

    async def chunks(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        return {
            one.chunk.chunk_id: _chunk(one, scope)
            for one in self._corpus.visible(scope)
            if one.chunk.chunk_id in set(chunk_ids)
        }

    async def preceding(self, chunk_ids: Sequence[str], *, scope: Scope) -> dict[str, Chunk]:
        visible = list(self._corpus.visible(scope))
        found = {}
        for one in visible:
            before = [
                other
                for other in visible
                if other.part is one.part and other.chunk.start < one.chunk.start
            ]
            if one.chunk.chunk_id in set(chunk_ids) and before:
                nearest = max(before, key=lambda other: other.chunk.start)
                found[one.chunk.chunk_id] = _chunk(nearest, scope)
        return found

    async def sentences(
        self, chunk_ids: Sequence[str], *, scope: Scope
    ) -> dict[str, list[EmbeddedSentence]]:
        return {
            one.chunk.chunk_id: [
                EmbeddedSentence(start=span.start, end=span.end, vector=_halved(vector))
                for span, vector in one.chunk.sentences
            ]
            for one in self._corpus.visible(scope)
            if one.chunk.chunk_id in set(chunk_ids)
        }


class MemoryGraph:
    """`GraphStore` over a `MemoryCorpus`."""

    def __init__(self, corpus: MemoryCorpus) -> None:
        self._corpus = corpus

    async def linked(self, names: Sequence[str], *, scope: Scope) -> dict[str, str]:
        keys = {
            mention.key for one in self._corpus.visible(scope) for mention, _ in one.chunk.mentions
        }
        return {entity_id(scope.tenant, key): key for key in linking.close(names, keys)}

    async def around(
        self,
        chunk_ids: Sequence[str],
        entity_ids: Sequence[str],
        keys: Sequence[str],
        near: Sequence[str],
        *,
        scope: Scope,
    ) -> Around:
        visible = [one.chunk for one in self._corpus.visible(scope)]
        names = {
            (entity_id(scope.tenant, mention.key), chunk.chunk_id): mention.key
            for chunk in visible
            for mention, _ in chunk.mentions
        }
        inside = {
            one: entities
            for one in sorted(set(chunk_ids))
            if (entities := sorted(entity for entity, chunk in names if chunk == one))
        }
        asked = {*entity_ids, *(entity for some in inside.values() for entity in some)}
        defined = {(key, chunk.chunk_id) for chunk in visible for key, _ in chunk.defines}
        return Around(
            inside=inside,
            mentions=mentioned(
                (entity, names[entity, chunk], degree, chunk)
                for entity, chunk, degree in _bounded(names, asked, near)
            ),
            definitions=[
                Definition(key=key, chunk_id=chunk)
                for key, chunk, _ in _bounded(defined, set(keys), near)
            ],
        )

    async def neighbours(
        self, entity_ids: Sequence[str], near: Sequence[str] = (), *, scope: Scope
    ) -> list[Neighbour]:
        steps: dict[str, list[Neighbour]] = {one: [] for one in entity_ids}
        for step in sorted(self._steps(scope), key=lambda step: step.relation_id):
            if step.from_id in steps:
                steps[step.from_id].append(step)
        few = (some for some in steps.values() if len(some) <= MOST_RELATIONS)
        return sorted((step for some in few for step in _led(some, near)), key=step_order)

    def _steps(self, scope: Scope) -> Iterator[Neighbour]:
        for one in self._corpus.visible(scope):
            for order, relation in enumerate(one.chunk.relations):
                parts = ("relation", one.chunk.chunk_id, relation.type, str(order))
                ends = [
                    (entity_id(scope.tenant, m.key), m.surface)
                    for m in (relation.source, relation.target)
                ]
                for forward, (origin, reached) in ((True, ends), (False, ends[::-1])):
                    yield Neighbour(
                        entity_id=reached[0],
                        name=reached[1],
                        from_id=origin[0],
                        from_name=origin[1],
                        relation=relation.type,
                        relation_id=content_id(*parts),
                        forward=forward,
                    )

    async def entities(
        self, words: Sequence[str], limit: int, *, after: str = "", scope: Scope
    ) -> list[KnownEntity]:
        degrees = Counter(
            key
            for one in self._corpus.visible(scope)
            for key in {mention.key for mention, _ in one.chunk.mentions}
            if words and set(words) <= set(key.split()) and key > after
        )
        return [
            KnownEntity(entity_id=entity_id(scope.tenant, key), key=key, degree=degree)
            for key, degree in sorted(degrees.items())[:limit]
        ]


def _led(steps: Sequence[Neighbour], near: Sequence[str]) -> list[Neighbour]:
    """Of one entity's relations those that lead on, of each kind of step the first."""
    many = (
        len({step.entity_id for step in steps} - {step.from_id for step in steps}) > MOST_NEIGHBOURS
    )
    kinds: dict[tuple[str, str, bool], list[Neighbour]] = {}
    for step in steps:
        if step.entity_id != step.from_id and (not many or step.entity_id in near):
            kinds.setdefault((step.entity_id, step.relation, step.forward), []).append(step)
    return [step for some in kinds.values() for step in some[:MOST_STATED]]


def _halved(vector: Vectors) -> Vectors:
    """What half precision leaves of a vector."""
    return vector.astype(np.float16).astype(np.float32)


def _similarity(one: _Stored, vector: Vectors) -> float:
    return float(one.chunk.embedding.astype(np.float64) @ vector.astype(np.float64))


def _postings(chunks: Sequence[PreparedChunk], term: str) -> PostingList:
    held = [(at, one) for at, one in enumerate(chunks) if term in one.terms]
    return PostingList(
        positions=np.array([at for at, _ in held], np.int64),
        counts=np.array([one.terms[term] for _, one in held], np.uint8),
        lengths=np.array([one.length for _, one in held], np.uint16),
    )


def _bounded(
    pairs: Iterable[tuple[str, str]], asked: Set[str], near: Sequence[str]
) -> Iterator[tuple[str, str, int]]:
    """The (name, chunk) pairs of the asked names, each with the name's degree, in order."""
    ordered = sorted(pair for pair in pairs if pair[0] in asked)
    degrees = Counter(name for name, _ in ordered)
    for name, chunk in ordered:
        if degrees[name] <= MOST_LINKS or chunk in set(near):
            yield name, chunk, degrees[name]


def _chunk(one: _Stored, scope: Scope) -> Chunk:
    source = one.document.document
    named = one.document_label_id in scope.labels
    titled = named and one.part.part.label.dominates(source.label)
    return Chunk(
        chunk_id=one.chunk.chunk_id,
        part_id=one.part.part_id,
        document_id=source.document_id if named else one.part.part_id,
        title=source.title if titled else None,
        text=one.chunk.text,
        start=one.chunk.start,
        end=one.chunk.end,
        label_id=one.label_id,
        label=one.part.part.label,
        metadata=source.metadata if titled else {},
    )
