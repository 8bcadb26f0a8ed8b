"""Links: where a passage, or the question itself, leads on to, and how much of its weight each link carries.

Two kinds: to what defines a name that a text uses, and to what shares an entity with it. A link is gated by
how well its end fits what the question still asks for once the name of where it starts is taken out; and
weighed against the others from there, so that a passage with one good link passes nearly all on.
"""

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from policy.scope import Scope
from retrieval import definitions, linking
from retrieval.analysis import Plan
from retrieval.definitions import Naming
from retrieval.embedding import Vectors
from retrieval.fit import Fit
from retrieval.ports import Around, Definition, EntityLink, GraphStore, PassageStore
from retrieval.sentences import split
from retrieval.terms import Terms

_RELATED = 0.6
"""What an entity keeps of its weight over a typed relation."""
_MOST_ENTITIES = 64


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
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
        self._terms = Terms()

    async def named(self) -> dict[str, str]:
        """The passages that define what the question names, each with the name."""
        candidates = definitions.in_question(self._plan.question)
        keys = sorted({one.key for one in candidates})
        around = await self._graph.around([], [], keys, self._near, scope=self._scope)
        found = _by_key(around)
        used = definitions.chosen(candidates, found)
        await self._weigh(one.chunk_id for naming in used for one in found[naming.key])
        return {one.chunk_id: one.key for naming in used for one in found[naming.key]}

    async def onward(self, chunk_ids: Sequence[str], *, question: bool) -> dict[str, list[Link]]:
        """Chunk id → the links from there, to anything but itself; with `question`, "" → those of the question.

        Those lead to passages with the entities that the question names, or that are related to those.
        """
        entities = await self._question_entities() if question else {}
        texts = {one: found.text for one in chunk_ids if (found := self.fit.known(one))}
        candidates = {one: definitions.namings(text) for one, text in texts.items()}
        around = await self._graph.around(
            [*texts],
            sorted(entities),
            sorted({naming.key for some in candidates.values() for naming in some}),
            self._near,
            scope=self._scope,
        )
        defining = _definers(around, candidates)
        by_entity = _by_entity(around)
        ends = [one.chunk_id for some in defining.values() for _, one in some]
        await self._weigh([*ends, *(one.chunk_id for one in around.mentions)])
        links = {
            chunk: self._from(
                chunk,
                some,
                [link for one in around.inside.get(chunk, ()) for link in by_entity.get(one, ())],
            )
            for chunk, some in defining.items()
        }
        return links | {"": self._of_question(entities, by_entity)}

    def _of_question(
        self,
        entities: Mapping[str, tuple[float, tuple[str, ...]]],
        by_entity: Mapping[str, Sequence[EntityLink]],
    ) -> list[Link]:
        names = " ".join(mention.key for mention in self._plan.entities)
        asked = set(self._plan.terms) - set(self._terms.of(names))
        links = [
            self._shared(one, asked, *entities[entity])
            for entity in sorted(entities)
            for one in by_entity.get(entity, ())
        ]
        return weighed(links, SHARING)

    def _from(
        self,
        chunk_id: str,
        definers: Sequence[tuple[Naming, Definition]],
        sharers: Sequence[EntityLink],
    ) -> list[Link]:
        """A passage that defines what this one names is not linked a second time by what they share."""
        asked = set(self._plan.terms) - self._own_name(chunk_id)
        defining = [self._defining(chunk_id, naming, one, asked) for naming, one in definers]
        closer = {chunk_id, *(link.chunk_id for link in defining)}
        sharing = [
            self._shared(one, asked, 1.0, (one.name,))
            for one in sharers
            if one.chunk_id not in closer
        ]
        return weighed(defining, DEFINING) + weighed(sharing, SHARING)

    def _own_name(self, chunk_id: str) -> set[str]:
        """The terms by which the passage itself would be asked for."""
        known = self.fit.known(chunk_id)
        if known is None:
            return set()
        return set(self._terms.of(" ".join(known.titles or definitions.subject(known.text))))

    def _defining(self, chunk_id: str, naming: Naming, end: Definition, asked: Set[str]) -> Link:
        gate = self._gate(DEFINING, end.chunk_id, asked)
        gate += _SAID * self.fit.coverage(asked, self._said(chunk_id, naming))
        return Link(chunk_id=end.chunk_id, weight=gate, path=(naming.key,))

    def _said(self, chunk_id: str, naming: Naming) -> set[str]:
        """The terms of the sentence that uses the name."""
        known = self.fit.known(chunk_id)
        assert known is not None  # its text gave the name
        said = next(one for one in split(known.text) if naming.start < one.end)
        return set(self._terms.of(said.of(known.text)))

    def _shared(
        self, one: EntityLink, asked: Set[str], weight: float, path: tuple[str, ...]
    ) -> Link:
        """A rarer entity is a closer tie; two is the least that can be shared."""
        rarity = weight / math.log2(1 + max(one.degree, 2))
        gate = rarity * self._gate(SHARING, one.chunk_id, asked)
        return Link(chunk_id=one.chunk_id, weight=gate, path=path)

    def _gate(self, kind: Kind, chunk_id: str, asked: Set[str]) -> float:
        meaning = kind.meaning * self.fit.meaning(chunk_id)
        return meaning + kind.words * self.fit.covered(asked, chunk_id)

    async def _weigh(self, chunk_ids: Iterable[str]) -> None:
        unknown = self.fit.unknown(chunk_ids)
        if unknown:
            terms = self._plan.terms
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


def _by_key(around: Around) -> dict[str, list[Definition]]:
    found: dict[str, list[Definition]] = {}
    for one in around.definitions:
        found.setdefault(one.key, []).append(one)
    return found


def _by_entity(around: Around) -> dict[str, list[EntityLink]]:
    found: dict[str, list[EntityLink]] = {}
    for one in around.mentions:
        found.setdefault(one.entity_id, []).append(one)
    return found


def _definers(
    around: Around, candidates: Mapping[str, Sequence[Naming]]
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
    return Link(chunk_id=link.chunk_id, weight=share, path=link.path)
