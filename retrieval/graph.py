"""The graph arm: passages reached over entities and relations from the question and its best passages."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from policy.scope import Scope
from retrieval.analysis import Plan
from retrieval.embedding import Vectors
from retrieval.ports import EntityLink, GraphStore
from retrieval.types import Hit

_SEED_PASSAGES = 3
"""A trial on three public corpora did best with one to three; ten drown the question."""
_HOP = 0.6
"""What an entity keeps of its weight when it is reached over a relation, or out of a passage."""
_MOST_ENTITIES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seed:
    weight: float
    path: tuple[str, ...]


async def search(
    store: GraphStore,
    plan: Plan,
    question: Vectors,
    best: Sequence[Hit],
    limit: int,
    *,
    scope: Scope,
) -> list[Hit]:
    """Spreads from the entities of the question and of `best` (the other arms' first), one relation far.

    A passage scores by the weight and rarity of the entities that lead to it, times its own cosine with
    the question: the gate that keeps a busy entity from dragging in all that names it.
    """
    seeds = await _question_entities(store, plan, scope)
    seeds = _merge(seeds, await _passage_entities(store, best[:_SEED_PASSAGES], scope))
    seeds = _merge(seeds, await _related(store, seeds, scope))
    strongest = sorted(seeds, key=lambda entity: (-seeds[entity].weight, entity))[:_MOST_ENTITIES]
    links = await store.mentions(strongest, question, scope=scope)
    return _score(links, seeds)[:limit]


async def _question_entities(store: GraphStore, plan: Plan, scope: Scope) -> dict[str, _Seed]:
    names = [mention.key.split() for mention in plan.entities]
    known = await store.linked(sorted({token for name in names for token in name}), scope=scope)
    seeds: dict[str, _Seed] = {}
    for entity, key in known.items():
        overlap = max((_overlap(name, key.split()) for name in names), default=0.0)
        if overlap >= 0.5:
            seeds[entity] = _Seed(weight=overlap, path=(key,))
    return seeds


def _overlap(asked: Sequence[str], known: Sequence[str]) -> float:
    both = set(asked) & set(known)
    return len(both) / max(len(set(asked) | set(known)), 1)


async def _passage_entities(
    store: GraphStore, best: Sequence[Hit], scope: Scope
) -> dict[str, _Seed]:
    inside = await store.entities_in([hit.chunk_id for hit in best], scope=scope)
    seeds: dict[str, _Seed] = {}
    for rank, hit in enumerate(best, start=1):
        for entity in inside.get(hit.chunk_id, []):
            seeds = _merge(seeds, {entity: _Seed(weight=_HOP / rank, path=())})
    return seeds


async def _related(store: GraphStore, seeds: dict[str, _Seed], scope: Scope) -> dict[str, _Seed]:
    reached: dict[str, _Seed] = {}
    for step in await store.neighbours(sorted(seeds), scope=scope):
        origin = seeds[step.from_id]
        path = (*(origin.path or (step.from_name,)), step.relation, step.name)
        reached = _merge(reached, {step.entity_id: _Seed(weight=origin.weight * _HOP, path=path)})
    return reached


def _merge(a: dict[str, _Seed], b: dict[str, _Seed]) -> dict[str, _Seed]:
    merged = dict(a)
    for entity, seed in b.items():
        if entity not in merged or seed.weight > merged[entity].weight:
            merged[entity] = seed
    return merged


def _score(links: Sequence[EntityLink], seeds: dict[str, _Seed]) -> list[Hit]:
    scores: dict[str, float] = defaultdict(float)
    paths: dict[str, tuple[float, tuple[str, ...]]] = {}
    for link in sorted(links, key=lambda link: (link.chunk_id, link.entity_id)):
        seed = seeds[link.entity_id]
        gain = seed.weight * (1.5 if link.in_title else 1.0) / math.log2(2 + link.degree)
        scores[link.chunk_id] += gain * max(link.similarity, 0.0)
        if gain > paths.get(link.chunk_id, (0.0, ()))[0]:
            paths[link.chunk_id] = (gain, seed.path or (link.name,))
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return [Hit(chunk_id=c, score=s, path=paths[c][1] if c in paths else ()) for c, s in ranked]
