"""Links: where a passage, or the question itself, leads on to, and how much of its weight each link carries.

Two kinds: to what defines a name that a text uses, and to what shares an entity with it. A link is gated by
how well its end fits what the question still asks for once the name of where it starts is taken out; and
weighed against the others from there, so that a passage with one good link passes nearly all on.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from policy.scope import Scope
from retrieval import definitions, linking
from retrieval.analysis import Plan
from retrieval.definitions import Naming, Runs
from retrieval.embedding import Vectors
from retrieval.fit import Asked, Fit
from retrieval.keyword import exactly
from retrieval.ports import Around, Definition, GraphStore, Mentioned, Passage, PassageStore
from retrieval.sentences import split
from retrieval.terms import Terms

_RELATED = 0.6
"""What an entity keeps of its weight over a typed relation."""
_MOST_ENTITIES = 64
_LEAST_SHARED = 2
"""Chunks that mention an entity which is shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How links of a kind are gated and weighed: `most` is what the best of them carries at most."""

    most: float
    meaning: float
    words: float
    relative: float
    """The part of the weight that goes by comparison with the best link from the same start …"""
    sharpness: float
    """… to this power; the rest goes by the gate itself."""


DEFINING = Kind(most=1.0, meaning=0.4, words=0.4, relative=0.6, sharpness=1.0)
SHARING = Kind(most=0.4, meaning=0.6, words=0.7, relative=0.8, sharpness=4.0)
_SAID = 0.2
"""Weight of the sentence that uses a name, in the gate of the link to what defines it."""


class Link(NamedTuple):
    """A way to a passage: how wide its gate is, later the share of weight that it carries, by which names."""

    chunk_id: str
    weight: float
    path: tuple[str, ...]


class Links:
    """The links of one question within one scope. What it meets it teaches `fit`.

    `near` are the passages that a name leads to even where it stands in too many to lead to all.
    """

    def __init__(
        self,
        passages: PassageStore,
        graph: GraphStore,
        plan: Plan,
        question: Vectors,
        fit: Fit,
        near: Sequence[str],
        *,
        scope: Scope,
    ) -> None:
        self.fit = fit
        self._passages = passages
        self._graph = graph
        self._plan = plan
        self._question = question
        self._near = near
        self._scope = scope
        self._terms = _Cut(plan)

    async def named(self) -> dict[str, str]:
        """The passages that define what the question names, each with the name."""
        candidates = definitions.in_question(self._plan.question)
        around = await self._graph.around([], [], [*candidates], self._near, scope=self._scope)
        found = _by_key(around)
        used = definitions.chosen(candidates, found)
        await self._weigh(one.chunk_id for naming in used for one in found[naming.key])
        return {one.chunk_id: one.key for naming in used for one in found[naming.key]}

    async def onward(self, chunk_ids: Sequence[str], *, question: bool) -> dict[str, list[Link]]:
        """Chunk id → the links from there, to anything but itself; with `question`, "" → those of the question.

        Those lead to passages with the entities that the question names, or that are related to those.
        """
        entities = await self._question_entities() if question else {}
        read = await self._passages.passages(chunk_ids, scope=self._scope)
        candidates = {one: definitions.namings(read[one].text) for one in chunk_ids if one in read}
        around = await self._graph.around(
            [*candidates],
            sorted(entities),
            [*dict.fromkeys(chain.from_iterable(candidates.values()))],
            self._near,
            scope=self._scope,
        )
        defining = _definers(around, candidates)
        mentions = {one.entity_id: one for one in around.mentions}
        ends = {one.chunk_id for some in defining.values() for _, one in some}
        await self._weigh(ends.union(*(one.chunk_ids for one in around.mentions)))
        links = {
            chunk: self._from(
                chunk,
                _Start(read[chunk], self._plan, self._terms, self.fit),
                some,
                [mentions[one] for one in around.inside.get(chunk, ()) if one in mentions],
            )
            for chunk, some in defining.items()
        }
        return links | {"": self._of_question(entities, mentions)}

    def _of_question(
        self,
        entities: Mapping[str, tuple[float, tuple[str, ...]]],
        mentions: Mapping[str, Mentioned],
    ) -> list[Link]:
        names = " ".join(mention.key for mention in self._plan.entities)
        asked = self.fit.asked(frozenset(self._plan.terms) - self._terms.of(names))
        links = [
            self._shared(mentions[entity], end, asked, *entities[entity])
            for entity in sorted(entities)
            if entity in mentions
            for end in mentions[entity].chunk_ids
        ]
        return weighed(links, SHARING)

    def _from(
        self,
        chunk_id: str,
        start: "_Start",
        definers: Sequence[tuple[Naming, Definition]],
        shared: Sequence[Mentioned],
    ) -> list[Link]:
        """A passage that defines what this one names is not linked a second time by what they share."""
        defining = [self._defining(start, naming, one) for naming, one in definers]
        closer = {chunk_id, *(link.chunk_id for link in defining)}
        sharing = [
            self._shared(one, end, start.asked, 1.0, (one.name,))
            for end, one in _rarest(shared).items()
            if end not in closer
        ]
        return weighed(defining, DEFINING) + weighed(sharing, SHARING)

    def _defining(self, start: "_Start", naming: Naming, end: Definition) -> Link:
        gate = self._gate(DEFINING, end.chunk_id, start.asked) + _SAID * start.said(naming)
        return Link(end.chunk_id, gate, (naming.key,))

    def _shared(
        self, one: Mentioned, end: str, asked: Asked, weight: float, path: tuple[str, ...]
    ) -> Link:
        """A rarer entity is a closer tie."""
        rarity = weight / math.log2(1 + max(one.degree, _LEAST_SHARED))
        return Link(end, rarity * self._gate(SHARING, end, asked), path)

    def _gate(self, kind: Kind, chunk_id: str, asked: Asked) -> float:
        meaning = kind.meaning * self.fit.meaning(chunk_id)
        return meaning + kind.words * asked.covered(chunk_id)

    async def _weigh(self, chunk_ids: Iterable[str]) -> None:
        unknown = self.fit.unknown(chunk_ids)
        if unknown:
            terms = self.fit.terms
            weights = await self._passages.weigh(unknown, self._question, terms, scope=self._scope)
            self.fit.learn(weights)

    async def _question_entities(self) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Entity → weight and path, by shared words of its name, and one typed relation on."""
        names = sorted({mention.key for mention in self._plan.entities})
        known = await self._graph.linked(names, scope=self._scope) if names else {}
        found: dict[str, tuple[float, tuple[str, ...]]] = {
            entity: (max(linking.share(name, key) for name in names), (key,))
            for entity, key in known.items()
        }
        steps = await self._graph.neighbours(sorted(found), scope=self._scope) if found else []
        for step in steps:
            weight, path = found[step.from_id]
            further = (weight * _RELATED, (*path, step.relation, step.name))
            if step.entity_id not in found or further[0] > found[step.entity_id][0]:
                found[step.entity_id] = further
        strongest = sorted(found, key=lambda one: (-found[one][0], one))[:_MOST_ENTITIES]
        return {one: found[one] for one in strongest}


class _Cut:
    """Cuts texts into terms for one question: identifiers only where it asks for one, as they take long."""

    def __init__(self, plan: Plan) -> None:
        terms = Terms()
        self._of = terms.of if any(map(exactly, plan.terms)) else terms.stems
        self._language = plan.language

    def of(self, text: str) -> frozenset[str]:
        return frozenset(self._of(text, self._language))


class _Start:
    """A passage that leads on, and what is asked for beyond what it would itself be asked for by."""

    def __init__(self, passage: Passage, plan: Plan, terms: _Cut, fit: Fit) -> None:
        own = " ".join(passage.titles or definitions.subject(passage.text))
        self.asked = fit.asked(frozenset(plan.terms) - terms.of(own))
        self._text = passage.text
        self._terms = terms
        self._sentences = split(passage.text)
        self._ends = [one.end for one in self._sentences]
        self._said: dict[int, float] = {}

    def said(self, naming: Naming) -> float:
        """How much of what is asked for the sentence says that uses the name."""
        at = bisect_right(self._ends, naming.start)
        if at not in self._said:
            present = self._terms.of(self._sentences[at].of(self._text))
            self._said[at] = self.asked.coverage(present)
        return self._said[at]


def _rarest(shared: Sequence[Mentioned]) -> dict[str, Mentioned]:
    """To each passage the way over the rarest entity; over the first of those that are alike."""
    best: dict[str, Mentioned] = {}
    for one in sorted(shared, key=lambda one: max(one.degree, _LEAST_SHARED)):
        for end in one.chunk_ids:
            best.setdefault(end, one)
    return best


def _by_key(around: Around) -> dict[str, list[Definition]]:
    found: dict[str, list[Definition]] = {}
    for one in around.definitions:
        found.setdefault(one.key, []).append(one)
    return found


def _definers(
    around: Around, candidates: Mapping[str, Runs]
) -> dict[str, list[tuple[Naming, Definition]]]:
    """Chunk id → what it names, each with a passage that defines it."""
    found = _by_key(around)
    return {
        chunk: [
            (naming, one)
            for naming in definitions.chosen(some, found)
            for one in found[naming.key]
            if one.chunk_id != chunk
        ]
        for chunk, some in candidates.items()
    }


def weighed(links: Sequence[Link], kind: Kind) -> list[Link]:
    """The links with the share of weight that each carries; where several lead to one end, the best."""
    widest = max((link.weight for link in links), default=0.0)
    best: dict[str, Link] = {}
    for link in links:
        if link.weight > 0 and (
            link.chunk_id not in best or link.weight > best[link.chunk_id].weight
        ):
            best[link.chunk_id] = link
    return [_weighed(best[one], kind, widest) for one in sorted(best)]


def _weighed(link: Link, kind: Kind, widest: float) -> Link:
    relative = kind.relative * (link.weight / widest) ** kind.sharpness
    share = kind.most * (relative + (1 - kind.relative) * link.weight)
    return Link(link.chunk_id, share, link.path)
